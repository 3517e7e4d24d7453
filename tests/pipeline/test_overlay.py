"""The overlay in a real Chromium: what it draws over a video, and that it comes back by itself."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Generator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from browser import CHROMIUM, Browser, Chromium, Page, browser, running_chromium
from http_clients import Served, room_of, served
from limits import until
from numpy.typing import NDArray

from resonance_tui.emotions import Emotion
from resonance_tui.protocol.asides import Answers
from resonance_tui.protocol.questions import Question
from resonance_tui.room.state import ViewerRow
from resonance_tui.secret import Secret
from resonance_tui.serving.gate import Gate
from resonance_tui.serving.pages import LAYOUTS
from resonance_tui.serving.server import ServerOptions
from resonance_tui.session.events import HappeningUpdate, RoomUpdate

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    pytest.mark.timeout(150),
]
SHOWN = "Boolean(document.querySelector('#room') && !document.body.matches('.waiting, .quiet'))"
HALF = 128  # alpha of the plates: rgba(0, 0, 0, 0.5)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Generator[Chromium]:
    with running_chromium(tmp_path_factory.mktemp("chromium")) as running:
        yield running


@pytest.fixture
async def pages(chromium: Chromium) -> AsyncGenerator[Browser]:
    async with browser(chromium) as found:
        yield found


async def shown(pages: Browser, room: Served, query: str, **media: str) -> Page:
    """An overlay that shows a room of three happy ones, one calm, one angry."""
    page = await pages.page(f"{room.base}/overlay{query}", **media)
    await reached(page, room)
    return page


async def reached(page: Page, room: Served) -> None:
    """The page has heard of the room, and shows it."""
    while not await page.run(SHOWN):
        room.connect()
        room.room(3, 0, 1, 1)
        await asyncio.sleep(0.05)


def colours(picture: NDArray[np.uint8], alpha: int) -> set[tuple[int, ...]]:
    """The colours of all pixels with that alpha."""
    found = picture[picture[:, :, 3] == alpha][:, :3]
    return {tuple(map(int, each)) for each in np.unique(found, axis=0)}


async def test_only_what_is_drawn_covers_the_video(pages: Browser) -> None:
    async with served() as room:
        page = await shown(pages, room, "")
        boxes = await page.run(
            "[...document.querySelectorAll('.track')].map(e => e.getBoundingClientRect().toJSON())"
        )
        picture = await page.picture()
    assert picture.shape == (320, 480, 4)
    happy, sad = boxes[0], boxes[1]
    middle = round(happy["y"] + happy["height"] / 2)
    filled = round(happy["x"] + 0.5 * 0.6 * happy["width"])  # 3 of 5 faces
    empty = round(happy["x"] + 0.9 * happy["width"])
    assert tuple(picture[middle, filled]) == (0xF0, 0xE4, 0x42, 255)
    assert tuple(picture[middle, empty]) == (0, 0, 0, HALF)
    track = picture[round(sad["y"]) + 2 : round(sad["bottom"]) - 2]
    inside = track[:, round(sad["x"]) + 2 : round(sad["right"]) - 2]
    assert set(np.unique(inside[:, :, 3])) == {HALF}  # nobody is sad
    assert not picture[round(boxes[-1]["bottom"]) + 20 :, :, 3].any()  # below the last bar
    assert (picture[:, :, 3] == 0).mean() > 0.6


@pytest.mark.parametrize("layout", ["bars", "ring", "mood", "ticker"])
async def test_text_has_a_black_edge_against_any_video(pages: Browser, layout: str) -> None:
    """White letters, and between them and the video nothing but black: both are in contrast."""
    async with served() as room:
        page = await shown(pages, room, f"?layout={layout}")
        room.laugh(3)
        await page.until("document.querySelector('#room').innerText.trim()")
        picture = await page.picture()
    ink = (picture[:, :, :3] > 200).all(axis=2) & (picture[:, :, 3] == 255)
    black = (picture[:, :, :3] < 60).all(axis=2) & (picture[:, :, 3] > 200)
    bare = picture[:, :, 3] < 100
    assert ink.sum() > 100
    assert black.sum() > ink.sum() / 2
    touching = np.zeros_like(bare)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            touching |= np.roll(bare, (dy, dx), axis=(0, 1))
    assert not (ink & touching).any()


async def test_a_room_that_nobody_knows_is_not_drawn(pages: Browser) -> None:
    async with served() as room:
        page = await shown(pages, room, "?layout=ring&min=4")
        assert (await page.picture())[:, :, 3].any()
        room.room(3)
        await page.until("document.body.matches('.quiet')")
        assert not (await page.picture())[:, :, 3].any()


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_a_layout_asks_for_nothing_elsewhere_and_breaks_nowhere(
    pages: Browser, layout: str
) -> None:
    async with served() as room:
        page = await shown(pages, room, f"?layout={layout}&align=right&size=150&words=0")
        room.laugh(4)
        room.room(0, 0, 0, 0, 9)
        room.room()
        room.room(0, 5)
        await asyncio.sleep(0.1)
        await page.run("new Promise(requestAnimationFrame)")
        asked = page.asked_for
        assert asked
        assert [url for url in asked if not url.startswith((room.base, "data:"))] == []
        assert page.complaints == []


async def test_it_comes_back_by_itself_after_a_restart(pages: Browser) -> None:
    async with served(boot="one") as room:
        page = await shown(pages, room, "")
    await page.until("document.body.matches('.waiting')")
    assert not (await page.picture())[:, :, 3].any()
    async with served(boot="two", port=room.port) as again:
        await reached(page, again)
        again.room(0, 7)
        await page.until("document.querySelectorAll('.count')[1].textContent === '7'")
    assert not [each for each in page.complaints if "Uncaught" in each]


async def test_it_comes_back_after_a_refusal_too(pages: Browser) -> None:
    """EventSource gives up for good on an answer of 4xx."""
    async with served() as room:
        page = await shown(pages, room, "")
    refusing = ServerOptions(Gate(token=Secret("t0ken")))
    async with served(refusing, port=room.port) as closed:
        asked = len(page.asked_for)
        await until(lambda: len(page.asked_for) >= asked + 2)
        assert len(closed.server.subscribers) == 0
    async with served(port=room.port) as again:
        await reached(page, again)


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_an_evening_of_events_leaves_no_memory_behind(pages: Browser, layout: str) -> None:
    async with served() as room:
        page = await shown(pages, room, f"?layout={layout}&names=1")
        await evening(page, room, 0, 300)
        nodes, heap = await page.memory()
        await evening(page, room, 300, 3000)
        later = await page.memory()
        assert sum("/events" in url for url in page.asked_for) == 1  # it kept up
    assert later[0] <= nodes + 8  # lines of the ticker
    assert later[1] <= heap + 300_000


async def evening(page: Page, room: Served, begin: int, end: int) -> None:
    """Seconds of a room that laughs now and then, as fast as they can be told."""
    for second in range(begin, end):
        room.room(3 + 6 * (second % 20 > 15), second % 3, 2, t=1000.0 + second)
        if second % 20 == 0:
            room.take(HappeningUpdate(1000.0 + second, "laugh", f"{second}", (), 9))
        if second % 50 == 0:
            await asyncio.sleep(0.01)
    room.room(0, 0, end % 7, t=1000.0 + end)
    await asyncio.sleep(0.3)  # a room waits a quarter of a second to be drawn
    await page.until("!document.querySelector('.flying')")


async def test_a_simulated_room_says_so(pages: Browser) -> None:
    async with served() as room:
        page = await shown(pages, room, "?layout=mood")
        corner = "getComputedStyle(document.getElementById('room'), '::after').content"
        assert await page.run(corner) == "none"
        played = ViewerRow("id", "", Emotion.HAPPINESS, 90, False, True, False)
        room.take(RoomUpdate(2.0, replace(room_of(1), rows=(played,))))
        await page.until(f"{corner}.includes('simulated')")


async def test_four_overlays_run_at_once(pages: Browser) -> None:
    async with served() as room:
        four = [await shown(pages, room, f"?layout={name}") for name in LAYOUTS[:4]]
        assert len(room.server.subscribers) == 4
        settings = await pages.page(room.base)
        await settings.until("document.getElementById('state')?.textContent.includes('connected')")
        room.room(0, 0, 0, 5)
        await four[0].until("document.querySelectorAll('.count')[3].textContent === '5'")
        await four[1].until("document.querySelector('.ring .word').textContent === 'anger'")


async def test_bars_have_a_row_for_each_team_and_all_of_it_in_the_window(pages: Browser) -> None:
    names = "<b>red</b>", *(f"Donaudampfschifffahrt {number}" for number in range(6)), "few"
    nine = 3, 0, 4, 0, 1, 0, 0, 2, 1
    several = replace(room_of(9, 4, 40), teams=dict.fromkeys(range(1, 8), nine))
    async with served() as room:
        page = await shown(pages, room, "?layout=bars")
        assert await page.run("document.querySelectorAll('.team').length") == 0
        room.take(RoomUpdate(time.time(), several, team_names=names))
        await page.until("document.querySelectorAll('.team').length === 8")
        said = "[...document.querySelectorAll('.team')].map(row => row.textContent)"
        assert (await page.run(said))[::7] == ["<b>red</b>8", "few–"]
        widths = (
            "[...document.querySelector('.team').querySelectorAll('.part')].map(e => e.style.width)"
        )
        assert await page.run(widths) == ["37.5%", "0%", "50%", "0%", "12.5%", "0%", "0%"]
        lowest = "document.getElementById('room').lastChild.getBoundingClientRect().bottom"
        assert await page.run(f"{lowest} <= innerHeight")
        room.take(RoomUpdate(time.time(), several, team_names=()))
        await page.until("document.querySelectorAll('.team').length === 0")


LONG = Question(7, "Which of them? " * 8, tuple(f"way {n} of going on" for n in range(8)), 2**40)
LOWEST = "document.querySelector('.asked').getBoundingClientRect().bottom"
NUMBERS = "[...document.querySelectorAll('.asked .count')].map(each => each.textContent)"
TRACKS = "[...document.querySelectorAll('.asked .track')].map(each => each.clientWidth)"


async def test_a_long_question_is_whole_in_every_window(pages: Browser) -> None:
    answers = Answers(7, (120, *[9] * 7))
    several = replace(room_of(9, 4, 40), answers=answers)
    async with served() as room:
        page = await shown(pages, room, "?layout=question")
        room.take(RoomUpdate(time.time(), several, question=replace(LONG, is_private=True)))
        await page.until(f"{NUMBERS}.length === 8")
        for width, height in ((200, 200), (300, 1200), (460, 300)):
            size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
            await page.call("Emulation.setDeviceMetricsOverride", **size)
            await page.until(f"innerWidth === {width} && {LOWEST} <= innerHeight")
            tracks = await page.run(TRACKS)
            assert max(tracks) - min(tracks) <= 1, tracks


async def test_what_is_asked_is_shown_where_its_counts_are_kept_back(pages: Browser) -> None:
    few = replace(room_of(3), least=5, missing=2)
    async with served() as room:
        page = await shown(pages, room, "?layout=question")
        room.take(RoomUpdate(time.time(), few, question=LONG))
        await page.until(f"{NUMBERS}.length === 8")
        assert set(await page.run(NUMBERS)) == {"–"}
        assert await page.run(SHOWN)
        bars = await shown(pages, room, "?layout=bars")
        room.take(RoomUpdate(time.time(), few, question=LONG))
        await bars.until("document.body.matches('.quiet')")


async def test_nicknames_are_in_no_page_that_did_not_ask(pages: Browser) -> None:
    came = HappeningUpdate(1.0, "joined", "<b>Mia</b> came", ("<b>Mia</b>",), 1)
    async with served() as room:
        shy = await shown(pages, room, "?layout=ticker")
        named = await shown(pages, room, "?layout=ticker&names=1")
        room.take(came)
        await shy.until("document.querySelector('.line')")
        await named.until("document.querySelector('.line')")
        assert await shy.run("document.querySelector('.line').textContent") == "1 came"
        told = await named.run("document.querySelector('.line').innerHTML")
        assert told == "&lt;b&gt;Mia&lt;/b&gt; came"  # a nickname is text


async def test_glyphs_fly_when_the_room_moves(pages: Browser) -> None:
    async with served() as room:
        page = await shown(pages, room, "?layout=burst")
        room.laugh(5)
        await page.until("document.querySelectorAll('.flying').length === 5")
        room.room(0, 0, 1, 0, 4)
        await page.until(
            "[...document.querySelectorAll('.flying')].some(e => e.textContent === '○')"
        )
        await page.until("!document.querySelector('.flying')")  # nothing is left behind


@pytest.mark.parametrize(
    ("query", "media"),
    [("", {"prefers_reduced_motion": "reduce"}), ("&motion=0", {})],
)
async def test_where_nothing_may_move_a_line_says_it(
    pages: Browser, query: str, media: dict[str, str]
) -> None:
    async with served() as room:
        page = await shown(pages, room, f"?layout=burst{query}", **media)
        room.laugh(5)
        await page.until("document.querySelector('.said')")
        assert await page.run("document.querySelector('.said').textContent") == "☺ happiness × 5"
        assert await page.run("document.getAnimations().length") == 0


async def test_the_own_style_sheet_and_that_of_obs_hold(pages: Browser, tmp_path: Path) -> None:
    style = tmp_path / "mine.css"
    style.write_text("#room { --plate: rgb(10 20 30); }")
    async with served(ServerOptions(style=style)) as room:
        page = await shown(pages, room, "")
        assert (10, 20, 30) in colours(await page.picture(), 255)
        script = (
            "{const s = document.createElement('style'); s.innerHTML = "
            "'body { background-color: rgba(0,0,0,0); } #room { --plate: rgb(40 50 60); }';"
            "document.querySelector('head').appendChild(s)}"
        )
        await page.run(script)
        assert (40, 50, 60) in colours(await page.picture(), 255)


async def test_the_settings_page_writes_the_address_that_the_preview_shows(
    pages: Browser,
) -> None:
    async with served() as room:
        page = await pages.page(room.base, 1100, 800)
        await page.until("document.querySelector('[value=ring]')")
        await page.run("document.querySelector('[value=ring]').click()")
        await page.run(
            "{const s = document.querySelector('[name=align]'); s.value = 'right';"
            "s.dispatchEvent(new Event('input', {bubbles: true}))}"
        )
        address = await page.run("document.getElementById('address').value")
        assert address == f"{room.base}/overlay?layout=ring&align=right"
        preview = "document.getElementById('preview').contentDocument"
        await page.until(f"{preview}.querySelector('.ring .people')?.textContent === '40'")
        assert await page.run("document.getElementById('width').textContent") == "320"
        assert page.complaints == []


async def test_every_control_of_the_settings_page_is_in_the_address(pages: Browser) -> None:
    chosen = "?layout=ticker&align=center&size=250&min=7&words=0&names=1&motion=0"
    async with served() as room:
        page = await pages.page(room.base, 1100, 800)
        await page.until("document.querySelector('[value=ticker]')")
        await page.run(
            "{const set = {align: 'center', size: 250, min: 7};"
            "const {elements} = document.getElementById('form');"
            "document.querySelector('[value=ticker]').click();"
            "for (const name in set) document.querySelector(`[name=${name}]`).value = set[name];"
            "for (const name of ['words', 'names', 'motion']) elements[name].click()}"
        )
        address = await page.run("document.getElementById('address').value")
        assert address == f"{room.base}/overlay{chosen}"
        shown = "[percent.textContent, width.textContent, height.textContent]"
        assert await page.run(shown) == ["250 %", "1600", "450"]
        again = await pages.page(room.base + chosen, 1100, 800)
        await again.until("document.getElementById('address')?.value")
        assert await again.run("document.getElementById('address').value") == address


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_a_layout_shrinks_to_a_small_window(pages: Browser, layout: str) -> None:
    """Sources are narrow, flat or high, and rooms are large: nothing is cut off."""
    name = "Donaudampfschifffahrtsgesellschaftskapitän"
    outside = (
        "[...document.querySelectorAll('#room *')].filter(e => {"
        "const r = e.getBoundingClientRect(); return r.width && (r.left < -1 || r.top < -1"
        "|| r.right > innerWidth + 1 || r.bottom > innerHeight + 1"
        "|| e.scrollWidth > e.clientWidth + 1)}).map(e => e.outerHTML)"
    )
    async with served() as room:
        page = await shown(pages, room, f"?layout={layout}&motion=0&names=1")
        for width, height in ((200, 100), (1200, 120), (300, 1200), (460, 300)):
            size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
            await page.call("Emulation.setDeviceMetricsOverride", **size)
            room.room(1204, 310, 1777, 98, 402, 60, 12_149)
            room.take(HappeningUpdate(time.time(), "joined", f"{name} came", (name,), 1))
            await page.until(f"innerWidth === {width} && innerHeight === {height}")
            assert await page.run(outside) == [], (width, height)


async def test_people_who_come_are_no_burst(pages: Browser) -> None:
    rooms = [((0, 0, 5), 5), ((4, 0, 9), 13), ((4, 0, 9), 13), ((8, 0, 5), 13)]
    script = (
        "(async () => {const {EMOTIONS} = await import('/overlay/palette.js');"
        "const {default: mount} = await import('/overlay/layouts/burst.js');"
        "const root = document.createElement('div'), burst = mount(root, {isStill: true});"
        f"return {json.dumps(rooms)}.map(([figures, viewers], t) => {{"
        "const named = EMOTIONS.map((look, at) => [look.word, figures[at] ?? 0]);"
        "burst.room({t, viewers, counts: Object.fromEntries(named)});"
        "return root.textContent})})()"
    )
    async with served() as room:
        page = await pages.page(f"{room.base}/overlay")
        await page.until("document.readyState === 'complete'")
        assert await page.run(script) == ["", "", "", "☺ happiness × 4"]


async def test_what_was_missed_for_long_is_not_told_as_news(pages: Browser) -> None:
    async with served(boot="one") as room:
        page = await shown(pages, room, "?layout=ticker")
    await page.until("document.body.matches('.waiting')")
    now = time.time()
    async with served(boot="one", port=room.port) as again:
        for _ in range(3000):  # more than were told before
            again.room(1)
        again.take(HappeningUpdate(now - 3600, "laugh", "an hour ago"))
        again.take(HappeningUpdate(now, "laugh", "just now"))
        again.connect()
        again.room(3)
        await page.until("document.querySelector('.line')")
        assert await page.run("document.querySelector('.ticker').innerText") == "just now"


async def test_a_page_of_another_origin_reads_nothing(pages: Browser) -> None:
    async with served() as room, served(boot="other") as elsewhere:
        room.room(3)
        page = await pages.page(f"{elsewhere.base}/overlay/parts.js")
        await page.until("document.readyState === 'complete'")
        for mode in ("cors", "no-cors"):
            script = f"fetch('{room.base}/state.json', {{mode: '{mode}'}}).then(r => r.text())"
            assert not await page.run(f"{script}.catch(() => '')")
        heard = (
            f"new Promise(done => {{const s = new EventSource('{room.base}/events');"
            "s.onmessage = () => done('heard'); s.onerror = () => done('refused')})"
        )
        assert await page.run(heard) == "refused"
