"""What the process that runs a broker does besides running it: rooms, accounts, traffic, links."""
