"""The old name of `resonance_broker`; it works from a checkout only, for one release."""

from former_names import alias

RENAMED = {"book": "accounts_store", "workfiles": "runtime_dir"}

alias("broker", "resonance_broker", RENAMED, {"BookFile": "AccountsStore"})
