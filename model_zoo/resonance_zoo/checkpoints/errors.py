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

from resonance_tui.errors import Problem


class WeightsError(Problem, ValueError):
    """A file of weights that cannot be used."""

    exit_code = 2
    title = "Weights"


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

    exit_code = 1


class Interrupted(PullError):
    """The connection failed; the same call again goes on from what came."""


class NothingPublished(PullError):
    """No such weights are published."""

    exit_code = 2
