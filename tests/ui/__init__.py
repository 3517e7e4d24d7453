"""Screens: flows by keys, pictures at four sizes, hostile text, large rooms."""
