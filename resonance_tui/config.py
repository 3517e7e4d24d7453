"""Settings and where they come from: defaults < TOML file < environment < flags."""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

import platformdirs

from resonance_tui.errors import ConfigError, InvalidBrokerUrl
from resonance_tui.json_types import is_object
from resonance_tui.protocol.urls import parse_broker_url
from resonance_tui.secret import (
    HIDDEN,
    MASK,
    Secret,
    may_hold_secret,
    pieces,
    shown,
    shown_address,
    shown_path,
    shown_source,
)
from resonance_tui.texts import mark

APP = "resonance-tui"
ENV_PREFIX = "RESONANCE_"
OTHER_VARIABLES = (  # that are read, and are no settings
    "RESONANCE_CONFIG",
    "RESONANCE_DATA_DIR",
    "RESONANCE_FACE_MODEL",
    "RESONANCE_HOMEPAGE",
    "RESONANCE_MOSQUITTO",
)
LEAST_EPSILON, MOST_EPSILON = 0.1, 5.0  # as `room.private_answers` has them
DEFAULT_BROKER_URL = "mqtt://localhost:1883"


def _doc(default: Any, help: str, low: float | None = None, high: float | None = None) -> Any:
    return field(default=default, metadata={"help": help, "low": low, "high": high})


@dataclass(frozen=True, slots=True)
class ViewerSection:
    nickname: str = _doc("", "shown to everyone in the room; empty = anonymous")
    private: bool = _doc(
        False, "randomise each report before it is sent; join no room that cannot count such"
    )
    epsilon: float = _doc(
        MOST_EPSILON,
        "most epsilon of one felt state that you accept in private reports",
        LEAST_EPSILON,
        MOST_EPSILON,
    )
    privacy_budget: float = _doc(
        18.0, "most epsilon of one session; once it is spent, sharing ends", LEAST_EPSILON, 45.0
    )


@dataclass(frozen=True, slots=True)
class BrokerSection:
    url: Secret = _doc(
        Secret(),
        "mqtt:// or mqtts://host[:port], ws:// or wss://host[:port]/path; empty = this machine, "
        "started if need be",
    )
    user: str = _doc("", "login name at the broker")
    password: Secret = _doc(Secret(), "better kept in RESONANCE_BROKER_PASSWORD than in a file")
    ca: str = _doc("", "PEM file of private authorities that may vouch for a broker, too")
    cert: str = _doc("", "PEM file of the certificate to show to a broker that asks for one")
    key: str = _doc("", "PEM file of its key; empty = in the same file")
    key_password: Secret = _doc(
        Secret(), "of that key; better kept in RESONANCE_BROKER_KEY_PASSWORD than in a file"
    )


@dataclass(frozen=True, slots=True)
class CameraSection:
    source: Secret = _doc(Secret("0"), "device index, video file, stream URL, demo or none")
    fps: float = _doc(
        10.0, "most frames a second looked at; unless set, as many as the engine needs", 1, 30
    )
    detector: str = _doc("auto", "auto, or a face detector; `doctor` lists them")
    people: str = _doc("one", "one, or all: up to four in view, each a viewer of its own")


@dataclass(frozen=True, slots=True)
class EngineSection:
    name: str = _doc("auto", "auto, or an engine that `join --help` or `models list` names")
    device: str = _doc("auto", "for networks: auto, cpu, cuda or mps")
    precision: str = _doc("auto", "for networks: auto, float32, bfloat16, float16 or int8")
    baseline: str = _doc(
        "key",
        "what your resting face leans to is taken off: key (set with b), auto (learnt, too) or off",
    )


@dataclass(frozen=True, slots=True)
class HistorySection:
    database: str = _doc("", "path of the history database; empty = in the data directory")


@dataclass(frozen=True, slots=True)
class SheetsSection:
    url: str = _doc("", "the Google sheet for every channel; empty = what `sheets setup` was told")
    credentials: Secret = _doc(
        Secret(), "path of Google's JSON key; in the environment the key itself too"
    )
    writes_a_minute: float = _doc(6.0, "writes to the Google sheet; Google allows 60", 1, 60)


@dataclass(frozen=True, slots=True)
class ScreenSection:
    bell: bool = _doc(False, "ring when something happens in the room")
    notify: bool = _doc(False, "tell the desktop of it, where the terminal can")
    colors: str = _doc("auto", "auto: what TERM says; or none, 16, 256, truecolor")
    characters: str = _doc(
        "auto", "auto; full; or plain: ASCII alone, for terminals that draw signs two cells wide"
    )
    lang: str = _doc("auto", "auto: what LANG says; or a language, as en or zh_TW")


