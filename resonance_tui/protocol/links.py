"""Links to a room: one line that says where, which room, whom to trust, and what lets one in.

    resonance://HOST[:PORT][+HOST2[:PORT2]...]/CHANNEL/CODE

It holds only characters that shells leave alone, and is read in any case.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import replace
from ipaddress import IPv6Address

from resonance_tui.errors import InvalidBrokerUrl, InvalidChannel
from resonance_tui.protocol import link_code
from resonance_tui.protocol.former_links import COPY, EXAMPLE, former_link, parse_former
from resonance_tui.protocol.link_code import BASE32, SECRET_LENGTH, LinkCode
from resonance_tui.protocol.pasted import holds_link, repair, visible
from resonance_tui.protocol.topics import is_channel, normalize_channel
from resonance_tui.protocol.urls import (
    BROKER_SCHEMES,
    DEFAULT_PATH,
    DEFAULT_PORTS,
    MOST_BROKERS,
    BrokerUrl,
    Invite,
    InviteToken,
    check_login_is_whole,
    parse_broker_url,
    refuse,
)
from resonance_tui.secret import may_hold_secret
from resonance_tui.texts import mark

START = "resonance://"
_HOST = re.compile(r"[a-z0-9._-]{1,253}")
_IP6 = ".ip6"  # an IPv6 address: brackets and colons are signs to a shell
_COMMAND = re.compile(
    r"(?:[$%>#]\s+)?(?:resonance-tui\s+)?(?:join|log|audience)\s+([^\s-]\S*)"
    r"(?:\s+--broker[\s=]+[\"']?([^\s\"']+)[\"']?)?\s*",
    re.IGNORECASE,
)
_AROUND = " \t\r\n<>()[]{}\"'`“”‘’«».,;!"
_BROKER = re.compile(rf"(?:{'|'.join(BROKER_SCHEMES)})://", re.IGNORECASE)


# --- tokens ------------------------------------------------------------------------------------


def token_of(secret: str) -> InviteToken:
    """The token with that secret: its id follows from it, and is no part of a link."""
    return InviteToken(link_code.base32(hashlib.sha256(secret.encode()).digest())[:8], secret)


def new_token() -> InviteToken:
    """A token with a fresh secret of 100 bits, which `secret.may_hold_secret` tells from a word."""
    while True:
        secret = "".join(secrets.choice(BASE32) for _ in range(SECRET_LENGTH))
        if may_hold_secret(secret):  # all but one in sixty
            return token_of(secret)


# --- writing -----------------------------------------------------------------------------------


def invite_link(
    url: BrokerUrl,
    channel: str,
    ticket: InviteToken | None = None,
    host_print: str | None = None,
) -> str:
    """A link to this room without a user name; only the token, where there is one, is a secret.

    `host_print`: 32 hexadecimal digits of the room's host key, left out where the broker's pin
    stands in the link, since that covers it. Of the broker's alternates those are named that have
    its scheme and its pin. What a code cannot hold makes a former link; where that cannot either,
    raises InvalidBrokerUrl with the command that leads there.
    """
    if not fits_link(url, ticket):
        refuse(
            mark(
                "A link holds no WebSocket with a path of its own, or with the print of a whole "
                "certificate"
            ),
            mark("Give them the command: {url}", url=join_command(url, channel)),
        )
    hosts = [_host(url), *(_host(each) for each in url.alternates if _is_alike(each, url))]
    if not (all(hosts) and _has_short_print(url) and _has_short_token(ticket)):
        return former_link(url, channel, ticket)
    code = LinkCode(
        url.is_tls,
        url.pin or host_print or "",
        is_of_certificate=bool(url.pin),
        secret=ticket.secret if ticket else "",
        is_websocket=url.is_websocket,
    )
    place = f"{'+'.join(hosts)}/{channel}"
    return f"{START}{place}/{link_code.encode(place, code)}"


def fits_link(url: BrokerUrl, ticket: InviteToken | None = None) -> bool:
    """Whether a link can name that broker; `join_command` always can, without a token."""
    is_short = bool(_host(url)) and _has_short_print(url) and _has_short_token(ticket)
    return not url.is_websocket or (is_short and url.target == DEFAULT_PATH)


def join_command(url: BrokerUrl, channel: str) -> str:
    """What to type to come into the room, without anybody's login."""
    others = tuple(replace(each, username=None) for each in url.alternates)
    place = replace(url, username=None, alternates=others).spelled_out
    return f"resonance-tui join {channel} --broker '{place}'"


