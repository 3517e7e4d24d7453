"""Other people's brokers, started from the package indexes in a folder, and rooms on them."""
