"""What `serve` and `--serve PORT` have in common: a room at an address of this machine."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import time
from collections.abc import Callable, Coroutine, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import quote

import click

from resonance_tui.errors import CannotServe, StoreError
from resonance_tui.files import read_private, write_private
from resonance_tui.secret import Secret, shown
from resonance_tui.texts import mark

if TYPE_CHECKING:
    from resonance_tui.config import Config
    from resonance_tui.serving.gate import Gate
    from resonance_tui.session.events import SessionEvent, SessionView

PORT = 8765
PORTS = click.IntRange(1, 65535)
T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., Any])


class HasListeners(Protocol):
    """A session, whether its code is loaded or not."""

    @property
    def view(self) -> SessionView: ...

    def add_listener(self, listener: Callable[[SessionEvent], None]) -> None: ...


def serve_flag(command: Command) -> Command:
    """`--serve PORT` of a command that does something else as well."""
    return click.option(
        "--serve",
        type=PORTS,
        metavar="PORT",
        help="Serve events and the overlay at this port, as `resonance-tui serve` does.",
    )(command)


class ServedRoom:
    """A port that is held already, and what is served at it. Raises CannotServe, StoreError."""

    def __init__(self, config: Config, port: int, channel: str = "") -> None:
        from resonance_tui.serving.feed import Feed
        from resonance_tui.serving.server import Server, ServerOptions
        from resonance_tui.serving.sockets import listen

        style = _style(config)
        self._listening = listen(config.settings.serve.host, port)
        try:
            self._gate = _gate(config, self._listening)
        except BaseException:
            self._listening.close()
            raise
        self.boot = secrets.token_hex(4)
        self.feed = Feed(channel, self.boot)
        self._attached: HasListeners | None = None
        options = ServerOptions(self._gate, config.database, style)
        self._server = Server(self.feed, self._listening, options)

    @property
    def pages_open(self) -> int:
        """How many listen to the events."""
        return len(self._server.subscribers)

    def attach(self, session: HasListeners) -> None:
        """The events of this session are served from now on, and of no other."""
        self._attached = session
        self.feed.enter(session.view.channel)

        def take(event: SessionEvent) -> None:
            if self._attached is session:  # one that is being left still has things to tell
                self.feed.take(event, time.monotonic())

        session.add_listener(take)

    def lines(self) -> list[tuple[str, str]]:
        """Name and address of each thing to open."""
        from resonance_tui.serving.gate import ANY_BYTE
        from resonance_tui.serving.sockets import shown_address

        place = f"http://{shown_address(self._listening, _widest_name(self._listening))}"
        token = quote(self._gate.token.reveal(), safe="", errors=ANY_BYTE)
        more = f"?token={token}" if token else ""
        paths = {"settings": "/", "overlay": "/overlay", "events": "/events"}
        return [(name, f"{place}{path}{more}") for name, path in paths.items()]

    @property
    def remark(self) -> str:
        """What to know about who can reach it; "" for this machine alone."""
        if self._gate.is_local:
            return ""
        return (
            "Whoever reaches this machine and has the token sees the room; nothing is encrypted "
            "on the way."
        )

    async def beside(self, work: Coroutine[Any, Any, T]) -> T:
        """Serve while `work` runs."""
        from resonance_tui.serving.server import serving

        async with serving(self._server):
            return await work

    def close(self) -> None:
        """Let go of the port, whether it was served or not."""
        self._listening.close()


@contextlib.contextmanager
def served_room(
    config: Config, port: int | None, channel: str = ""
) -> Generator[ServedRoom | None]:
    """A room at that port; None where none is given."""
    if port is None:
        yield None
        return
    room = ServedRoom(config, port, channel)
    try:
        yield room
    finally:
        room.close()


def _style(config: Config) -> Path | None:
    """Raises CannotServe for a style sheet that is not there: a typing error shows at once."""
    text = config.settings.serve.css
    if not text:
        return None
    try:
        path = Path(text).expanduser()
        is_there = path.is_file() and os.access(path, os.R_OK)
    except (OSError, RuntimeError, ValueError):  # no system, or no home, has such a path
        path, is_there = Path(text), False
    if not is_there:
        raise CannotServe(
            mark("There is no style sheet at {path}.", path=shown(path)),
            mark("Name a file: --css FILE"),
        )
    return path


def _gate(config: Config, listening: socket.socket) -> Gate:
    from resonance_tui.serving.gate import LOCAL_NAMES, Gate
    from resonance_tui.serving.sockets import is_local

    token = config.settings.serve.token
    if is_local(listening):
        return Gate(token=token)
    name = socket.gethostname().lower()
    names = {*LOCAL_NAMES, name, f"{name}.local", config.settings.serve.host.lower()}
    return Gate(is_local=False, names=names, token=token or _kept_token(config))


def _widest_name(listening: socket.socket) -> str:
    """An address by which other machines find one that listens everywhere; "" for any other."""
    from resonance_broker.address import listened_on, local_addresses
    from resonance_tui.serving.sockets import is_everywhere

    if not is_everywhere(listening):
        return ""
    found = listened_on(listening.getsockname()[0], local_addresses())
    return next((each.text for each in found if "%" not in each.text), "")


def _kept_token(config: Config) -> Secret:
    """The same at every start, so that an address in OBS goes on to work. Raises StoreError."""
    path = config.directories.serve_token_file
    try:
        if path.exists() and (known := read_private(path).decode("ascii", "replace").strip()):
            return Secret(known)
        token = secrets.token_urlsafe(18)
        write_private(path, token.encode())
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreError(
            mark("The token cannot be kept in {path}: {reason}.", path=path, reason=reason),
            mark("Give one: RESONANCE_SERVE_TOKEN"),
        ) from error
    return Secret(token)
