"""Everything that happens to a face: from the camera to a prediction; all of it in memory."""
