"""What can be wrong with a file of weights, in words for a person.

WeightsError(message, hint)
├── UnreadableWeights      no such file, cut off, a web page, no state dict in it
│   └── UnsafeWeights      reading it would run code
├── WrongArchitecture      the tensors of another network
│   └── WrongClasses       the same network for another number of classes
├── WeightsNotHere         nothing was imported or fetched under that name
├── WeightsChanged         a stored file differs from what was imported
└── PullError              fetching failed
    ├── Interrupted        on the way; it can go on
    └── NothingPublished   there is nothing to fetch
"""

from __future__ import annotations


class WeightsError(ValueError):
    """`message` says what is wrong, `hint` what to do about it (may be empty)."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UnreadableWeights(WeightsError):
    """The file holds no state dict that could be read."""


class UnsafeWeights(UnreadableWeights):
    """Reading the file would run code."""


class WrongArchitecture(WeightsError):
    """The tensors do not fit the network; `key` is the first that differs."""

    def __init__(self, message: str, hint: str = "", *, key: str = "") -> None:
        super().__init__(message, hint)
        self.key = key


class WrongClasses(WrongArchitecture):
    """The network is right, its number of classes is not."""


class WeightsNotHere(WeightsError):
    """No weights are stored under that name."""


class WeightsChanged(WeightsError):
    """The stored file is not the one that was imported."""


class PullError(WeightsError):
    """Published weights could not be fetched."""


class Interrupted(PullError):
    """The connection failed; the same call again goes on from what came."""


class NothingPublished(PullError):
    """No such weights are published."""
