"""`doctor`: try each thing the app needs, for real, and say what to do about the rest."""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from resonance_tui import __version__
from resonance_tui.commands.console import put, put_json
from resonance_tui.commands.groups import Command
from resonance_tui.commands.settings import broker_options, load
from resonance_tui.commands.suggestions import ENGINE
from resonance_tui.errors import (
    BrokerError,
    BrokerRefused,
    EngineUnavailable,
    LibraryBroken,
    Problem,
    ResonanceError,
    in_words,
)
from resonance_tui.extras import EXTRAS, PURPOSES, install_command, missing
from resonance_tui.secret import masked

if TYPE_CHECKING:
    from resonance_tui.config import Config
    from resonance_tui.pipeline.camera import FrameSource
    from resonance_tui.pipeline.sources import Frame
    from resonance_tui.protocol.urls import BrokerUrl

CAMERA_WAIT_S = 4.0
FACE_LOOKS = 20  # at one picture: as many as a search for a small face takes
ANOTHER_OPENCV = 'pip install --force-reinstall "opencv-contrib-python>=4.10,<5"'
_MARKS = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "red")}


@click.command("doctor", cls=Command)
@click.option("--camera", metavar="SRC", help="The source to try (default: the configured one).")
@click.option(
    "--engine",
    type=ENGINE,
    metavar="NAME",
    help="The engine to time (default: the configured one).",
)
@broker_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object for scripts.")
@click.pass_context
def doctor(
    ctx: click.Context,
    camera: str | None,
    engine: str | None,
    broker_url: str | None,
    as_json: bool,
) -> None:
    """Try everything the app needs on this machine and say what to do about the rest.

    With --broker, ask that broker alone what a room would be like there.

    \b
    Examples:
      resonance-tui doctor --camera demo
      resonance-tui doctor --broker mqtt://stream.example
      resonance-tui doctor --broker wss://stream.example/mqtt --ca office.pem
    """
    flags = {"camera.source": camera, "engine.name": engine, "broker.url": broker_url}
    asked = [name.partition(".")[0] for name, value in flags.items() if value is not None]
    only = asked if broker_url is not None else []
    run(load(ctx, flags), as_json=as_json, only=only)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    topic: str
    verdict: Literal["ok", "warn", "fail"]
    text: str
    advice: str = ""


def run(config: Config, *, as_json: bool, only: Collection[str] = ()) -> None:
    """Print the findings as they come; exit code 1 when something fails that `join` needs.

    `only`: the names of the checks to make; all where it is empty."""
    from resonance_tui.commands.session_builder import broker_url

    if only:
        broker_url(config)  # an address that cannot be meant is wrong input, and no finding
    from resonance_tui.logs import native_output_to

    findings: list[Finding] = []
    with native_output_to(config.directories.log_file, config.secrets):
        for check in _checks(config):
            if only and check.__name__ not in only:
                continue
            finding = _guarded(check, config.secrets)
            findings.append(finding)
            if not as_json:
                _show(finding)
    if as_json:
        put_json([asdict(finding) for finding in findings], indent=1)
    failed = [finding.topic for finding in findings if finding.verdict == "fail"]
    if failed:
        raise ResonanceError(f"Not working here: {', '.join(failed)}.", "See the advice above.")


def _show(finding: Finding) -> None:
    mark, color = _MARKS[finding.verdict]
    put(f"{click.style(mark, fg=color)} {finding.topic:<12} {finding.text}")
    if finding.advice:
        put(f"  {'':<12} -> {finding.advice}")


def _guarded(check: Callable[[], Finding], secrets: Iterable[str] = ()) -> Finding:
    """What the check finds, or how it fails; libraries may repeat what they were given."""
    topic = check.__name__.strip("_").replace("_", " ")
    try:
        return check()
    except Problem as error:
        return Finding(topic, "fail", error.message, error.hint)
    except ImportError as error:
        return Finding(topic, "fail", masked(str(error), secrets), LibraryBroken(error).hint)
    except Exception as error:  # a native library's own: the other checks have to be made too
        return Finding(topic, "fail", masked(in_words(error), secrets))


