#!/usr/bin/env bash
# torch: a cost for batch norms is never asked for, while the same for layer norms is.
#
# Guessed: `FlopCounterMode(custom_mapping={operation: cost})` calls `cost` for that operation,
#          whichever it is: in evaluation both norms arrive at the counter as one operation.
# Seen:    the layer norm is counted, the batch norm counts 0, without a word: the counter takes
#          it apart first, as it does with whatever torch can decompose and the mapping does not
#          name by overload. The overload alone does not help either (0); the operation and its
#          `.default` together do.
# With:    torch 2.14.1 (several GB with its CUDA libraries; runs on the CPU); 2.13.0 is the same
# Source:  own run
# So:      name both, and test the counter with one layer of each kind whose cost is known.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q torch==2.14.1 numpy==2.4.6 || exit 77

"$work/venv/bin/python" - <<'PYTHON'
import sys

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

COST = 1000
NORMS = {
    "layer norm": (nn.LayerNorm(8), torch.ops.aten.native_layer_norm),
    "batch norm": (nn.BatchNorm2d(3), torch.ops.aten.native_batch_norm),
}


def counted(layer: nn.Module, *operations: object) -> int:
    """What the counter makes of one pass, with COST as the cost of each of `operations`."""
    mapping = {each: lambda *_, **__: COST for each in operations}
    with torch.no_grad(), FlopCounterMode(display=False, custom_mapping=mapping) as counter:
        layer.eval()(torch.zeros(1, 3, 8, 8))
    return counter.get_total_flops()


print("torch", torch.__version__)
print(f"guessed: {COST} for either norm, by the operation's name")
seen = []
for name, (layer, operation) in NORMS.items():
    by_name = counted(layer, operation)
    by_overload = counted(layer, operation.default)
    by_both = counted(layer, operation, operation.default)
    print(f"seen:    {name}: {by_name} by name, {by_overload} by overload, {by_both} by both")
    seen += [by_name, by_overload, by_both]
sys.exit(0 if seen == [COST, 0, COST, 0, 0, COST] else 1)
PYTHON
