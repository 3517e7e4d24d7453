"""The room you miss when you watch a stream alone, in a terminal."""

__version__ = "0.1.0"