def _checks(config: Config) -> Iterator[Callable[[], Finding]]:
    yield _program
    yield _terminal
    yield _opencv
    for extra in EXTRAS:
        yield _extra_check(extra)

    def faces() -> Finding:
        return _faces(config)

    def engine() -> Finding:
        return _engine(config)

    def camera() -> Finding:
        return _camera(config)

    def broker() -> Finding:
        return _broker(config)

    def history() -> Finding:
        return _history(config)

    yield from (faces, engine, camera, broker, history)
    from resonance_tui.sinks.registry import SINKS

    yield from (_sink_check(config, name) for name in SINKS)


def _program() -> Finding:
    python = platform.python_version()
    return Finding("program", "ok", f"resonance-tui {__version__}, Python {python}, {sys.platform}")


def _terminal() -> Finding:
    size = shutil.get_terminal_size()
    text = f"{size.columns}x{size.lines}, TERM={os.environ.get('TERM', 'not set')}"
    if not sys.stdout.isatty():
        return Finding("terminal", "warn", "none here", "Use --headless where there is no screen.")
    if size.columns < 60 or size.lines < 15:
        return Finding("terminal", "warn", text, "60x15 or more shows the whole room.")
    return Finding("terminal", "ok", text)


def _opencv() -> Finding:
    names = ("opencv-python", "opencv-contrib-python", "opencv-python-headless")
    names += ("opencv-contrib-python-headless",)
    found = [name for name in names if _version(name)]
    if len(found) > 1:
        return Finding(
            "pictures",
            "fail",
            f"{len(found)} OpenCV builds overwrite each other: {', '.join(found)}",
            f"pip uninstall {' '.join(found)}; pip install opencv-contrib-python",
        )
    from resonance_tui.pipeline.opencv import cv2

    return Finding("pictures", "ok", f"OpenCV {cv2.__version__}")


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _faces(config: Config) -> Finding:
    from resonance_tui.errors import FaceModelMissing
    from resonance_tui.pipeline.detectors import registry
    from resonance_tui.pipeline.face_model import FoundModel, fetch

    wanted = registry.check(config.settings.camera.detector)
    model: FoundModel | None = None
    reasons: list[str] = []
    if registry.needs_face_model(wanted):
        try:
            model = fetch(config.directories.data, progress=True)
        except FaceModelMissing as missing:
            if wanted != registry.AUTO:
                raise
            registry.create(wanted, None, reasons.append).close()
            return Finding("faces", "warn", f"{missing.message} Haar cascade works.", missing.hint)
    detector = registry.create(wanted, model.path if model else None, reasons.append)
    detector.close()
    if reasons:
        text = f"{'; '.join(reasons)}; {detector.name} works"
        return Finding("faces", "warn", text, ANOTHER_OPENCV)
    text = f"{detector.name} (camera.detector = {wanted}; there are {', '.join(registry.names())})"
    return Finding(
        "faces", "ok", f"{text}, model {model.path} (from: {model.origin})" if model else text
    )


def _engine(config: Config) -> Finding:
    from resonance_tui.commands.session_builder import engine_options
    from resonance_tui.engines import base, benchmark_cache, catalog, registry

    folder, options = base.weights_folder(config.directories.data), engine_options(config)
    passed_over: list[str] = []
    try:
        name = registry.resolve(config.settings.engine.name, folder, options)
        engine = registry.create(name, folder, options, warn=passed_over.append)
    except EngineUnavailable as error:
        advice = error.hint.removesuffix(catalog.TRY_UNTRAINED)  # an option of `join` alone
        return Finding("engine", "fail", error.message, advice)
    seconds = benchmark_cache.timed(engine, folder, options)
    spec = engine.spec
    how = f" ({spec.runs_on})" if spec.runs_on else ""
    what = f"a clip of {spec.clip_frames}" if spec.clip_frames > 1 else "a frame"
    text = f"{spec.name}{how}: {seconds * 1000:.1f} ms {what}"
    if not benchmark_cache.holds(seconds):
        advice = "--engine static is quick everywhere; `models list` shows what each one costs."
        return Finding("engine", "warn", f"{text}, too slow for one prediction a second", advice)
    text = f"{text}, holds one prediction a second"
    return Finding("engine", "warn" if passed_over else "ok", text, "; ".join(passed_over))


