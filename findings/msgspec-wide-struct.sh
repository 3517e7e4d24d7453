#!/usr/bin/env bash
# msgspec: a struct of 16 fields or more pays two more bytes for each message, also where it is empty.
#
# Guessed: with `omit_defaults` the header of the map is the shortest for the fields that are sent,
#          as it is in `msgpack`: one byte for up to 15.
# Seen:    the header is chosen by the number of fields that the class has: from 16 on it takes three
#          bytes (map 16), though it then counts 0 or 1 fields. With 15 it takes one.
# With:    msgspec 0.22.0, msgpack 1.2.1
# Source:  own run
# So:      a 16th field of a message costs every sender two bytes for each message, whether it uses
#          the field or not. Two ways to write the same map exist: bytes are not to be compared.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q msgspec==0.22.0 msgpack==1.2.1 || exit 77

"$work/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import msgpack
import msgspec


def message(fields: int) -> msgspec.Struct:
    names = [(f"f{number}", int, 0) for number in range(fields)]
    return msgspec.defstruct("Message", names, omit_defaults=True)(f1=5)


print("msgspec", version("msgspec"), "msgpack", version("msgpack"))
print("guessed: a map of one field begins with 81, whatever else the class could send")
seen: dict[int, tuple[str, str]] = {}
for fields in (15, 16):
    packed = msgspec.msgpack.encode(message(fields))
    seen[fields] = packed.hex(), msgpack.packb(msgpack.unpackb(packed)).hex()
    print(f"seen:    {fields} fields: {seen[fields][0]}, by msgpack {seen[fields][1]}")
short = "81a2663105"
sys.exit(seen != {15: (short, short), 16: (f"de0001{short[2:]}", short)})
PYTHON
