"""The wire protocol: messages, topics, URLs and safe text; pure."""
