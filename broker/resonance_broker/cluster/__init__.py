"""Rooms on more than one machine: the configuration files of a cluster, from templates."""
