"""Environment for native libraries, set before they load: no log output, no telemetry."""

from __future__ import annotations

import os

# A local address at which nothing listens ("discard", long out of use).
DEAD_END = ("127.0.0.1", 9)

_SETTINGS = {
    "GLOG_minloglevel": "2",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "OPENCV_LOG_LEVEL": "SILENT",
    "OPENCV_FFMPEG_LOGLEVEL": "-8",
    "OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT": "2",  # s; 10 is long for "unplugged"
}
_NO_TELEMETRY = ("ORT_DISABLE_TELEMETRY", "ORT_TELEMETRY_DISABLED")

# MediaPipe's wheels report each face detector that is created and closed to Google, without a
# setting to stop it. They use their own libcurl, which reads its proxy from the C environment.
_NO_WAY_OUT = {
    "https_proxy": "http://{}:{}".format(*DEAD_END),
    "no_proxy": "none.invalid",  # else a user's NO_PROXY=* would bypass the proxy
}

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
