"""The room you miss when you watch a stream, in a terminal."""

from __future__ import annotations

__version__: str


def __getattr__(name: str) -> str:
    """`__version__`: of the installed package; "0+unknown" where none is installed.

    It comes from the tag at build time. The look-up loads `importlib.metadata`, so that it waits
    until it is read; `--help` answers without.
    """
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("resonance-tui")
    except PackageNotFoundError:  # a checkout that nothing was installed from
        return "0+unknown"
