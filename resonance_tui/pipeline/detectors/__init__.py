"""Face detectors: one module each, listed in `registry`. All of them run on this machine."""
