"""`sheets`: the history in a Google sheet."""
