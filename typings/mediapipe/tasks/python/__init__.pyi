from enum import Enum

from mediapipe.tasks.python import vision as vision

class BaseOptions:
    class Delegate(Enum):
        CPU = 0
        GPU = 1

    def __init__(
        self,
        model_asset_path: str | None = None,
        model_asset_buffer: bytes | None = None,
        delegate: Delegate | None = None,
    ) -> None: ...