def _consent_lacks(config: Config, camera: str) -> Finding | None:
    """Why `camera`, which shows people, stays shut; None where its reading was agreed to."""
    from resonance_tui.commands.session_builder import people_read
    from resonance_tui.profile import Profile

    people, memory = people_read(config), Profile(config.directories.profile_file).load()
    if memory.has_consented(people):
        return None
    of_all = people > 1 and memory.consented_at is not None
    what = "to reading everybody in view" if of_all else "to it"
    how = " --people all" if people > 1 else ""
    text = f"{camera}: not opened, nobody has agreed {what} yet"
    advice = f"resonance-tui config consent --give{how}, or join once"
    return Finding("camera", "warn", text, advice)


def _camera(config: Config) -> Finding:
    from resonance_tui.pipeline.camera import FrameSource
    from resonance_tui.pipeline.live_watch import SLOW_FPS, seconds_to_tell
    from resonance_tui.pipeline.sources import CameraState, parse_source

    source = parse_source(config.settings.camera.source.reveal())
    if source.kind == "none":
        return Finding("camera", "warn", "none chosen", "--camera 0 for the first one.")
    if source.kind in ("device", "url") and (refused := _consent_lacks(config, source.label)):
        return refused
    frames = FrameSource(source)
    frames.start()
    try:
        frame, status, until = None, frames.status, time.monotonic() + CAMERA_WAIT_S
        while (frame is None or not _is_rated(frames)) and time.monotonic() < until:
            time.sleep(0.05)
            frame = frames.latest() or frame
            status = frames.status
            if status.state in (CameraState.MISSING, CameraState.BUSY):
                break
    finally:
        fps = frames.offered_fps
        frames.stop()
    if frame is None:
        detail = status.detail or "no picture came"
        advice = "join with --camera demo or none"
        if not status.detail:
            advice = f"Plug it in, close other programs, or {advice}."
        return Finding("camera", "warn", f"{source.label}: {detail}", advice)
    height, width = frame.image.shape[:2]
    text = f"{source.label}: {width}x{height}"
    if fps is not None:
        text += f", {fps:.1f} pictures a second"
    if _is_too_far(config, frame):
        advice = "Come nearer, or zoom in, until your face is a twentieth of the picture's width."
        return Finding("camera", "warn", f"{text}, and you are too far from it", advice)
    if fps is None or fps >= SLOW_FPS:
        return Finding("camera", "ok", text)
    waits = f"A changed face shows after about {seconds_to_tell(fps):.1f} s; more light may help."
    return Finding("camera", "warn", text, waits)


def _is_rated(frames: FrameSource) -> bool:
    """Whether it is known how many pictures come, or need not be: a recording has its pace."""
    return frames.source.kind not in ("device", "url") or frames.offered_fps is not None


def _is_too_far(config: Config, frame: Frame) -> bool:
    """Whether there are faces in the picture, and all of them too small to be read."""
    from resonance_tui.pipeline.detectors import registry
    from resonance_tui.pipeline.face_model import find
    from resonance_tui.pipeline.perception import MIN_SIDE
    from resonance_tui.pipeline.sources import Frame

    try:
        model = find(config.directories.data)
        wanted = config.settings.camera.detector
        detector = registry.create(wanted, model.path if model else None, lambda _: None)
    except Problem:  # what is wrong with it is told under "faces"
        return False
    try:
        for step in range(FACE_LOOKS):
            if found := detector.detect(Frame(frame.image, step / 10, step)):
                return max(face.side for face in found) < MIN_SIDE
        return False
    finally:
        detector.close()


