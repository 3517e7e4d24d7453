"""Pure: one file of OBS's as a video: where in it a moment is, pauses left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath, PureWindowsPath

from resonance_tui.errors import InputError
from resonance_tui.history.video_parts import RECORD, VideoPart, place_of
from resonance_tui.secret import describe

_SAME_S = 0.05  # two times that far apart are one


@dataclass(frozen=True, slots=True)
class Reel:
    """A file that OBS wrote in one or more parts, in order of time."""

    parts: tuple[VideoPart, ...]

    @property
    def length_s(self) -> float:
        """As much of it as is known."""
        last = self.parts[-1]
        return last.position + last.end - last.start

    def position(self, t: float) -> float | None:
        """Seconds from the first picture at `t` (epoch s); None where it was not written."""
        place = place_of(self.parts, t)
        return None if place is None else place.seconds


def choose_reel(parts: Sequence[VideoPart], name: str | None, video: float | None) -> Reel | None:
    """The file of that name, with or without its folder; where none is named, the one that the
    session's video is (its first picture was at `video`, epoch s). None where the video is another
    one. Raises InputError for a name that is none of theirs."""
    written = [part for part in parts if part.output == RECORD]
    if name is not None:
        chosen = tuple(part for part in written if name in (part.file, base_name(part.file)))
        if not chosen:
            raise InputError(f"OBS wrote no {describe(name)} in this session.", _files(written))
        return Reel(chosen)
    first = written[0] if written else None
    if first is None or video is None or abs(first.start - first.position - video) > _SAME_S:
        return None
    return Reel(tuple(part for part in written if part.file == first.file))


def base_name(file: str) -> str:
    """Without its folder, as OBS's own system writes paths."""
    return (PureWindowsPath(file) if "\\" in file else PurePath(file)).name


def _files(parts: Iterable[VideoPart]) -> str:
    names = list(dict.fromkeys(base_name(part.file) for part in parts if part.file))
    if not names:
        return "`resonance-tui obs` beside OBS keeps what it writes."
    return f"It wrote {', '.join(names[:5])}{' and more' if len(names) > 5 else ''}."
