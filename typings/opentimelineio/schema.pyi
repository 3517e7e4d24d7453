from typing import Any

from opentimelineio.opentime import TimeRange

class TrackKind:
    Video: str

class Marker:
    metadata: dict[str, Any]
    def __init__(self, name: str = ..., marked_range: TimeRange = ...) -> None: ...

class Gap:
    def __init__(self, *, source_range: TimeRange = ...) -> None: ...

class Track:
    def __init__(self, name: str = ..., *, kind: str = ...) -> None: ...
    def append(self, item: Gap | Track) -> None: ...

class Stack(Track):
    markers: list[Marker]

class Timeline:
    tracks: Stack
    def __init__(self, name: str = ...) -> None: ...
