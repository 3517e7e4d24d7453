"""Fetches published weights; a transfer that broke off goes on where it stopped.

What comes lies in `folder/pulling/NAME` until it is imported. Nobody is asked here: callers show
`Published.terms` and get the user's word first.
"""

from __future__ import annotations

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from resonance_zoo.card_types import NetworkCard, Published, StillCard
from resonance_zoo.cards import load_card
from resonance_zoo.checkpoints import transfer
from resonance_zoo.checkpoints.errors import (
    Interrupted,
    NothingPublished,
    PullError,
    UnreadableWeights,
    WeightsError,
)
from resonance_zoo.checkpoints.stored import StoredWeights, intact, place
from resonance_zoo.files import sha256

CHECKPOINT_SUFFIXES = frozenset({".pth", ".pt", ".pickle", ".bin", ".tar", ".safetensors"})


def find(wanted: str) -> tuple[NetworkCard, Published]:
    """The card and the publication that `NAME` or `NAME.TAG` means; without a tag the first that
    can answer as it is, else the first.

    Raises UnknownModel; NothingPublished where nothing is published, with whom to ask.
    """
    name, _, tag = wanted.partition(".")
    card = load_card(name)
    if isinstance(card, StillCard):
        raise NothingPublished(f"{name} comes with the package; there is nothing to fetch.")
    assert isinstance(card, NetworkCard)
    published = _tagged(card, tag) if tag else _first(card)
    if published.kind == "none":
        raise NothingPublished(
            f"No weights of {name} can be fetched. {published.note}", f"See {published.location}"
        )
    return card, published


def _first(card: NetworkCard) -> Published:
    return min(card.weights, key=lambda each: each.is_start)


def _tagged(card: NetworkCard, tag: str) -> Published:
    by_name = {each.name: each for each in card.weights}
    if tag in by_name:
        return by_name[tag]
    names = ", ".join(f"{card.name}.{each}" for each in by_name)
    raise NothingPublished(f"Nothing is published as {card.name}.{tag}.", f"There is: {names}")


def stored_name(card: NetworkCard, published: Published) -> str:
    """Under which name it is kept: the network's own, or for a start NAME.TAG."""
    return f"{card.name}.{published.name}" if published.is_start else card.name


def already_here(card: NetworkCard, published: Published, folder: Path) -> StoredWeights | None:
    """What was kept of that publication before, if it is still intact."""
    kept = intact(stored_name(card, published), folder)
    if kept is None or kept.origin != published.location:
        return None
    return kept if sha256(kept.path) == kept.sha256 else None


def pull(card: NetworkCard, published: Published, folder: Path, *, progress: bool = True) -> Path:
    """Fetch, check and import; the path of the stored file. `progress` draws a bar on stderr.

    A broken transfer raises PullError and keeps what came, so that the next call goes on from
    there. A file whose hash is not the card's (or, where that names none, the one recorded when
    it was imported first) is refused. Raises WeightsError as `import_weights` does.
    """
    name = stored_name(card, published)
    waiting = folder / "pulling" / name
    with _advice(card, published, waiting):
        waiting.mkdir(parents=True, exist_ok=True)
        with transfer.bar(name, is_drawn=progress) as advance:
            file = _fetch(published, waiting, advance)
        _check_hash(file, published, intact(name, folder))
        try:
            _import(file, card, published, folder)
        except UnreadableWeights:
            file.unlink()  # fetched again it may be the file, not a page about it
            raise
    shutil.rmtree(waiting)
    return place(name, folder)


def _import(file: Path, card: NetworkCard, published: Published, folder: Path) -> None:
    from resonance_zoo.weights import import_weights, keep_start

    if published.is_start:
        keep_start(file, stored_name(card, published), folder, origin=published.location)
        return
    import_weights(
        file,
        card.name,
        folder,
        origin=published.location,
        classes=published.classes,
        **published.overrides,
    )


def _fetch(published: Published, waiting: Path, progress: transfer.Progress) -> Path:
    if published.kind == "http":
        file = waiting / PurePosixPath(published.location).name
        return transfer.fetch_http(published.location, file, progress)
    if published.kind == "google-drive":
        return transfer.fetch_drive(published.location, waiting / "checkpoint.pth", progress)
    entries = transfer.list_drive_folder(published.location)
    identity, path = _choose(entries, published)
    return transfer.fetch_drive(
        f"https://drive.google.com/uc?id={identity}", waiting / PurePosixPath(path).name, progress
    )


def _choose(entries: list[tuple[str, str]], published: Published) -> tuple[str, str]:
    """The one checkpoint of a shared folder that is meant: the only one, or the one whose path
    names it."""
    found = [each for each in entries if PurePosixPath(each[1]).suffix in CHECKPOINT_SUFFIXES]
    if len(found) > 1:
        found = [each for each in found if published.file.lower() in each[1].lower()]
    if len(found) != 1:
        listing = ", ".join(path for _, path in entries) or "nothing"
        raise PullError(f"In the shared folder it is not clear which file is meant: {listing}.")
    return found[0]


def _check_hash(file: Path, published: Published, before: StoredWeights | None) -> None:
    expected, why = published.sha256, "the card names"
    if expected is None and before is not None and before.origin == published.location:
        expected, why = before.source_sha256, f"was fetched on {before.imported_at[:10]}"
    found = sha256(file) if expected else None
    if found != expected:
        file.unlink()
        raise PullError(f"What came is not the file that {why}: SHA-256 {found}, not {expected}.")


@contextmanager
def _advice(card: NetworkCard, published: Published, waiting: Path) -> Generator[None]:
    """Whatever goes wrong, say how to get there again or by hand."""
    by_hand = (
        f"Or fetch it in a browser from {published.location} and run: "
        f"resonance-tui models import FILE --as {card.name}"
    )
    try:
        yield
    except Interrupted as error:
        error.hint = f"{_again(waiting)} {by_hand}"
        raise
    except WeightsError as error:
        error.hint = f"{error.hint} {by_hand}".strip()
        raise
    except OSError as error:
        raise PullError(f"It cannot be kept: {error.strerror or error}.", by_hand) from error


def _again(waiting: Path) -> str:
    has_part = any(part.stat().st_size for part in waiting.glob("*.part"))
    if has_part:
        return "What came is kept; run the same command to go on from there."
    return "Nothing came; run the same command again."
