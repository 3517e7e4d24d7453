#!/usr/bin/env bash
# ONNX Runtime in Python: weights used in place from bytes are read after they were freed.
#
# Guessed: with `session.use_ort_model_bytes_for_initializers` a model in ORT format that lies in
#          memory is used in place: less memory, same answers, as long as the caller keeps the bytes.
# Seen:    the bytes are kept, and a convolution answers nan or noise, or the program crashes,
#          without an error. Its Python binding passes a copy that ends with the constructor, and
#          the weights point into that. Small weights of other operators often seem to be right.
# With:    onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6, Linux x86-64
# Source:  own run
# So:      leave both options alone in Python; the memory that they would save is there at the
#          loading alone (malloc_trim gives it back).
set -euo pipefail

[ "$(uname -s)" = Linux ] || exit 77
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export ORT_DISABLE_TELEMETRY=1
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6 || exit 77

cat >"$work/run.py" <<'PYTHON'
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

folder, entries = Path(sys.argv[1]), sys.argv[2:]
rng = np.random.default_rng(0)
weights = rng.normal(size=(64, 64, 3, 3)).astype(np.float32)
shape = [1, 64, 8, 8]
ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "xy"]
node = helper.make_node("Conv", ["x", "w"], ["y"], pads=[1] * 4)
graph = helper.make_graph([node], "g", ends[:1], ends[1:], [numpy_helper.from_array(weights, "w")])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

saving = ort.SessionOptions()
saving.optimized_model_filepath = str(folder / "conv.ort")
saving.add_session_config_entry("session.save_model_format", "ORT")
saving.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
cpu = ["CPUExecutionProvider"]
plain = ort.InferenceSession(model.SerializeToString(), saving, providers=cpu)

kept = (folder / "conv.ort").read_bytes()  # alive until the program ends
options = ort.SessionOptions()
for entry in entries:
    options.add_session_config_entry(entry, "1")
session = ort.InferenceSession(kept, options, providers=cpu)
x = rng.normal(size=shape).astype(np.float32)
(wanted,), (found,) = plain.run(None, {"x": x}), session.run(None, {"x": x})
print("right" if np.allclose(wanted, found, atol=1e-3) else "wrong")
PYTHON

# "right", "wrong" or "crashed" with the options named.
answer() { "$work/venv/bin/python" "$work/run.py" "$work" "$@" 2>/dev/null || echo crashed; }

directly=session.use_ort_model_bytes_directly
"$work/venv/bin/pip" list 2>/dev/null | grep -E '^(onnx|numpy)'
none=$(answer) first=$(answer $directly)
both=$(answer $directly session.use_ort_model_bytes_for_initializers)
echo "guessed: right each time"
echo "seen:    without options: $none"
echo "         $directly: $first"
echo "         and ..._for_initializers: $both"
[ "$none" = right ] && [ "$first" = right ] && [ "$both" != right ]
