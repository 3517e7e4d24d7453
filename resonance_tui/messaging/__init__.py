"""The room on the wire: frames, topics, and the broker connection."""
