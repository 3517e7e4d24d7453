"""Engines: from a clip of one face to seven probabilities. `registry` has the table of them."""
