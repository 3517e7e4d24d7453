#!/usr/bin/env bash
# safetensors: the same weights with the same metadata do not make the same file.
#
# Guessed: tensors are written in a fixed order, so two saves of the same tensors and the same
#          metadata are equal byte for byte, and a file's hash identifies the weights.
# Seen:    the entries of `__metadata__` come in an order that changes from save to save, within
#          one process. With one entry, or none, the files are equal.
# With:    safetensors 0.8.0, numpy 2.4.6, Python 3.11
# Source:  own run; upstream issue safetensors/safetensors#584
# So:      store one metadata entry (a JSON text if there is more to say), or hash the tensors.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q safetensors==0.8.0 numpy==2.4.6 || exit 77

"$work/venv/bin/python" - <<'PYTHON'
import hashlib
import platform
import sys
from importlib.metadata import version

import numpy as np
from safetensors.numpy import save

SAVES = 50
weights = {"layer.weight": np.arange(6, dtype=np.float32).reshape(2, 3)}


def hashes(metadata: dict[str, str]) -> int:
    """How many different files SAVES saves of the same make."""
    return len({hashlib.sha256(save(weights, metadata)).digest() for _ in range(SAVES)})


print("safetensors", version("safetensors"), "Python", platform.python_version())
one = hashes({"format": "pt"})
eight = hashes({f"key{number}": "value" for number in range(8)})
print(f"guessed: 1 file from {SAVES} saves, however many metadata entries")
print(f"seen:    {one} with one entry, {eight} with eight entries")
sys.exit(0 if one == 1 and eight > 1 else 1)
PYTHON
