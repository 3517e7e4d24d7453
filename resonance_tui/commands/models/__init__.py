"""`models`: the networks there are, their weights, their cost and their scores."""
