"""Simulated viewers, for demos and load."""
