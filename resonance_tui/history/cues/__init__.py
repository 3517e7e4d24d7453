"""Moments of a recording as chapters, subtitles and markers of other programs."""
