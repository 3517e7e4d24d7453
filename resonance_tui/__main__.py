"""The program: `resonance-tui`, and `python -m resonance_tui`."""

from __future__ import annotations

import gc

# New objects, and rounds, before the garbage collector looks: imports make none, and Python's own
# figures are a tenth of the start.
GARBAGE = (50_000, 20, 20)
gc.set_threshold(*GARBAGE)

from resonance_tui.cli import main  # noqa: E402 - it loads what the start needs

__all__ = ["main"]

if __name__ == "__main__":
    main()
