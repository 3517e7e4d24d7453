"""What is no clip is refused by every clip network in words of ours, at no cost to tracing."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import resonance_zoo
from resonance_zoo.card_types import NetworkCard
from resonance_zoo.clip_input import ClipError, check_clip

CLIP = (1, 3, 2, 4, 4)
READERS = [
    name
    for name in resonance_zoo.list_models()
    if not isinstance(card := resonance_zoo.card(name), NetworkCard)
    or card.takes in ("clip", "image")
]


class Reader(nn.Module):
    """A network that checks its clip and does little else."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(3, 7)

    def forward(self, clip: Tensor) -> Tensor:
        check_clip(clip, self, frames=2, size=4)
        return self.head(clip.mean((2, 3, 4)))


def meta(name: str) -> nn.Module:
    with torch.device("meta"):
        return resonance_zoo.create(name)


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(
    ("clip", "words"),
    [(None, "a clip is a tensor, not None"), ([1.0], "not a list"), (torch.zeros(7), "batch, 3")],
)
def test_every_network_says_what_is_no_clip(name: str, clip: Any, words: str) -> None:
    with pytest.raises(ClipError, match=words):
        meta(name)(clip)


@pytest.mark.parametrize("name", READERS)
def test_every_network_says_which_precision_it_wants(name: str) -> None:
    card = resonance_zoo.card(name)
    reads = card.input if isinstance(card, NetworkCard) else None
    shape = (reads.frames, reads.size, reads.size) if reads else (1, 48, 48)
    for dtype in (torch.float64, torch.float16):
        clip = torch.zeros(1, 3, *shape, device="meta", dtype=dtype)
        with pytest.raises(ClipError, match=r"computes in float32, .* clip\.to\(torch\.float32\)"):
            meta(name)(clip)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_a_network_of_any_precision_reads_its_own(dtype: torch.dtype) -> None:
    assert Reader().to(dtype)(torch.zeros(CLIP, dtype=dtype)).dtype == dtype


def test_an_empty_batch_is_refused() -> None:
    with pytest.raises(ClipError, match="no clip"):
        Reader()(torch.zeros(0, *CLIP[1:]))


def test_autocast_converts_by_itself() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        assert Reader()(torch.zeros(CLIP, dtype=torch.float16)).shape == (1, 7)
        with pytest.raises(ClipError, match="the clip is float64"):
            Reader()(torch.zeros(CLIP, dtype=torch.float64))


def test_the_check_leaves_no_trace() -> None:
    exported = torch.export.export(Reader(), (torch.zeros(CLIP),))
    called = {str(node.target) for node in exported.graph.nodes if node.op == "call_function"}
    assert called == {"aten.mean.dim", "aten.linear.default"}
