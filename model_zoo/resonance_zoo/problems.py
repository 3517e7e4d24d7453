"""What can be wrong with a clip or a device, in words a person can act on. No torch."""

from __future__ import annotations

from resonance_tui.errors import Problem


class ClipError(ValueError):
    """A clip has the wrong length, size or shape, or holds numbers that are none."""


class DeviceError(Problem, ValueError):
    """The device or precision that was asked for does not exist on this machine."""

    exit_code = 2
    title = "Device"

    def __init__(self, message: str, hint: str = "--device auto takes what there is.") -> None:
        super().__init__(message, hint)
