"""A camera that two builds watch at the same time: an MJPEG stream over loopback, made in memory.

Ten frames a second, with a sensor's noise and a hand's shake, and a note of when each scene began.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

RATE = 10.0  # frames a second
NOISE = 4.0  # standard deviation of the sensor's noise, grey levels
SHAKE = 1.0  # pixels, standard deviation
QUALITY = 90  # of the JPEGs, as webcams make them
LONG = 600  # frames, more than a still is shown for
TRANSIENT_S = 0.2  # for which another face flashes up, which is to be ignored

# Faces of the shared clips whose readings differ: clip, frame.
PAIRS = (
    (("single_face.mp4", 4), ("single_face.mp4", 40)),
    (("WolfgangLanger_Pexels.mp4", 72), ("WolfgangLanger_Pexels.mp4", 340)),
)
LIVELY = "WolfgangLanger_Pexels.mp4"

Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Scene:
    """Pictures that are shown one after the other, from the start again once they end."""

    name: str
    pictures: Sequence[Image]


class Film:
    """What is on show, and when each scene was first sent."""

    def __init__(self, scene: Scene) -> None:
        self._rng = np.random.default_rng(13)
        self._condition = threading.Condition()
        self._is_over = False
        self._jpeg, self._number = b"", 0
        self._scene, self._step = scene, 0
        self._is_new = True
        self.begun: list[tuple[float, str]] = []  # monotonic s, scene's name

    def show(self, scene: Scene) -> None:
        """From the next frame on."""
        with self._condition:
            self._scene, self._step, self._is_new = scene, 0, True

    def run(self) -> None:
        """Make frames until `end`."""
        due = time.monotonic()
        while not self._is_over:
            with self._condition:
                scene, step, is_new = self._scene, self._step, self._is_new
                self._step, self._is_new = step + 1, False
            jpeg = self._develop(scene.pictures[step % len(scene.pictures)])
            with self._condition:
                self._jpeg, self._number = jpeg, self._number + 1
                if is_new:
                    self.begun.append((time.monotonic(), scene.name))
                self._condition.notify_all()
            due = max(due + 1 / RATE, time.monotonic())
            time.sleep(due - time.monotonic() if due > time.monotonic() else 0)

    def end(self) -> None:
        self._is_over = True

    def next(self, after: int) -> tuple[bytes, int]:
        """The newest frame, once it is newer than number `after`; no bytes once it is over."""
        with self._condition:
            while self._number <= after and not self._is_over:
                self._condition.wait(1 / RATE)
            return (b"" if self._is_over else self._jpeg), self._number

    def _develop(self, picture: Image) -> bytes:
        height, width = picture.shape[:2]
        dx, dy = self._rng.normal(0, SHAKE, 2)
        matrix = np.array([[1, 0, dx], [0, 1, dy]], np.float64)
        moved = cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)
        noise = np.empty(picture.shape, np.int16)
        cv2.randn(noise, 0.0, NOISE)  # pyright: ignore[reportArgumentType, reportCallIssue]
        noisy = cv2.add(moved, noise, dtype=cv2.CV_8U)
        return cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()


@contextmanager
def broadcast(film: Film) -> Generator[str]:
    """The URL at which any number of viewers watch the film."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(film))
    server.daemon_threads = True
    for work in (server.serve_forever, film.run):
        threading.Thread(target=work, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/camera.mjpg"
    finally:
        film.end()
        server.shutdown()
        server.server_close()


def _handler(film: Film) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            number = 0
            with contextlib.suppress(OSError):  # it has left
                while True:
                    jpeg, number = film.next(number)
                    if not jpeg:
                        return
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}"
                    self.wfile.write(head.encode() + b"\r\n\r\n" + jpeg + b"\r\n")

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the table goes to the terminal."""

    return Handler


def lively(clips: Path) -> Scene:
    """A person who is moved, at its own pace."""
    pictures, rate = _read(clips / LIVELY)
    step = rate / RATE
    count = int(len(pictures) / step)
    return Scene("lively", [pictures[int(number * step)] for number in range(count)])


def resting(clips: Path) -> Scene:
    """A still face."""
    (name, frame), _ = PAIRS[0]
    return Scene("resting", [_read(clips / name)[0][frame]])


def changes(clips: Path) -> list[tuple[Scene, Scene]]:
    """Pairs of stills of one person each, read differently."""
    found: list[tuple[Scene, Scene]] = []
    for pair in PAIRS:
        pictures = [_read(clips / name)[0][frame] for name, frame in pair]
        first, second = (Scene(f"{n} {f}", [p]) for (n, f), p in zip(pair, pictures, strict=True))
        found.append((first, second))
    return found


def with_transient(scene: Scene, other: Scene, at_s: float) -> Scene:
    """A still in which the other flashes up once, `at_s` seconds after its beginning."""
    start, length = round(at_s * RATE), round(TRANSIENT_S * RATE)
    kept, flash = scene.pictures[0], other.pictures[0]
    return Scene(scene.name, [kept] * start + [flash] * length + [kept] * LONG)


def _read(path: Path) -> tuple[list[Image], float]:
    capture = cv2.VideoCapture(str(path))
    try:
        rate = capture.get(cv2.CAP_PROP_FPS)
        pictures: list[Image] = []
        while (got := capture.read())[0]:
            pictures.append(np.asarray(got[1], np.uint8))
    finally:
        capture.release()
    if not pictures:
        raise FileNotFoundError(path)
    return pictures, rate
