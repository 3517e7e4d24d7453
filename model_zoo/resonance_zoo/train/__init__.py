"""Training: on single pictures (`still`) and on clips (`clips`)."""
