"""From a picture source to clips of one face."""
