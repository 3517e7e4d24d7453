"""`python -m resonance_tui` is the same program as `resonance-tui`."""

from resonance_tui.cli import main

main()
