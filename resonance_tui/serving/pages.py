"""The overlay and its settings page: files of this package, and what is made from the palette."""

from __future__ import annotations

import asyncio
import json
from functools import cache
from importlib.resources import files
from pathlib import Path

from resonance_tui.emotions import EMOTIONS, STYLES
from resonance_tui.reaction_kinds import REACTION_STYLES, Reaction
from resonance_tui.serving.http import Response
from resonance_tui.serving.words import MOODS, words
from resonance_tui.texts import language, tr

FOLDER = files("resonance_tui.serving") / "overlay"
HTML = "text/html; charset=utf-8"
# Nothing of another origin, ever. OBS puts the style sheet of its own dialog into the page.
POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
)
TYPES = {
    "html": HTML,
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
}
PAGES = {"/": "settings.html", "/overlay": "overlay.html"}
LAYOUTS = ("bars", "ring", "ticker", "burst", "reactions", "mood", "question")
_ASSETS = (
    *(
        "overlay.css",
        "overlay.js",
        "options.js",
        "parts.js",
        "sample.js",
        "settings.css",
        "settings.js",
        "words.js",
    ),
    *(f"layouts/{name}.js" for name in LAYOUTS),
)
FILES = {
    **PAGES,
    **{f"/overlay/{name}": name for name in _ASSETS},
    "/events.schema.json": "events.schema.json",
}
PALETTE, OWN_STYLE = "/overlay/palette.js", "/overlay/own.css"


def page(path: str) -> Response | None:
    """The file behind a path; None where there is none."""
    if path == PALETTE:
        return Response(type=TYPES["js"], body=palette_script().encode())
    name = FILES.get(path)
    if name is None:
        return None
    kind = name.rpartition(".")[2]
    policy = (("Content-Security-Policy", POLICY),) if kind == "html" else ()
    return Response(type=TYPES[kind], body=_content(name), headers=policy)


async def own_style(file: Path | None) -> Response:
    """The style sheet that the streamer wrote, as it is now; an empty one where there is none."""
    body = b""
    if file is not None:
        try:
            body = await asyncio.to_thread(file.read_bytes)
        except OSError as error:
            body = f"/* {file.name}: {error.strerror} */".encode()
    return Response(type=TYPES["css"], body=body)


def palette_script() -> str:
    """The emotions in the order of every count: word, its label in the person's language, glyph,
    colour, group, and the mood of a room that shows it; the reactions of the palette: word,
    label and glyph; and what else is said in that language."""
    looks = [
        {
            **{"word": code.word, "label": code.label, "glyph": look.glyph, "color": look.color},
            **{"group": look.group, "mood": tr(MOODS[code])},
        }
        for code in EMOTIONS
        for look in [STYLES[code]]
    ]
    kinds = [
        {"word": kind.word, "label": kind.label, "glyph": REACTION_STYLES[kind].picture}
        for kind in Reaction
    ]
    made = {"EMOTIONS": looks, "REACTIONS": kinds}
    made |= {"LANGUAGE": language().replace("_", "-"), "WORDS": words()}
    return "".join(
        f"export const {name} = {json.dumps(value, ensure_ascii=False)};\n"
        for name, value in made.items()
    )


@cache
def _content(name: str) -> bytes:
    return FOLDER.joinpath(name).read_bytes()
