"""The commands of hosts and co-hosts."""
