"""Training and evaluation of the clip networks, as their authors did it."""
