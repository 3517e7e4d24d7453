"""One file a verb: what each does once the command line has been read."""
