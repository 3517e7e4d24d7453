"""From a clip to seven probabilities."""
