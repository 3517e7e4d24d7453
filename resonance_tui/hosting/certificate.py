"""The certificate a broker starts with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resonance_broker import BrokerSettings


def prepare_certificate(settings: BrokerSettings, folder: Path) -> str:
    """The fingerprint that viewers have to know; "" without TLS, or where an authority has signed.

    A certificate in `folder` is our own: it is made here, once the settings and the port are
    found to be right. Raises BrokerProblem.
    """
    from resonance_broker.address import outward_address
    from resonance_broker.certificate import (
        fingerprint,
        is_self_signed,
        own_certificate,
        reachable_names,
    )
    from resonance_broker.preflight import check_port, check_tls

    settings.validate()
    if settings.tls_cert is None:
        return ""
    if settings.tls_cert.parent == folder:
        check_port(settings)
        names = [settings.local_host, *reachable_names(outward_address())]
        own_certificate(folder, list(dict.fromkeys(names)))
    check_tls(settings)
    return fingerprint(settings.tls_cert) if is_self_signed(settings.tls_cert) else ""