@dataclass(frozen=True, slots=True)
class ServeSection:
    host: str = _doc("127.0.0.1", "address that events and overlay are served at; others: a token")
    token: Secret = _doc(
        Secret(), "asked for by what is served; empty = one of our own beyond this machine"
    )
    css: str = _doc("", "style sheet of your own for the overlay")


@dataclass(frozen=True, slots=True)
class ObsSection:
    address: str = _doc("", "host:port of OBS's WebSocket server; empty = localhost:4455")
    password: Secret = _doc(
        Secret(), "of it; better kept in RESONANCE_OBS_PASSWORD or the keyring than in a file"
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole tree. TOML: one table a section; environment: RESONANCE_SECTION_KEY."""

    viewer: ViewerSection = field(default_factory=ViewerSection)
    broker: BrokerSection = field(default_factory=BrokerSection)
    camera: CameraSection = field(default_factory=CameraSection)
    engine: EngineSection = field(default_factory=EngineSection)
    history: HistorySection = field(default_factory=HistorySection)
    sheets: SheetsSection = field(default_factory=SheetsSection)
    screen: ScreenSection = field(default_factory=ScreenSection)
    serve: ServeSection = field(default_factory=ServeSection)
    obs: ObsSection = field(default_factory=ObsSection)


_SWITCHES = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}
_PATHS = ("history.database", "broker.ca", "broker.cert", "broker.key", "serve.css")


@dataclass(frozen=True, slots=True)
class Directories:
    """Where things live; one place, so that nothing else guesses."""

    config: Path
    data: Path
    state: Path

    @property
    def log_file(self) -> Path:
        return self.state / "resonance-tui.log"

    @property
    def profile_file(self) -> Path:
        return self.data / "profile.json"

    @property
    def logins_file(self) -> Path:
        return self.data / "logins.json"

    @property
    def serve_token_file(self) -> Path:
        """The token of what is served beyond this machine."""
        return self.data / "serve-token"

    @property
    def room_keys_folder(self) -> Path:
        """The keys of the rooms that this machine hosts."""
        return self.data / "room-keys"

    @property
    def broker_folder(self) -> Path:
        """What a broker that runs here keeps: its accounts and its certificate."""
        return self.data / "broker"


@dataclass(frozen=True, slots=True)
class Config:
    """Settings with the origin of each: `default`, a file's path, a variable's name, or a flag."""

    settings: Settings
    origins: Mapping[str, str]
    directories: Directories
    file: Path

    @property
    def secrets(self) -> list[str]:
        """What no message may contain: every setting that may not be shown as it is, with
        the passwords and keys inside it."""
        found: list[str] = []
        for section in dataclasses.fields(Settings):
            part = getattr(self.settings, section.name)
            for item in dataclasses.fields(part):
                value = getattr(part, item.name)
                if _is_masked(f"{section.name}.{item.name}", value):
                    found += pieces(_text_of(value))
        return found

    @property
    def database(self) -> Path:
        chosen = self.settings.history.database
        return _expanded(chosen) if chosen else self.directories.data / "history.sqlite"


def directories() -> Directories:
    """Per-user folders of this system; RESONANCE_DATA_DIR moves the data."""
    data = os.environ.get("RESONANCE_DATA_DIR")
    try:
        return Directories(
            config=platformdirs.user_config_path(APP),
            data=_path("RESONANCE_DATA_DIR", data) if data else platformdirs.user_data_path(APP),
            state=platformdirs.user_state_path(APP),
        )
    except (RuntimeError, KeyError) as error:
        raise _homeless(error) from error


def _homeless(error: Exception) -> ConfigError:
    return ConfigError(
        mark("No home directory can be found here: {error}", error=error),
        mark("Set HOME, or XDG_*_HOME."),
    )


def _path(origin: str, path: str | Path) -> Path:
    """Raises ConfigError for a key or a login that was put where a path belongs: paths stand in
    messages."""
    if may_hold_secret(str(path)):
        raise ConfigError(
            mark("{origin} holds what may be a key or a login, and no path.", origin=origin),
            mark(
                "Passwords belong into RESONANCE_BROKER_PASSWORD, keys of Google's into "
                "RESONANCE_SHEETS_CREDENTIALS."
            ),
        )
    return _expanded(path)


def _expanded(path: str | Path) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise _homeless(error) from error


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long, a folder that may not be looked into
        return False


def load(
    flags: Mapping[str, Any] | None = None,
    *,
    file: Path | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Config:
    """Read all four layers.

    `flags` maps dotted keys ("camera.source") to values; None means "not given".
    Raises ConfigError naming the file or variable, the key and the nearest valid key.
    """
    where = directories()
    path = settings_file(file, environ)
    is_asked_for = bool(file or environ.get("RESONANCE_CONFIG"))
    if is_asked_for and not _is_file(path):
        said = mark("There is no settings file at {path}.", path=shown(path))
        raise ConfigError(said, mark("Leave it out to use defaults."))
    values: dict[str, tuple[Any, str]] = {}
    for key, value in _read_toml(path).items():
        values[key] = (_checked(key, value, str(path)), str(path))
    for key in _kinds():
        name = variable(key)
        if name in environ:
            values[key] = (_checked(key, _from_text(key, environ[name]), name), name)
    for key, value in (flags or {}).items():
        if value is not None:
            values[key] = (_checked(key, value, "flag"), "flag")
    return Config(_build(values), _origins(values), where, path)


def settings_file(file: Path | None = None, environ: Mapping[str, str] = os.environ) -> Path:
    """Where the settings are read from, be there a file or not. `file`: as `--config` has it."""
    asked = file or environ.get("RESONANCE_CONFIG") or None
    if asked is None:
        return directories().config / "config.toml"
    return _path("--config" if file else "RESONANCE_CONFIG", asked)


def keys() -> tuple[str, ...]:
    """Every setting, by its dotted key."""
    return tuple(_kinds())


def variable(key: str) -> str:
    """The environment variable of a dotted key."""
    return ENV_PREFIX + key.replace(".", "_").upper()


def unknown_variables(environ: Mapping[str, str] = os.environ) -> list[tuple[str, str]]:
    """(name, the nearest that means something or "") of each RESONANCE_ variable that nothing
    reads."""
    known = [*OTHER_VARIABLES, *map(variable, _kinds())]
    names = [name for name in environ if name.startswith(ENV_PREFIX) and name not in known]
    return [
        (shown(name, 80), next(iter(difflib.get_close_matches(name[:80], known, 1, 0.75)), ""))
        for name in sorted(names)
    ]


def check_setting(key: str, text: str, origin: str) -> str | float | bool:
    """The value that `text` is for `key`. Raises ConfigError as `load` does, and for a secret: the
    settings are a file that is shown around."""
    if key not in _kinds():
        raise _unknown(key, origin)
    value = _checked(key, _from_text(key, text), origin)
    if isinstance(value, bool | float):
        return value
    if _holds_secret(key, text):
        name = "RESONANCE_BROKER_PASSWORD" if key == "broker.url" else variable(key)
        raise ConfigError(
            mark(
                "{origin}: what `{key}` would hold may be a key or a password, which no file "
                "of settings should.",
                origin=origin,
                key=key,
            ),
            mark("Keep it in the variable {name}.", name=name),
        )
    return text


def _holds_secret(key: str, text: str) -> bool:
    if isinstance(_kinds()[key].default, Secret):
        return _is_masked(key, text)
    return may_hold_secret(text)


def with_setting(config: Config, section: str, **values: Any) -> Config:
    """The same with one section changed, for what a verb decides by itself."""
    given = {name: _kept(f"{section}.{name}", value) for name, value in values.items()}
    part = dataclasses.replace(getattr(config.settings, section), **given)
    settings = dataclasses.replace(config.settings, **{section: part})
    return dataclasses.replace(config, settings=settings)


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting, to be shown."""

    key: str
    value: str | float | bool  # a secret is masked
    origin: str  # as in `Config.origins`
    help: str
    is_masked: bool


def settings_table(config: Config) -> list[SettingRow]:
    """Every setting, section by section."""
    rows: list[SettingRow] = []
    for key, item in _kinds().items():
        section, name = key.split(".")
        value = getattr(getattr(config.settings, section), name)
        said = value if isinstance(value, bool | float) else _shown(key, value)
        help, hidden = item.metadata["help"], _is_masked(key, value)
        rows.append(SettingRow(key, said, config.origins[key], help, hidden))
    return rows


def _shown(key: str, value: Any) -> str:
    """A value as it may stand in a bug report: no password, no key in a stream's path."""
    text = _text_of(value)
    if not text:
        return ""
    said = _SHOWN.get(key, shown_address if "://" in text else shown)(text)
    return MASK if said == HIDDEN else said


def _is_masked(key: str, value: Any) -> bool:
    return _shown(key, value) != _text_of(value)


def _shown_broker(text: str) -> str:
    """As it is where it has neither login nor slip of the pen; a pin is no secret."""
    try:
        url = parse_broker_url(text)
    except InvalidBrokerUrl:
        return shown_address(text)
    is_plain = not any(each.username for each in (url, *url.alternates)) and "@" not in text
    return text if is_plain else shown_address(text)


def _text_of(value: Any) -> str:
    """A setting as one would write it; true and false as TOML has them."""
    if isinstance(value, Secret):
        return value.reveal()
    return str(value).lower() if isinstance(value, bool) else str(value)


_SHOWN: Mapping[str, Callable[[str], str]] = {
    "broker.url": _shown_broker,
    "broker.password": lambda _: MASK,
    "broker.key_password": lambda _: MASK,
    "camera.source": shown_source,
    "sheets.credentials": shown_path,
    "serve.token": lambda _: MASK,
    "obs.password": lambda _: MASK,
}


def _kinds() -> dict[str, dataclasses.Field[Any]]:
    hints = get_type_hints(Settings)
    return {
        f"{section.name}.{item.name}": item
        for section in dataclasses.fields(Settings)
        for item in dataclasses.fields(hints[section.name])
    }


def _read_toml(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # some editors begin with a mark
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(
            mark("{path} cannot be read: {error}", path=path, error=_why_unreadable(error)),
            mark("Fix it or move it away."),
        ) from None  # the error has the whole file in its arguments
    flat: dict[str, Any] = {}
    for section, table in tree.items():
        if not is_object(table):
            raise _unknown(section, str(path))
        flat |= {f"{section}.{key}": value for key, value in table.items()}
    for key in flat:
        if key not in _kinds():
            raise _unknown(key, str(path))
    return flat


def _why_unreadable(error: Exception) -> str:
    """Where the fault is; what stands there may be a secret."""
    if isinstance(error, OSError):
        return f"{error.strerror}."
    if isinstance(error, UnicodeDecodeError):
        return mark("it is no UTF-8 text.")
    place = re.search(r" \(at [^()]*\)$", str(error))
    return mark("it is no TOML{place}.", place=place[0] if place else "")


def _unknown(key: str, origin: str) -> ConfigError:
    near = difflib.get_close_matches(key[:80], _kinds(), n=1, cutoff=0.4)
    hint = (
        mark("Did you mean `{near}`?", near=near[0])
        if near
        else mark("Valid keys: {kinds}.", kinds=", ".join(_kinds()))
    )
    return ConfigError(
        mark("{origin}: there is no setting `{key}`.", origin=origin, key=shown(key, 80)), hint
    )


def _from_text(key: str, text: str) -> Any:
    default = _kinds()[key].default
    if isinstance(default, bool):
        return _SWITCHES.get(text.strip().lower(), text)  # the check below words the complaint
    if not isinstance(default, float):
        return text
    try:
        return float(text)
    except ValueError:
        return text  # the check below words the complaint


def _checked(key: str, value: Any, origin: str) -> Any:
    """The value as the settings hold it. No complaint repeats it: it may be a secret that was put
    into the wrong place."""
    item = _kinds()[key]
    if isinstance(item.default, bool):
        return _switch(key, value, origin)
    if isinstance(item.default, float):
        return _number(key, value, origin)
    if not isinstance(value, str | Secret):
        raise ConfigError(
            mark(
                "{origin}: `{key}` must be text, not {value}.",
                origin=origin,
                key=key,
                value=_kind(value),
            ),
            mark("Put it in quotes."),
        )
    if key in _PATHS:
        _path(f"{origin}: `{key}`", str(value))
    return _kept(key, value)


def _switch(key: str, value: Any, origin: str) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(
            mark(
                "{origin}: `{key}` must be true or false, not {value}.",
                origin=origin,
                key=key,
                value=_kind(value),
            ),
            mark("Write it without quotes in a file; yes, no, on and off do in a variable."),
        )
    return value


def _number(key: str, value: Any, origin: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(
            mark(
                "{origin}: `{key}` must be a number, not {value}.",
                origin=origin,
                key=key,
                value=_kind(value),
            )
        )
    low, high = (_kinds()[key].metadata[end] for end in ("low", "high"))
    if not low <= value <= high:
        raise ConfigError(
            mark(
                "{origin}: `{key}` must lie between {low} and {high}.",
                origin=origin,
                key=key,
                low=low,
                high=high,
            )
        )
    return float(value)


def _kind(value: object) -> str:
    kinds: dict[type, str] = {
        **{
            str: "text",
            bool: mark("true or false"),
            int: mark("a number"),
            float: mark("a number"),
        },
        **{list: mark("a list"), dict: mark("a table")},
    }
    return kinds.get(type(value), mark("a time"))


def _kept(key: str, value: Any) -> Any:
    is_secret = isinstance(_kinds()[key].default, Secret)
    return Secret(value) if is_secret else value


def _build(values: Mapping[str, tuple[Any, str]]) -> Settings:
    sections: dict[str, dict[str, Any]] = {}
    for key, (value, _) in values.items():
        section, name = key.split(".")
        sections.setdefault(section, {})[name] = value
    settings = Settings()
    for section, given in sections.items():
        part = dataclasses.replace(getattr(settings, section), **given)
        settings = dataclasses.replace(settings, **{section: part})
    return settings


def _origins(values: Mapping[str, tuple[Any, str]]) -> dict[str, str]:
    return {key: values[key][1] if key in values else "default" for key in _kinds()}
