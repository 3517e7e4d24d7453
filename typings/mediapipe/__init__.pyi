from enum import Enum
from typing import Any

from numpy.typing import NDArray

class ImageFormat(Enum):
    SRGB = 1

class Image:
    def __init__(self, image_format: ImageFormat, data: NDArray[Any]) -> None: ...
