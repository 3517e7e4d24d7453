"""`resonance-tui`, with one key more in the room lines of `--json`: `named`, how many viewers of
the room it knows a nickname of. Runs with the packages of whichever checkout is on the path."""

from __future__ import annotations

import importlib
import sys
from typing import Any


def main() -> int:
    headless: Any
    try:
        headless = importlib.import_module("resonance_tui.commands.headless")
    except ModuleNotFoundError:  # its name until 0.2
        headless = importlib.import_module("resonance_tui.verbs.headless")
    room_json = headless.room_json

    def with_names(event: Any) -> dict[str, Any]:
        named = sum(1 for row in event.room.rows if row.nickname)
        return {**room_json(event), "named": named}

    headless.room_json = with_names
    cli: Any = importlib.import_module("resonance_tui.cli")
    return int(cli.main() or 0)


if __name__ == "__main__":
    del sys.path[0]  # this file's own folder
    sys.exit(main())
