"""Everything that can go wrong in a way a person can act on.

Problem(message, hint)                   what the program's entry prints, with its exit code
├── BrokerProblem                        resonance_broker: what stops a broker
├── WeightsError                         resonance_zoo: what is wrong with a file of weights
└── ResonanceError                       everything below

ResonanceError                           exit code 1: we tried, it failed
├── CameraError                          said on screen and retried; the room goes on
│   ├── CameraMissing
│   ├── CameraBusy
│   └── CameraLost
├── FaceModelMissing                     the Haar cascade steps in
├── LibraryBroken                        a library of every installation does not load
├── EngineUnavailable
│   └── EngineNotInstalled               exit code 2: it belongs to an extra that is not here
├── BrokerError
│   ├── BrokerUnreachable
│   └── BrokerRefused                    wrong password, banned, not authorised
│       ├── CertificateChanged           another than the one we know it by
│       ├── BrokerForbids                another reason than the login: banned, topics, client id
│       ├── NoBrokerThere                a web server that opens no way to a broker
│       ├── CertificateProblem           exit code 2: theirs is not trusted, or ours not taken
│       └── BrokerUnfit                  it lacks what a room cannot be without; not tried again
├── HostSaysNo                           the room's host; not tried again
│   ├── RemovedByHost
│   └── RoomClosed
├── StoreError                           corrupt or read-only database
├── SheetsError                          Google Sheets; what is recorded stays on this machine
│   ├── SheetsBusy                       quota, outage, network: the same call may work later
│   ├── SheetsRefused                    login no longer valid, API switched off: it will not
│   │   └── SheetNotOurs                 not shared with us, or deleted
│   └── SheetsFull                       a spreadsheet takes no more cells or tabs
├── WireError                            bytes from the network that are not ours
└── InputError                           exit code 2: wrong usage or input
    ├── InvalidChannel, InvalidEdge, InvalidNickname, InvalidBrokerUrl, InvalidTime
    ├── CredentialsInvalid               for Google: none, not theirs, or readable by others
    ├── ExtraMissing                     an optional part that is not installed; how to add it
    ├── CannotServe                      a port that is taken, an address of another machine
    ├── ConfigError                      file, key and nearest valid key named
    ├── SourceInvalid                    the camera argument is no camera, file or URL
    ├── InviteRefused                    used, expired, unknown to its broker
    ├── NotPrivate                       the room has no private reports, or less private ones
    └── NotATerminal

"No face in view" is not here: it is a state (`away`), not an error.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import TypeGuard

SYSTEM_LIBRARIES = "sudo apt-get install libegl1 libgles2 libgl1 libglib2.0-0"
INTERRUPTED = 130  # exit code after Ctrl-C, SIGTERM or a closed window


class Problem(Exception):
    """A failure with a message (what was wrong) and a hint (what to do; "" for none).

    `exit_code`: of a command that ends by it; 1 tried and failed, 2 wrong usage or input.
    `is_final`: trying again cannot help, and is not offered (the host closed the room).
    """

    exit_code = 1
    is_final = False
    title = "Something went wrong"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ResonanceError(Problem):
    """Base of the app's own problems."""


def is_group(error: BaseException) -> TypeGuard[BaseExceptionGroup[BaseException]]:
    """Whether several errors came as one; `isinstance` leaves unknown what they are."""
    return isinstance(error, BaseExceptionGroup)


def first_of(error: BaseException) -> BaseException:
    """The error itself, or the first one of a TaskGroup's group."""
    while is_group(error):
        error = error.exceptions[0]
    return error


@contextlib.contextmanager
def first_problem() -> Generator[None]:
    """Raise the first Problem of a TaskGroup's exception group as itself; other groups pass."""
    try:
        yield
    except BaseExceptionGroup as group:
        problems = group.subgroup(Problem)
        if problems is None:
            raise
        raise first_of(problems) from None


def in_words(error: BaseException) -> str:
    """What an error of any kind says, with its hint, in one line; of a group, the first one."""
    error = first_of(error)
    if isinstance(error, Problem):
        return f"{error.message} {error.hint}".strip()
    return str(error).strip().partition("\n")[0] or type(error).__name__


class CameraError(ResonanceError):
    """The picture source cannot deliver right now."""

    title = "Camera"


class CameraMissing(CameraError):
    """No such device."""


