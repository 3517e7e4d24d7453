#!/usr/bin/env bash
# msgpackr: a time in milliseconds goes out as a float, and comes in as a BigInt.
#
# Guessed: a whole number is an integer of MessagePack in both directions, as with @msgpack/msgpack:
#          Date.now() is packed as uint64, and a uint64 below 2**53 is unpacked as a number.
# Seen:    beyond 32 bits msgpackr packs whole numbers as float 64, which a schema that says "int"
#          refuses in Python (msgspec); what Python packs is a BigInt in JavaScript, and adding 1 to
#          it raises TypeError. Smaller numbers are right, so that tests with small ones pass.
# With:    msgpackr 2.1.4, @msgpack/msgpack 3.1.3, msgspec 0.22.0
# Source:  own run
# So:      in JavaScript pack BigInt(time) and unpack with int64AsType "number", or take the other.
set -euo pipefail

command -v npm >/dev/null || exit 77
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q msgspec==0.22.0 || exit 77
npm install --silent --no-fund --no-audit msgpackr@2.1.4 @msgpack/msgpack@3.1.3 >npm.log || exit 77

cat >pack.js <<'JAVASCRIPT'
const theirs = require('msgpackr')
const other = require('@msgpack/msgpack')
const written = Buffer.from(process.argv[2], 'hex') // by msgspec
const time = Number(process.argv[3])
console.log(JSON.stringify({
  msgpackr: [theirs.pack(time).toString('hex'), typeof theirs.unpack(written)],
  '@msgpack/msgpack': [Buffer.from(other.encode(time)).toString('hex'), typeof other.decode(written)],
}))
JAVASCRIPT

venv/bin/python - <<'PYTHON'
import json
import subprocess
import sys
from importlib.metadata import version

import msgspec

TIME_MS = 1_795_838_350_795


def taken(packed: str) -> str:
    """What a reader with a schema makes of it."""
    try:
        return f"int {msgspec.msgpack.decode(bytes.fromhex(packed), type=int)}"
    except msgspec.ValidationError as error:
        return str(error)


ours = msgspec.msgpack.encode(TIME_MS).hex()
run = subprocess.run(["node", "pack.js", ours, str(TIME_MS)], capture_output=True, check=True)
seen = {name: (taken(out), read) for name, (out, read) in json.loads(run.stdout).items()}
print("msgpackr 2.1.4 @msgpack/msgpack 3.1.3 msgspec", version("msgspec"))
print(f"guessed: int {TIME_MS} in Python, number in JavaScript, with both")
for name, (python, javascript) in seen.items():
    print(f"seen:    {name}: {python} in Python, {javascript} in JavaScript")
wanted = {
    "msgpackr": ("Expected `int`, got `float`", "bigint"),
    "@msgpack/msgpack": (f"int {TIME_MS}", "number"),
}
sys.exit(0 if seen == wanted else 1)
PYTHON
