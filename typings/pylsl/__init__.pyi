from collections.abc import Sequence

IRREGULAR_RATE: float
cf_int32: int
cf_string: int

class XMLElement:
    def append_child(self, name: str) -> XMLElement: ...
    def append_child_value(self, name: str, value: str) -> XMLElement: ...

class StreamInfo:
    def __init__(
        self,
        name: str = "untitled",
        type: str = "",
        channel_count: int = 1,
        nominal_srate: float = ...,
        channel_format: int = 1,
        source_id: str | None = None,
    ) -> None: ...
    def desc(self) -> XMLElement: ...

class StreamOutlet:
    def __init__(self, info: StreamInfo, chunk_size: int = 0, max_buffered: int = 360) -> None: ...
    def push_sample(
        self, x: Sequence[int] | Sequence[str], timestamp: float = 0.0, pushthrough: bool = True
    ) -> None: ...

def local_clock() -> float: ...
def set_config_content(content: str) -> None: ...
