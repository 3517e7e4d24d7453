"""The limit of open files, which bounds how many connections one process may have."""

from __future__ import annotations

from resonance_tui.errors import InputError

_OTHER_FILES = 64  # open files of this program beside the crowd's connections


def allow_connections(connections: int) -> None:
    """Raise this process's own limit of open files if need be. Raises InputError when the
    shell does not allow as many as there are connections."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    needed = connections + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise InputError(
            f"{connections} connections need {needed} open files, and ulimit -n allows {hard}",
            f"Type: ulimit -n {needed} (as root where it is refused), "
            f"or let viewers share: --connections {max(1, hard - _OTHER_FILES)}",
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
