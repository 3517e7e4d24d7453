"""The room for other programs: events over HTTP, and pages that OBS shows over a video."""
