"""Where a recording goes besides the local database."""
