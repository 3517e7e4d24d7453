"""Places that recorded rows go to beside the local database. A new one is a module that
implements `Sink` (`base.py`, or `row_sink.py` with less work) and one line in `registry.py`."""
