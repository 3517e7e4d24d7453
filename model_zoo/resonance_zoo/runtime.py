"""Opens a weights file with ONNX Runtime: one thread, and not a word to anybody."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnxruntime

# From 1.28 or so ONNX Runtime keeps a device id and an event database in the home directory and
# uploads events from them, unless this is set before it is loaded. We promise that only the
# emotion leaves the machine.
_NO_TELEMETRY = ("ORT_DISABLE_TELEMETRY", "ORT_TELEMETRY_DISABLED")


def open_network(path: Path, *, threads: int = 1) -> onnxruntime.InferenceSession:
    """The network in `path`, on the CPU. Raises ValueError where the file is no network."""
    keep_silent()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors share no base class
        raise ValueError(f"{path.name} cannot be opened as a network: {error}") from error


def keep_silent() -> None:
    """Turn off what ONNX Runtime would report of itself. Loads it."""
    for name in _NO_TELEMETRY:
        if os.environ.get(name) != "1":  # writing it while a C library reads crashes that library
            os.environ[name] = "1"
    import onnxruntime

    onnxruntime.disable_telemetry_events()
