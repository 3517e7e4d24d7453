"""Several ways at short intervals: the first that works is taken, and nothing is left behind."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable

import pytest
from limits import patience, within

from resonance_tui.messaging.dial import AddressInfo, in_turn, most_telling
from resonance_tui.messaging.race import first_to_succeed

Way = Callable[[], Awaitable[str]]


def never(ended: list[str]) -> Way:
    async def way() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("never")
        raise AssertionError

    return way


def says(word: str) -> Way:
    async def way() -> str:
        return word

    return way


def fails(error: Exception) -> Way:
    async def way() -> str:
        raise error

    return way


async def test_the_first_way_is_taken_where_it_works() -> None:
    assert await first_to_succeed([says("one"), says("two")], delay_s=60) == "one"


async def test_dead_ways_cost_their_head_start_and_are_given_up() -> None:
    ended: list[str] = []
    began = time.monotonic()
    ways = [never(ended), never(ended), says("three")]
    assert await first_to_succeed(ways, delay_s=0.05) == "three"
    assert 0.1 <= time.monotonic() - began < patience(1)
    await asyncio.sleep(0)
    assert ended == ["never", "never"]


async def test_a_failure_lets_the_next_begin_at_once() -> None:
    ways = [fails(OSError("a")), fails(OSError("b")), says("three")]
    async with within(5):
        assert await first_to_succeed(ways, delay_s=600) == "three"


async def test_when_all_fail_each_failure_is_told_in_order() -> None:
    began = asyncio.Event()

    async def late() -> str:
        began.set()
        await asyncio.sleep(0.02)
        raise OSError("late")

    with pytest.raises(ExceptionGroup) as caught:
        await first_to_succeed([late, fails(OSError("soon"))], delay_s=0)
    assert [str(each) for each in caught.value.exceptions] == ["late", "soon"]


async def test_what_succeeds_too_late_is_discarded() -> None:
    discarded: list[str] = []
    go = asyncio.Event()

    def on_go(word: str) -> Way:
        async def way() -> str:
            await go.wait()
            return word

        return way

    race = asyncio.ensure_future(
        first_to_succeed([on_go("one"), on_go("two")], delay_s=0, discard=discarded.append)
    )
    await asyncio.sleep(0.02)
    go.set()
    assert await race == "one"
    await asyncio.sleep(0)
    assert discarded == ["two"]


async def test_who_is_cancelled_leaves_nothing_running() -> None:
    ended: list[str] = []
    race = asyncio.ensure_future(first_to_succeed([never(ended), never(ended)], delay_s=0))
    await asyncio.sleep(0.02)
    race.cancel()
    with pytest.raises(asyncio.CancelledError):
        await race
    await asyncio.sleep(0)
    assert ended == ["never", "never"]


def info(address: str, family: socket.AddressFamily) -> AddressInfo:
    return (family, socket.SOCK_STREAM, 6, "", (address, 1883))


def test_families_take_turns_and_the_last_one_alive_begins() -> None:
    v6, v4 = socket.AF_INET6, socket.AF_INET
    infos = [info("a", v6), info("b", v6), info("c", v4)]
    assert [each[4][0] for each in in_turn(infos)] == ["a", "c", "b"]
    assert [each[4][0] for each in in_turn(infos, ("b", 1883))] == ["b", "a", "c"]
    assert in_turn([]) == []


def test_a_refusal_says_more_than_no_route() -> None:
    refused, no_route = ConnectionRefusedError(111, "refused"), OSError(101, "no route")
    assert most_telling(ExceptionGroup("", [refused, no_route])) is refused
    assert most_telling(ExceptionGroup("", [OSError("x"), no_route])) is no_route
