"""Charts of a recording: series, views and pictures."""