def _is_alike(url: BrokerUrl, first: BrokerUrl) -> bool:
    return (url.scheme, url.pin, url.target) == (first.scheme, first.pin, first.target)


def _has_short_print(url: BrokerUrl) -> bool:
    return not url.pin or (url.is_tls and len(url.pin) == link_code.PRINT_DIGITS)


def _has_short_token(ticket: InviteToken | None) -> bool:
    return ticket is None or (
        len(ticket.secret) == SECRET_LENGTH
        and not set(ticket.secret) - set(BASE32)
        and ticket == token_of(ticket.secret)
    )


def _host(url: BrokerUrl) -> str:
    """Host and port as a link spells them; "" for a host that it cannot."""
    host = url.host.lower()
    if ":" in host:
        host = host.replace(":", "-") + _IP6
    port = "" if url.port == DEFAULT_PORTS[url.scheme] else f":{url.port}"
    return host + port if _HOST.fullmatch(host) and _read_host(host) == url.host.lower() else ""


# --- reading -----------------------------------------------------------------------------------


def parse_invite(text: str) -> Invite:
    """Reads a link as it was printed, in any case; also a former one, and one without a code.

    Raises InvalidBrokerUrl or InvalidChannel, in words that do not repeat the link.
    """
    link = text.strip().lower()
    if not link.startswith(START):
        refuse(mark("That is no link to a room"), EXAMPLE)
    if "?" in link or "[" in link:
        return parse_former(link)
    hosts, *names = link.removeprefix(START).split("/")
    if len(names) == 2:
        return _with_code(hosts, *names)
    if len(names) < 2 and "+" not in hosts and not _is_other_with_code(link):
        return parse_former(link)
    return refuse(mark("That link is cut short or mistyped"), COPY)


def _with_code(hosts: str, channel: str, text: str) -> Invite:
    try:
        code = link_code.decode(f"{hosts}/{channel}", text)
    except link_code.FromLaterVersion:
        refuse(
            mark("That link is of a later version of resonance-tui"), mark("Install the newest one")
        )
    except link_code.CutShort:
        refuse(mark("That link is cut short"), COPY)
    except link_code.Mistyped:
        refuse(mark("That link is mistyped"), COPY)
    if not is_channel(channel):
        raise InvalidChannel(mark("That link names no channel"), EXAMPLE)
    url = _broker(hosts, code)
    ticket = token_of(code.secret) if code.secret else None
    return Invite(
        url, channel, ticket, None if code.is_of_certificate else code.fingerprint or None
    )


def _broker(hosts: str, code: LinkCode) -> BrokerUrl:
    """Raises InvalidBrokerUrl."""
    scheme = ("ws" if code.is_websocket else "mqtt") + ("s" if code.is_tls else "")
    pin = code.fingerprint if code.is_of_certificate else None
    places = [_read_place(each, DEFAULT_PORTS[scheme]) for each in hosts.split("+")]
    if len(places) > MOST_BROKERS:
        refuse(
            mark(
                "That link names {len} brokers; at most {most_brokers} are tried",
                len=len(places),
                most_brokers=MOST_BROKERS,
            ),
            EXAMPLE,
        )
    first, *others = (BrokerUrl(scheme, host, port, pin=pin) for host, port in places)
    return replace(first, alternates=tuple(others))


def _read_place(text: str, default_port: int) -> tuple[str, int]:
    host, colon, digits = text.partition(":")
    host = _read_host(host)
    port = int(digits) if re.fullmatch(r"[1-9][0-9]{0,4}", digits) else 0
    port = port if colon else default_port
    if not host:
        refuse(mark("That link names no host"), EXAMPLE)
    if not 0 < port < 65536:
        refuse(mark("The port in that link is no number from 1 to 65535"), EXAMPLE)
    return host, port


