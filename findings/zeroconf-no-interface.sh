#!/usr/bin/env bash
# zeroconf: where there is no usable network, starting it raises a bare RuntimeError.
#
# Guessed: an OSError, or one of zeroconf's own errors (all of them subclasses of zeroconf.Error).
# Seen:    RuntimeError, which is neither: a program that catches what the documentation names ends
#          with a traceback on a machine without a network.
# With:    zeroconf 0.154.0
# Source:  own run, in a network namespace of its own
# So:      catch RuntimeError beside OSError and zeroconf.Error around the constructor alone.
set -euo pipefail

unshare -rn true 2>/dev/null || exit 77
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q zeroconf==0.154.0 || exit 77

unshare -rn "$work/venv/bin/python" - <<'PYTHON'
import asyncio
import sys
from importlib.metadata import version

from zeroconf import Error
from zeroconf.asyncio import AsyncZeroconf


async def start() -> BaseException | None:
    try:
        await AsyncZeroconf().async_close()
    except Exception as error:
        return error
    return None


raised = asyncio.run(start())
print("zeroconf", version("zeroconf"))
print("guessed: OSError or zeroconf.Error")
print("seen:   ", repr(raised))
sys.exit(0 if type(raised) is RuntimeError and not isinstance(raised, (OSError, Error)) else 1)
PYTHON
