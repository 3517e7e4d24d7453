"""Moves files here: Google Drive through gdown, other addresses through pooch; both resume."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from resonance_zoo.checkpoints.errors import Interrupted, PullError

Progress = Callable[[int, int | None], None]  # bytes that are here, bytes in all (None: unknown)
TIMEOUT = (10.0, 60.0)  # s to connect, and between two pieces
PIECE = 1 << 16  # what a broken connection can lose


def silent(_here: int, _total: int | None) -> None:
    """No bar."""


@contextmanager
def bar(title: str, *, is_drawn: bool) -> Generator[Progress]:
    """A bar on stderr, in bytes."""
    from tqdm import tqdm

    drawn: Any = tqdm(desc=title, unit="B", unit_scale=True, disable=not is_drawn)

    def advance(here: int, total: int | None) -> None:
        drawn.total = total
        drawn.update(here - drawn.n)

    with drawn:
        yield advance


def fetch_http(url: str, target: Path, progress: Progress = silent) -> Path:
    """`url` as `target`; pieces lie in `target`.part until it is whole. Raises PullError."""
    import pooch

    def download(_url: str, output: str, _pooch: object) -> None:
        part = target.with_name(f"{target.name}.part")
        _download(url, part, progress)
        shutil.move(part, output)

    pooch.get_logger().setLevel(logging.ERROR)  # it announces downloads on stderr
    fetch: Any = download
    with _plain_words():
        return Path(pooch.retrieve(url, None, target.name, target.parent, downloader=fetch))


def _download(url: str, part: Path, progress: Progress) -> None:
    import requests

    here = part.stat().st_size if part.is_file() else 0
    # without "identity" lengths and offsets would count compressed bytes
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={here}-"} if here else {})
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if response.status_code == 416:  # all of it was here already, or the file has changed
            part.unlink()
            raise _misfit()
        response.raise_for_status()
        if response.status_code != 206:  # the server starts over
            here = 0
        length = response.headers.get("Content-Length")
        total = here + int(length) if length else None
        with part.open("ab" if here else "wb") as file:
            for piece in response.iter_content(PIECE):
                file.write(piece)
                here += len(piece)
                progress(here, total)
    if total is not None and here != total:
        raise Interrupted(f"The transfer broke off after {here} of {total} bytes.")


def fetch_drive(url: str, target: Path, progress: Progress = silent) -> Path:
    """A file shared on Google Drive as `target`. Raises PullError."""
    import gdown
    from gdown.exceptions import DownloadError

    with _plain_words():
        try:
            gdown.download(
                url,
                str(target),
                quiet=True,
                use_cookies=False,
                resume=True,
                progress=progress,
                timeout=TIMEOUT,
            )
        except DownloadError as error:
            if "byte range" not in str(error):
                raise
            for part in target.parent.glob(f"{target.name}*.part"):
                part.unlink()
            raise _misfit() from error
    return target


def _misfit() -> PullError:
    return PullError("The pieces kept from before do not fit the file.", "Start again.")


def list_drive_folder(url: str) -> list[tuple[str, str]]:
    """(id, path) of every file in a folder shared on Google Drive. Raises PullError."""
    import gdown

    with _plain_words():
        found: Any = gdown.download_folder(
            url, quiet=True, use_cookies=False, skip_download=True, timeout=TIMEOUT
        )
    return [(entry.id, entry.path) for entry in found]


@contextmanager
def _plain_words() -> Generator[None]:
    """Network trouble in a sentence; the libraries' own texts are paragraphs."""
    import requests
    from gdown.exceptions import DownloadError, FileURLRetrievalError

    try:
        yield
    except FileURLRetrievalError as error:
        raise PullError(
            "Google Drive does not hand the file out: it is not shared with everyone, or it was "
            "fetched too often today.",
            "Try again tomorrow.",
        ) from error
    except DownloadError as error:
        raise Interrupted("The transfer broke off.") from error
    except requests.HTTPError as error:
        status = error.response.status_code if error.response is not None else "an error"
        raise PullError(f"The server answered {status}.") from error
    except requests.Timeout as error:
        raise Interrupted("The server stopped answering.") from error
    except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
        raise Interrupted("The connection failed or broke off.") from error
    except requests.RequestException as error:
        raise PullError(f"The address cannot be fetched ({type(error).__name__}).") from error
