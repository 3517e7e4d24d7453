"""Limits and ports of the suite: load that comes later counts, and no port is given twice."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import limits
import machine
import pytest
from children import run_child
from machine import PortTaken, free_port, on_free_ports

TESTS = Path(__file__).resolve().parents[1]


class Machine:
    """A clock, and how slow everything is."""

    def __init__(self) -> None:
        self.now, self.slowness = 0.0, 1.0

    def looks_until_it_ran_out(self, limit: limits.Limit, every_s: float = 0.5) -> float:
        began = self.now
        while not limit.ran_out():
            self.now += every_s
        return self.now - began


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch) -> Machine:
    ours = Machine()
    monkeypatch.setattr(limits, "time", SimpleNamespace(monotonic=lambda: ours.now))
    monkeypatch.setattr(limits, "slowness", lambda: ours.slowness)
    return ours


def test_a_limit_is_that_of_an_idle_machine_where_it_stays_idle(ours: Machine) -> None:
    assert ours.looks_until_it_ran_out(limits.Limit(10)) == 10


def test_a_machine_that_is_busy_only_later_has_as_much_of_its_time(ours: Machine) -> None:
    limit = limits.Limit(10)
    ours.now = 1.0
    assert not limit.ran_out()
    ours.slowness = 4.0
    assert ours.looks_until_it_ran_out(limit) == 36


def test_a_machine_that_is_busy_no_longer_keeps_what_it_was_given(ours: Machine) -> None:
    limit = limits.Limit(10)
    ours.slowness = 32.0
    for _ in range(64):
        ours.now += 0.5
        assert not limit.ran_out()
    ours.slowness = 1.0
    assert ours.looks_until_it_ran_out(limit) == 9


def test_who_did_not_run_meanwhile_has_lost_a_second(ours: Machine) -> None:
    limit = limits.Limit(10)
    ours.now = 600.0
    assert not limit.ran_out()
    assert ours.looks_until_it_ran_out(limit) == 9


async def test_what_takes_longer_is_ended_and_what_is_done_in_time_is_not() -> None:
    with pytest.raises(TimeoutError):
        async with limits.within(0.05):
            await asyncio.Event().wait()
    with pytest.raises(AssertionError, match="did not happen in time"):
        await limits.until(lambda: False, 0.05)
    async with limits.within(60):
        assert await limits.until(lambda: True) < 60


def test_no_test_sums_up_a_deadline_of_its_own() -> None:
    """It would be that of the moment in which it was summed up."""
    ways = ("monotonic() + pati" + "ence(", "asyncio.timeout(pati" + "ence(")
    sums = {
        str(path.relative_to(TESTS))
        for path in TESTS.rglob("*.py")
        if any(way in path.read_text() for way in ways)
    }
    assert not sums


def test_no_port_is_given_twice_before_hundreds_of_others_are() -> None:
    given = [free_port() for _ in range(200)]
    assert len(set(given)) == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "", "::1"])
def test_a_port_that_is_taken_at_any_address_is_not_free(host: str) -> None:
    if host == "::1" and not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as other:
        try:
            other.bind((host, free_port()))
        except OSError:
            pytest.skip("this machine has no IPv6 loopback")
        other.listen()
        assert not machine._is_free(other.getsockname()[1])


def test_where_no_port_is_free_nobody_looks_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_is_free", lambda _port: False)
    with pytest.raises(RuntimeError, match="no port"):
        free_port()


def test_another_process_takes_its_ports_elsewhere() -> None:
    ask = "from machine import free_port; print(*(free_port() for _ in range(100)))"
    done = run_child(
        [sys.executable, "-c", ask], capture_output=True, text=True, check=True, cwd=TESTS
    )
    theirs = {int(port) for port in done.stdout.split()}
    ours = {free_port() for _ in range(100)}
    assert max(ours) < min(theirs) or max(theirs) < min(ours)


def _taken(times: int) -> Callable[[], int]:
    left = iter(range(times + 1))

    def start() -> int:
        if (number := next(left)) < times:
            raise PortTaken("bind: address already in use")
        return number

    return start


def test_who_finds_a_port_taken_is_given_others_but_not_for_ever() -> None:
    assert on_free_ports(_taken(2)) == 2
    with pytest.raises(PortTaken):
        on_free_ports(_taken(9))
    taken = machine.not_up("NATS", "bind: address already in use")
    assert isinstance(taken, PortTaken) and not isinstance(machine.not_up("NATS", "?"), PortTaken)