def _read_host(text: str) -> str:
    """The host as an address names it; "" where that is none."""
    if not _HOST.fullmatch(text):
        return ""
    if not text.endswith(_IP6):
        return text
    address = text.removesuffix(_IP6).replace("-", ":")
    try:
        IPv6Address(address)
    except ValueError:
        return ""
    return address


def _is_other_with_code(link: str) -> bool:
    """Whether it is one with a code in which a slash was lost or mistyped."""
    body = link.removeprefix(START)
    for at in range(min(len(body), 512)):
        for changed in (f"{body[:at]}/{body[at:]}", f"{body[:at]}/{body[at + 1 :]}"):
            hosts, *names = changed.split("/")
            if len(names) == 2 and _has_code(hosts, *names):
                return True
    return False


def _has_code(hosts: str, channel: str, text: str) -> bool:
    try:
        link_code.decode(f"{hosts}/{channel}", text)
    except ValueError:
        return False
    return True


# --- what somebody typed or pasted -------------------------------------------------------------


def find_place(text: str) -> Invite | str:
    """What a field or an argument names: a link, also with what a chat or a mail does to it;
    `mqtt://host/channel`; the command to join; or a channel, in its one spelling.

    Raises InvalidBrokerUrl and InvalidChannel.
    """
    if holds_link(text) or text.lstrip().lower().startswith("resonance:"):
        return parse_invite(repair(text))
    plain = visible(text).strip(_AROUND)
    command = _COMMAND.fullmatch(plain)
    if command is None:
        return _address(plain) if _BROKER.match(plain) else _channel(visible(text))
    if command[2]:
        return Invite(parse_broker_url(command[2]), normalize_channel(command[1]))
    return _address(command[1]) if _BROKER.match(command[1]) else normalize_channel(command[1])


def _channel(text: str) -> str:
    """Raises InvalidChannel."""
    if "//" in text or text.count("/") > 1:
        raise InvalidChannel(mark("That is neither a channel nor a whole link"), COPY)
    return normalize_channel(text)


def find_channel(text: str) -> str:
    """The channel of what `find_place` finds. Raises InvalidBrokerUrl and InvalidChannel."""
    place = find_place(text)
    return place if isinstance(place, str) else place.channel


def _address(text: str) -> Invite:
    """`mqtt://host/channel` or `wss://host/path/channel`, with everything that a broker's address
    may hold."""
    check_login_is_whole(text)
    place, sign, query = text.partition("?")
    broker, _, channel = place.rpartition("/")
    if _is_web(text):
        _check_web_place(place)
    elif not channel or broker.endswith("/"):
        raise InvalidChannel(
            mark("That address names no channel"), mark("Write mqtt://host/channel")
        )
    try:
        return Invite(parse_broker_url(broker + sign + query), normalize_channel(channel))
    except InvalidBrokerUrl as error:
        form = "wss://host/mqtt/channel" if _is_web(text) else "mqtt://host/channel"
        raise InvalidBrokerUrl(error.message, mark("Write {form}", form=form)) from None


def _is_web(text: str) -> bool:
    return text.lower().startswith(("ws://", "wss://"))


def _check_web_place(place: str) -> None:
    """Raises InvalidChannel where it cannot be told what is the path and what the channel."""
    scheme, _, rest = place.partition("://")
    host, *names = rest.rpartition("@")[2].split("/")
    if len(names) < 2 or not names[-1]:
        name = "/".join(names).strip("/") or DEFAULT_PATH[1:]
        raise InvalidChannel(
            mark("That address of a WebSocket does not say what is its path and what the channel"),
            mark(
                "Write both, {scheme}://{host}/{name}/CHANNEL, or: CHANNEL --broker "
                "{scheme}://{host}/{name}",
                scheme=scheme,
                host=host,
                name=name,
            ),
        )
