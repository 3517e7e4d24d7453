#!/usr/bin/env bash
# ONNX Runtime on Linux gives the user an id on disk, although telemetry was switched off in code.
#
# Guessed: opening and running a model writes nothing to disk, least of all after
#          `disable_telemetry_events()` right behind the import.
# Seen:    a `deviceid` and an event database appear below ~/.cache, with one small model run
#          once. The call in code comes too late: they appear all the same. Only the environment
#          variable ORT_DISABLE_TELEMETRY=1, set before the import, keeps the home folder empty.
#          On a machine that looks like CI nothing is written, so a CI job cannot notice it.
# With:    onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6, Linux x86-64
# Source:  own run; Privacy.md in the wheel; upstream microsoft/onnxruntime#27379 and #29843
# So:      set the variable before the library loads, and test that the home folder stays empty.
set -euo pipefail

[ "$(uname -s)" = Linux ] || exit 77
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6 || exit 77

cat >"$work/run.py" <<'PYTHON'
import sys

import numpy as np
import onnxruntime
from onnx import TensorProto, helper

if sys.argv[1:] == ["call"]:
    onnxruntime.disable_telemetry_events()
ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
graph = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "g", ends[:1], ends[1:])
opset = [helper.make_opsetid("", 20)]
model = helper.make_model(graph, opset_imports=opset, ir_version=10)
session = onnxruntime.InferenceSession(model.SerializeToString())
assert session.run(None, {"x": np.ones(1, np.float32)})[0] == -1
PYTHON

# What is in the home folder after a run: run NAME [ARGUMENT] [VARIABLE=VALUE]. The environment is
# empty otherwise, because the library looks at it for signs of CI.
run() {
    local home=$work/home-$1
    mkdir "$home"
    env -i HOME="$home" PATH="$PATH" ${3:+"$3"} "$work/venv/bin/python" "$work/run.py" ${2:+"$2"}
    find "$home" -type f -printf '%f\n' | sort | paste -sd ' '
}

"$work/venv/bin/pip" list 2>/dev/null | grep -E '^(onnx|numpy)'
plain=$(run plain) call=$(run call call) variable=$(run variable '' ORT_DISABLE_TELEMETRY=1)
echo "guessed: no files at all"
echo "seen:    plain: ${plain:-none}"
echo "         disable_telemetry_events(): ${call:-none}"
echo "         ORT_DISABLE_TELEMETRY=1: ${variable:-none}"
for files in "$plain" "$call"; do
    [[ $files == *deviceid* && $files == *.db* ]] || exit 1
done
[ -z "$variable" ]
