"""The history in a Google sheet: a durable outbox, what it sends, and reading it back."""
