"""Who may ask a served room."""

from __future__ import annotations

import pytest

from resonance_tui.secret import Secret
from resonance_tui.serving.gate import Gate

HERE = {"host": "127.0.0.1:8765"}
WIDE = Gate(is_local=False, names={"localhost", "studio", "studio.local"}, token=Secret("t0ken"))


def is_refused(headers: dict[str, str], gate: Gate | None = None, *, is_page: bool = False) -> bool:
    return bool((gate or Gate()).refusal(headers, is_page=is_page))


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8765", "127.0.0.1", "localhost:8765", "LOCALHOST", "[::1]:8765", "127.0.0.5:80"],
)
def test_this_machine_may_ask_by_its_own_names(host: str) -> None:
    assert not is_refused({"host": host})


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:8765",
        "",
        "localhost.evil.example",
        "192.168.1.5:8765",
        "[::2]:8765",
        "[",
        ":1",
    ],
)
def test_a_name_that_was_made_to_lead_here_is_refused(host: str) -> None:
    assert is_refused({"host": host})


def test_a_request_without_a_host_is_refused() -> None:
    assert is_refused({})


@pytest.mark.parametrize("host", ["192.168.1.5:8765", "studio:8765", "Studio.local.", "[fe80::1]"])
def test_beyond_this_machine_addresses_and_known_names_are_taken(host: str) -> None:
    assert not is_refused({"host": host}, WIDE)
    assert is_refused({"host": "evil.example"}, WIDE)


@pytest.mark.parametrize(
    "origin",
    ["null", "https://evil.example", "http://localhost:8765", "https://127.0.0.1:8765", ""],
)
def test_another_origin_is_refused(origin: str) -> None:
    assert is_refused({**HERE, "origin": origin})


def test_the_own_origin_is_taken() -> None:
    assert not is_refused({**HERE, "origin": "http://127.0.0.1:8765"})


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_of_another_site_may_link_here_and_nothing_else(site: str) -> None:
    headers = {**HERE, "sec-fetch-site": site, "sec-fetch-mode": "no-cors"}
    assert is_refused(headers)
    assert is_refused({**headers, "sec-fetch-dest": "script"}, is_page=True)
    link = {**headers, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert not is_refused(link, is_page=True)
    assert is_refused(link)  # what is no page
    assert is_refused({**link, "sec-fetch-dest": "iframe"}, is_page=True)


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_what_a_person_typed_is_taken(site: str) -> None:
    assert not is_refused({**HERE, "sec-fetch-site": site, "sec-fetch-mode": "navigate"})


def test_the_token_may_stand_in_the_address_or_in_a_header() -> None:
    assert WIDE.admits({}, {"token": "t0ken"})
    assert WIDE.admits({"authorization": "Bearer t0ken"}, {})
    assert WIDE.admits({"authorization": "bearer  t0ken "}, {})


@pytest.mark.parametrize("given", ["", "t0ke", "t0ken2", "T0KEN", "tökén", "\udcff"])
def test_any_other_token_is_refused(given: str) -> None:
    assert not WIDE.admits({}, {"token": given})
    assert not WIDE.admits({"authorization": f"Bearer {given}"}, {})
    assert not WIDE.admits({"authorization": f"Basic {given}"}, {"token": given})


def test_without_a_token_none_is_asked_for() -> None:
    assert Gate().admits({}, {})
