"""What may go wrong before a broker runs."""

from __future__ import annotations


class NotHere(Exception):
    """A broker cannot be had or started on this machine; str() is the reason in one line."""
