"""`history`: what was recorded, shown, printed, kept."""