def _broker(config: Config) -> Finding:
    from resonance_broker import find_mosquitto
    from resonance_tui.commands.session_builder import broker_or_default
    from resonance_tui.messaging.tls import brief

    url = broker_or_default(config)
    is_configured = bool(config.settings.broker.url)
    problem = _why_silent(url, 5.0 if is_configured else 0.5)
    program = find_mosquitto()
    found = f"{program.name} at {program.path}" if program else "no Mosquitto; the embedded one"
    if program is None and missing("amqtt"):
        found = "no Mosquitto, and without the extra 'host' no embedded one"
    if problem is None and is_configured:
        read, broken = read_by_viewers(url)
        found = f"{_told_of(url)}; {read}; here: {found}"
        if broken:
            advice = "Whoever runs that broker renews its access rules."
            return Finding("broker", "warn", f"{url.public} answers; {found}", advice)
    elif problem is None:
        found = f"here: {found}"
    if problem is None:
        known = f", known by {brief(url.pin)}..." if url.pin else ""
        return Finding("broker", "ok", f"{url.public} answers{known}; {found}")
    if is_configured:
        return Finding("broker", "fail", problem.message, problem.hint or "Is it running?")
    advice = "" if program else "sudo apt-get install mosquitto (for more than 50 viewers)"
    verdict = "ok" if program else "warn"
    return Finding("broker", verdict, f"none runs, join will start one: {found}", advice)


def _told_of(url: BrokerUrl) -> str:
    """What this broker's traits mean for a room; without a login, why they are not known."""
    from resonance_tui.messaging.retention import find_traits
    from resonance_tui.protocol.traits import told

    try:
        return told(asyncio.run(find_traits(url)))
    except BrokerError as error:
        return f"rooms: {error.message}"


def read_by_viewers(url: BrokerUrl) -> tuple[str, bool]:
    """What viewers' programs may read there, and whether it is more than a host says."""
    from resonance_tui.messaging.permissions import rooms_read

    if url.username is None:
        return "anybody reads every report: what hosts rule of small rooms is a courtesy", False
    try:
        rooms = asyncio.run(rooms_read(url))
    except BrokerError as error:
        return f"reports: {error.message}", False
    if rooms.broken:
        where = ", ".join(rooms.broken)
        return f"this login reads reports of others in {where}, against its host's word", True
    said = [f"totals alone in {', '.join(rooms.totals)}"] * bool(rooms.totals)
    said += [f"every report in {', '.join(rooms.whole)}"] * bool(rooms.whole)
    if not said:
        return "no room is announced to this login", False
    return f"viewers read {' and '.join(said)}", False


def _why_silent(url: BrokerUrl, within_s: float) -> BrokerError | None:
    """None where a broker answers, with the certificate that it is known by, and can hold rooms.

    A login that it refuses is none of this: whoever answers so is there.
    """
    from resonance_tui.messaging.permissions import announced_by
    from resonance_tui.messaging.probe import negotiate_version

    async def ask() -> None:
        version = await negotiate_version(url, within_s=within_s)
        try:
            await announced_by(url, version)
        except BrokerRefused as error:
            if error.is_final:
                raise

    try:
        asyncio.run(ask())
    except BrokerError as error:
        return error
    return None


def _history(config: Config) -> Finding:
    from resonance_tui.history.store import Store

    path: Path = config.database
    if not path.exists():
        return Finding("history", "ok", f"nothing recorded yet; would be kept in {path}")
    store = Store(path, read_only=True)
    channels = store.channels()
    store.close()
    return Finding("history", "ok", f"{len(channels)} channels in {path}")


def _extra(name: str) -> Finding:
    """A missing extra is no fault: they are optional."""
    absent = missing(*EXTRAS[name])
    if absent:
        text = f"extra not installed, for {PURPOSES[name]}; not here: {', '.join(absent)}"
        return Finding(name, "ok", text, install_command(name))
    return Finding(name, "ok", f"extra installed, for {PURPOSES[name]}")


def _extra_check(name: str) -> Callable[[], Finding]:
    def check() -> Finding:
        return _extra(name)

    check.__name__ = name
    return check


def _sink_check(config: Config, name: str) -> Callable[[], Finding]:
    from resonance_tui.sinks import registry

    def check() -> Finding:
        found = registry.load(name).check(config)
        return Finding(name, found.verdict, found.text, found.advice)

    check.__name__ = name
    return check
