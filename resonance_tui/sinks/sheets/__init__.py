"""Google Sheets: a durable outbox, its sender, and reading rows back. `sink.py` is the entry."""
