"""Where every command finds the keys of the rooms that this machine hosts or co-hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resonance_tui.config import Directories
    from resonance_tui.room_keys import RoomKeys


def own_keys(folders: Directories) -> RoomKeys:
    """The keys that lie on this machine."""
    from resonance_tui.room_keys import RoomKeys

    return RoomKeys(folders.room_keys_folder)
