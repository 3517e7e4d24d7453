"""Our client of OBS against a server of the test's own that speaks obs-websocket 5."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import pytest
from fake_obs import PASSWORD, Obs
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from resonance_tui.obs import client as obs_client
from resonance_tui.obs.client import ObsClient
from resonance_tui.obs.protocol import (
    SUBPROTOCOL,
    Event,
    ObsProblem,
    RequestRefused,
    WrongPassword,
    WrongVersion,
)
from resonance_tui.secret import Secret


class Desk:
    """What a client tells."""

    def __init__(self, port: int, password: Secret = PASSWORD) -> None:
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.links: asyncio.Queue[ObsProblem | None] = asyncio.Queue()
        self.client = ObsClient(
            f"ws://127.0.0.1:{port}",
            password,
            self.events.put_nowait,
            self.links.put_nowait,
            waits_s=(0.01,),
        )
        self.task = asyncio.create_task(self.client.run())

    async def close(self) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError, ObsProblem):
            await self.task


@pytest.fixture
async def desks() -> AsyncIterator[Callable[..., Desk]]:
    opened: list[Desk] = []

    def opening(port: int, password: Secret = PASSWORD) -> Desk:
        opened.append(Desk(port, password))
        return opened[-1]

    yield opening
    for desk in opened:
        await desk.close()


async def test_requests_and_events_go_both_ways(desks: Callable[..., Desk]) -> None:
    obs = Obs()
    async with obs.listening() as port:
        desk = desks(port)
        assert await desk.links.get() is None
        found = await desk.client.request("SetText", text="hello")
        assert found == {"of": "SetText", "data": {"text": "hello"}}
        await obs.tell(obs.links[0], 5, {"eventType": "ReplayBufferSaved", "eventIntent": 64})
        assert await desk.events.get() == Event("ReplayBufferSaved")


async def test_answers_that_come_in_another_order_find_their_questions(
    desks: Callable[..., Desk],
) -> None:
    obs = Obs()
    obs.is_silent = True
    async with obs.listening() as port:
        desk = desks(port)
        await desk.links.get()
        first, second = (asyncio.create_task(desk.client.request(kind)) for kind in ("A", "B"))
        asked = [await obs.asked.get(), await obs.asked.get()]
        for each in reversed(asked):
            await obs.answer(obs.links[0], each)
        assert [(await first)["of"], (await second)["of"]] == ["A", "B"]


async def test_a_late_answer_is_nobodys(
    desks: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(obs_client, "ANSWER_S", 0.05)
    obs = Obs()
    obs.is_silent = True
    async with obs.listening() as port:
        desk = desks(port)
        await desk.links.get()
        with pytest.raises(ObsProblem, match="does not answer GetStats"):
            await desk.client.request("GetStats")
        await obs.answer(obs.links[0], await obs.asked.get())  # too late
        obs.is_silent = False
        monkeypatch.setattr(obs_client, "ANSWER_S", 5.0)
        assert (await desk.client.request("GetRecordStatus"))["of"] == "GetRecordStatus"


async def test_a_refusal_is_raised_with_what_to_do(desks: Callable[..., Desk]) -> None:
    obs = Obs()
    async with obs.listening() as port:
        desk = desks(port)
        await desk.links.get()
        with pytest.raises(RequestRefused) as caught:
            await desk.client.request("CreateRecordChapter", chapterName="Laughter")
        assert caught.value.code == 702 and "Hybrid MP4" in caught.value.hint


@pytest.mark.parametrize("password", [Secret("wrong"), Secret()])
async def test_a_wrong_password_ends_it_and_is_not_told(
    desks: Callable[..., Desk], password: Secret
) -> None:
    async with Obs().listening() as port:
        desk = desks(port, password)
        with pytest.raises(WrongPassword) as caught:
            await desk.task
        assert "wrong" not in str(caught.value)
        assert desk.links.empty()


async def test_another_version_ends_it(desks: Callable[..., Desk]) -> None:
    obs = Obs()
    obs.close_with = 4010
    async with obs.listening() as port:
        with pytest.raises(WrongVersion):
            await desks(port).task


async def test_it_comes_back_after_obs_was_started_again(desks: Callable[..., Desk]) -> None:
    obs = Obs()
    obs.is_silent = True
    async with obs.listening() as port:
        desk = desks(port)
        assert await desk.links.get() is None
        waiting = asyncio.create_task(desk.client.request("GetStats"))
        await obs.asked.get()
        await obs.links[0].close()
        with pytest.raises(ObsProblem):
            await waiting
        assert isinstance(await desk.links.get(), ObsProblem)
    while (problem := await desk.links.get()) and "No OBS answers" not in problem.message:
        pass
    assert not desk.client.is_connected
    with pytest.raises(ObsProblem, match="not connected"):
        await desk.client.request("GetStats")
    again = Obs()
    async with again.listening(port):
        while await desk.links.get() is not None:
            pass
        assert (await desk.client.request("GetVersion"))["of"] == "GetVersion"


async def test_what_is_no_obs_is_said_so_and_tried_again(desks: Callable[..., Desk]) -> None:
    async def babble(link: ServerConnection) -> None:
        await link.send("220 ready")

    async with await serve(
        babble, "127.0.0.1", 0, subprotocols=[Subprotocol(SUBPROTOCOL)]
    ) as other:
        desk = desks(next(iter(other.sockets)).getsockname()[1])
        for _ in range(2):
            problem = await desk.links.get()
            assert problem is not None and "does not speak obs-websocket" in problem.message


async def test_obs_websocket_4_is_told_to_be_upgraded(
    desks: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits to be asked, by another kind of message."""
    monkeypatch.setattr(obs_client, "GREET_S", 0.05)

    async def old(link: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            async for text in link:
                asked = json.loads(text)
                if asked.get("request-type") == "GetVersion":
                    version = {"obs-websocket-version": "4.9.1", "status": "ok"}
                    await link.send(json.dumps(version | {"message-id": asked["message-id"]}))

    async with await serve(old, "127.0.0.1", 0) as server:
        with pytest.raises(WrongVersion, match=r"4\.9\.1") as caught:
            await desks(next(iter(server.sockets)).getsockname()[1]).task
        assert "OBS to 28" in caught.value.hint