class CameraBusy(CameraError):
    """The device is there, and another program holds it (or we may not open it)."""


class CameraLost(CameraError):
    """It delivered, and stopped."""


class FaceModelMissing(ResonanceError):
    """MediaPipe's face model is neither here nor to be had."""

    title = "Face model"


class LibraryBroken(ResonanceError):
    """A library that every installation has does not load; made of the ImportError."""

    title = "Installation"

    def __init__(self, error: ImportError) -> None:
        is_absent = isinstance(error, ModuleNotFoundError)
        hint = "Install resonance-tui again." if is_absent else f"On Debian: {SYSTEM_LIBRARIES}"
        super().__init__(f"A library does not load: {error}.", hint)


class EngineUnavailable(ResonanceError):
    """The asked-for engine cannot run here (weights, extra packages, hardware)."""

    title = "Engine"


class EngineNotInstalled(EngineUnavailable):
    """The asked-for engine belongs to an extra that is not installed."""

    exit_code = 2


class BrokerError(ResonanceError):
    """Something about the MQTT broker."""

    title = "Broker"


class BrokerUnreachable(BrokerError):
    """No broker answers at that address."""


class BrokerRefused(BrokerError):
    """The broker refused the login or the subscription."""


class CertificateChanged(BrokerRefused):
    """The broker at that address shows another certificate than the pinned one."""


class BrokerForbids(BrokerRefused):
    """The broker refused us, and not because of user, password or rights: whoever runs it can
    change that."""


class NoBrokerThere(BrokerRefused):
    """What answers at that address is no broker, nor a way to one: the path of a web site, or its
    login. Once a broker was met there, it is an outage."""


class CertificateProblem(BrokerRefused):
    """The certificate of the broker is not to be trusted, or ours is missing, not taken or not to
    be read. On a first visit a person has to act; once a broker was met there, it may pass."""

    exit_code = 2


class BrokerUnfit(BrokerRefused):
    """The broker lacks something that no room can do without, whoever logs in."""

    is_final = True


class HostSaysNo(ResonanceError):
    """The room's host wants no more of us."""

    is_final = True
    title = "Room"


class RemovedByHost(HostSaysNo):
    """The host removed this viewer."""


class RoomClosed(HostSaysNo):
    """The host closed the room, perhaps with a word."""


class StoreError(ResonanceError):
    """The history database cannot be read or written."""

    title = "History"


class SheetsError(ResonanceError):
    """Something about Google Sheets."""

    title = "Google Sheets"


class SheetsBusy(SheetsError):
    """Google or the way to it cannot do it now. `retry_after_s`: how long Google asks to wait."""

    def __init__(self, message: str, hint: str = "", *, retry_after_s: float = 0.0) -> None:
        super().__init__(message, hint)
        self.retry_after_s = retry_after_s


class SheetsRefused(SheetsError):
    """Google says no, and will say so again until a person does something."""


class SheetNotOurs(SheetsRefused):
    """That one sheet is not shared with us, or is there no more."""


class SheetsFull(SheetsError):
    """The spreadsheet cannot hold another cell."""


class WireError(ResonanceError):
    """Bytes or a topic from the network that do not follow the protocol."""

    title = "Wire"


class InputError(ResonanceError):
    """What was asked cannot be meant."""

    exit_code = 2
    title = "Input"


class ExtraMissing(InputError):
    """What was asked for belongs to an extra that is not installed."""

    title = "Not installed"


class InvalidChannel(InputError):
    """Not a channel name."""


class InvalidEdge(InputError):
    """Not a name for one of several brokers."""


class InvalidNickname(InputError):
    """Not a nickname."""


class InvalidBrokerUrl(InputError):
    """Not a broker URL."""


class InvalidTime(InputError):
    """Not a point in time."""


class CannotServe(InputError):
    """Nothing can be served at that address."""

    title = "Serving"


class ConfigError(InputError):
    """The settings file, a variable or a flag holds something it must not."""


class CredentialsInvalid(InputError):
    """What should log us in at Google is missing, is something else, or lies open to others."""


class SourceInvalid(InputError):
    """The camera argument names nothing that can deliver pictures."""


class InviteRefused(InputError):
    """An invite that is not, or no longer, valid."""


class NotPrivate(InputError):
    """Private reports were asked for in a room that has none, or less private ones."""

    title = "Private reports"


class NotATerminal(InputError):
    """A screen was asked for where there is none."""
