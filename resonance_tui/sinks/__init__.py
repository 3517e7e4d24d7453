"""Places that recorded rows go to beside the local database.

A new one is a module that implements `Sink` (`base.py`; `row_sink.py` leaves only `add` to write)
and one line in `registry.py`. Only settings of its own need more: a section in `config.py`.
"""
