"""What the flags of `broker` mean, checked before anything is started."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from resonance_tui.errors import InputError

if TYPE_CHECKING:
    from resonance_broker import BrokerSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerOptions:
    """As they were typed. None means the usual: this machine (every address with `public`), port
    1883 (8883 with TLS).

    `public`, unless `insecure`, asks for accounts and makes a certificate where none is given.
    `serve`: a port at which the one channel is served over HTTP.
    """

    host: str | None = None
    port: int | None = None
    advertise: str | None = None
    nearby: bool = False
    users: Path | None = None
    public: bool = False
    insecure: bool = False
    guarded: bool = False
    tls: bool = False
    tls_cert: Path | None = None
    tls_key: Path | None = None
    channels: Sequence[str] = ()
    invites: int = 0
    expires: str = "24h"
    quiet: bool = False
    program: str = "auto"
    serve: int | None = None

    def rooms(self) -> list[str]:
        """The channels by their full names. Raises InputError for what is no name of one."""
        from resonance_tui.protocol.topics import normalize_channel

        return [normalize_channel(channel) for channel in self.channels]

    def check(self) -> None:
        """Raises InputError for options that contradict each other."""
        from resonance_tui.hosting.accounts import parse_span

        parse_span(self.expires)
        self._check_together()
        self._check_nearby()

    def _check_together(self) -> None:
        if self.insecure and (self.guarded or self.invites):
            raise InputError(
                "--insecure lets everybody in: there is nobody to invite.", "Leave one of them out."
            )
        if self.tls and self.tls_cert is not None:
            raise InputError(
                "--tls makes a certificate of its own, and --tls-cert gives one.", "Leave one out."
            )
        if self.invites and not self.channels:
            raise InputError("An invite leads to a channel.", "Name it: --channel cats-live")

    def _check_nearby(self) -> None:
        """There is something to announce, and somebody who could come."""
        if self.nearby and not self.public:
            raise InputError(
                "--nearby announces to others what only this machine can reach.", "Add --public."
            )
        if self.nearby and not self.channels:
            raise InputError("--nearby announces rooms.", "Name one: --channel cats-live")

    def settings(self, folder: Path) -> BrokerSettings:
        """`folder`: where accounts are kept, and a certificate of our own. Raises BrokerProblem for
        an address of --advertise that leads nobody here."""
        from resonance_broker import BrokerSettings
        from resonance_broker.address import parse_advertised
        from resonance_broker.settings import EVERYWHERE

        cert, key = self._certificate(folder)
        name, outer_port = "", None
        if self.advertise is not None:
            name, outer_port = parse_advertised(self.advertise)
        return BrokerSettings(
            host=self.host or (EVERYWHERE if self.public else "127.0.0.1"),
            port=self.port if self.port is not None else (8883 if cert else 1883),
            users=self.users,
            accounts=folder if self._asks_for_accounts else None,
            tls_cert=cert,
            tls_key=key,
            public=self.public,
            insecure=self.insecure,
            advertised_host=name,
            advertised_port=outer_port,
            program=self.program,
        )

    @property
    def _is_safe(self) -> bool:
        return self.public and not self.insecure

    @property
    def _asks_for_accounts(self) -> bool:
        return bool(self.guarded or self.invites or self.users or self._is_safe)

    def _certificate(self, folder: Path) -> tuple[Path | None, Path | None]:
        """With its key: what was given, or our own, where one is needed."""
        is_given = self.tls_cert is not None or self.tls_key is not None
        if self.tls or (self._is_safe and not is_given):
            return folder / "cert.pem", folder / "key.pem"
        return self.tls_cert, self.tls_key
