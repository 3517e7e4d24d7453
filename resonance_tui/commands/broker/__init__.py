"""`broker`: run one, invite to it, keep its accounts."""
