import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

class HTTPDownloader:
    def __init__(self, progressbar: Any = False, chunk_size: int = 1024, **kwargs: Any) -> None: ...
    def __call__(
        self, url: str, output_file: Any, pooch: Any, check_only: bool = False
    ) -> bool | None: ...

def get_logger() -> logging.Logger: ...
def retrieve(
    url: str,
    known_hash: str | None,
    fname: str | None = None,
    path: str | Path | None = None,
    processor: Callable[..., Any] | None = None,
    downloader: Callable[..., Any] | None = None,
    progressbar: bool = False,
) -> str: ...
