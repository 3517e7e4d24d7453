"""Native libraries: no log output, no telemetry, and no more memory than they use."""

from __future__ import annotations

import contextlib
import os
import sys

# A local address at which nothing listens ("discard", long out of use).
DEAD_END = ("127.0.0.1", 9)

# How FFmpeg opens what OpenCV reads. OpenCV's own default stands here from the start: a variable
# that is there already can be changed while C code reads others.
FFMPEG_OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"

_SETTINGS = {
    FFMPEG_OPTIONS: "rtsp_flags;prefer_tcp",
    "GLOG_minloglevel": "2",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "OPENCV_LOG_LEVEL": "SILENT",
    "OPENCV_FFMPEG_LOGLEVEL": "-8",
    "OPENBLAS_NUM_THREADS": "1",  # NumPy's products here are small; its threads are memory
    "OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT": "2",  # s; 10 is long for "unplugged"
}
_NO_TELEMETRY = ("ORT_DISABLE_TELEMETRY", "ORT_TELEMETRY_DISABLED")

# MediaPipe's wheels report each face detector that is created and closed to Google, without a
# setting to stop it. They use their own libcurl, which reads its proxy from the C environment.
_NO_WAY_OUT = {
    "https_proxy": "http://{}:{}".format(*DEAD_END),
    "no_proxy": "none.invalid",  # else a user's NO_PROXY=* would bypass the proxy
}

_M_ARENA_MAX = -8  # of glibc's malloc.h

_is_tamed = False


def tame() -> None:
    """Set the environment of native libraries, once; values that the user has set stay.

    Called before the first thread starts, because C libraries read the environment while others
    write it, and crash. Python's own proxies stay as the user set them: `putenv` changes what C
    code sees, not `os.environ`.
    """
    global _is_tamed
    if _is_tamed:
        return
    _is_tamed = True
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    for name in _NO_TELEMETRY:
        os.environ[name] = "1"
    for name, value in _NO_WAY_OUT.items():
        os.putenv(name, value)


def share_one_heap() -> None:
    """Have all threads share one heap, where the system's C library is glibc and the user has not
    set MALLOC_ARENA_MAX. Before the first thread: heaps that are there already are used further.

    By itself each thread gets a heap of its own and keeps there what was freed. Ours take turns
    far more often than they meet.
    """
    if "MALLOC_ARENA_MAX" not in os.environ:
        _tell_glibc("mallopt", _M_ARENA_MAX, 1)


def give_back_memory() -> None:
    """Return freed memory to the system, where the C library is glibc; blocks for milliseconds."""
    _tell_glibc("malloc_trim", 0)


def _tell_glibc(function: str, *arguments: int) -> None:
    if sys.platform != "linux":
        return
    import ctypes  # not for `--help`

    with contextlib.suppress(AttributeError, OSError):  # another C library
        getattr(ctypes.CDLL(None), function)(*arguments)
