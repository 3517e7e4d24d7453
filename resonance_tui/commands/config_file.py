"""The settings file, changed in place: a person's comments and order stay as they are."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any, TypeGuard, cast

import tomlkit
from tomlkit.exceptions import TOMLKitError

from resonance_tui.config import check_setting, keys
from resonance_tui.engines import registry as engines
from resonance_tui.engines.base import EngineOptions
from resonance_tui.errors import ConfigError
from resonance_tui.files import atomic_write
from resonance_tui.json_types import is_object
from resonance_tui.messaging.tls_files import check_files
from resonance_tui.pipeline.baseline import baseline_named
from resonance_tui.pipeline.detectors import registry as detectors
from resonance_tui.pipeline.seats import people_named
from resonance_tui.pipeline.sources import parse_source
from resonance_tui.protocol.sanitize import clean_nickname
from resonance_tui.protocol.urls import TlsFiles, parse_broker_url
from resonance_tui.terminal import terminal
from resonance_tui.texts import mark

# What every command would refuse is refused here, while the person still looks at it.
_MEANINGS: dict[str, Callable[[str], object]] = {
    "viewer.nickname": clean_nickname,
    "broker.url": parse_broker_url,
    "broker.ca": lambda file: check_files(TlsFiles(ca=file)),
    "camera.source": parse_source,
    "camera.detector": detectors.check,
    "camera.people": people_named,
    "engine.name": engines.entry,
    "engine.device": lambda name: EngineOptions(device=name),
    "engine.precision": lambda name: EngineOptions(precision=name),
    "engine.baseline": baseline_named,
    "screen.colors": lambda value: terminal({}, colours=value),
    "screen.characters": lambda value: terminal({}, characters=value),
}
_MEAN_NOTHING_YET = {
    "viewer.nickname": "",
    "broker.url": "",
    "broker.ca": "",
    "engine.name": engines.AUTO,
}


def set_value(file: Path, key: str, text: str) -> None:
    """Write `key` into the file, which is made where it is not there.

    Raises ConfigError for a key or value that the settings do not take, for a secret, and for a
    file that cannot be read or written; other InputErrors for what no command could use.
    """
    _check_encodes(key, text)
    value = check_setting(key, text, "config set")
    if key in _MEANINGS and text != _MEAN_NOTHING_YET.get(key):
        _MEANINGS[key](text)
    tree, (section, name) = _read(file), key.split(".")
    table = cast("object", tree.setdefault(section, tomlkit.table()))
    if not _is_table(table):
        raise ConfigError(
            mark("{file}: `{section}` is no table.", file=file, section=section),
            mark("Fix it with an editor."),
        )
    table[name] = value
    _write(file, tree, key, value)


def unset_value(file: Path, key: str) -> bool:
    """Take `key` out of the file, also one that no version knows; whether it was there.

    Raises ConfigError for a section of settings in place of one, and for a file that cannot be read
    or written.
    """
    _check_encodes(key)
    if f"{key.removesuffix('.')}." in {f"{each.partition('.')[0]}." for each in keys()}:
        raise ConfigError(
            mark("{key} is a section and no setting.", key=key), mark("Name one: see config show")
        )
    tree, (section, _, name) = _read(file), key.partition(".")
    holder = cast("object", tree.get(section)) if name else tree
    if not _is_table(holder) or (name or section) not in holder:
        return False
    del holder[name or section]
    _write(file, tree, key, None)
    return True


def _check_encodes(*words: str) -> None:
    """Raise ConfigError for bytes that are no text, which no file of TOML can hold."""
    try:
        "".join(words).encode()
    except UnicodeEncodeError:
        raise ConfigError(
            mark("What was typed is no UTF-8."), mark("Type it in a UTF-8 terminal.")
        ) from None


def _is_table(value: object) -> TypeGuard[MutableMapping[str, Any]]:
    return isinstance(value, MutableMapping)


def _read(file: Path) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(file.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        return tomlkit.document()
    except OSError as error:
        raise ConfigError(
            mark("{file} cannot be read: {strerror}.", file=file, strerror=error.strerror)
        ) from error
    except (TOMLKitError, UnicodeDecodeError, RecursionError):
        raise ConfigError(
            mark("{file} is no TOML.", file=file), mark("Fix it or move it away.")
        ) from None


def _write(
    file: Path, tree: tomlkit.TOMLDocument, key: str, value: str | float | bool | None
) -> None:
    text = tomlkit.dumps(tree)
    if _value_of(text, key) != value:  # an order of tables that tomlkit does not master
        raise ConfigError(
            mark("{file} cannot be changed by this command.", file=file), mark("Use an editor.")
        )
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(file.resolve(), [text.encode()])  # a link stays a link
    except OSError as error:
        raise ConfigError(
            mark("{file} cannot be written: {strerror}.", file=file, strerror=error.strerror)
        ) from error


def _value_of(text: str, key: str) -> object:
    found: object = tomllib.loads(text)
    for part in key.split(".", 1):
        found = found.get(part) if is_object(found) else None
    return found
