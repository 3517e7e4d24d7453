"""Makes a trained network, its test clips and its device ready for scoring, from flags."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from resonance_zoo import cards
from resonance_zoo.card_types import NetworkCard
from resonance_zoo.checkpoints.fitting import load_into
from resonance_zoo.checkpoints.official import OfficialFile, read_official
from resonance_zoo.registry import MODULES, UnknownModel
from resonance_zoo.train.clips import checkpoint, flags, session
from resonance_zoo.train.clips.annotations import AnnotatedClip
from resonance_zoo.train.clips.evaluate import Batching, TestClips, Views
from resonance_zoo.train.clips.recipes import RECIPES
from resonance_zoo.train.clips.sampling import Sampling, named

TYPES = {"no": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def prepare(
    args: argparse.Namespace, clips: Sequence[AnnotatedClip]
) -> tuple[nn.Module, TestClips, Batching]:
    """The network with its weights, views of the clips, and how they reach the device.

    A checkpoint of ours says itself how its network was built and how it picked frames; flags
    overrule it. Raises ValueError for what cannot be used.
    """
    if min(args.segments, args.crops, args.batch) < 1:
        raise flags.FlagError("--segments, --crops and --batch must be at least 1")
    card = _card(args.network)
    about = checkpoint.about(args.weights)
    if about and about["network"] != args.network:
        raise flags.FlagError(f"{args.weights} holds {about['network']}, not {args.network}")
    overrides = {**about.get("overrides", {}), **flags.overrides(args)}
    official = read_official(args.weights)
    _check_order(card, official, args.weights)
    network = session.create(args.network, overrides)
    load_into(network, official.state, source=args.weights.name)
    look = session.look_of(args.network, overrides)
    views = Views(args.segments, args.crops, args.all_views)
    sampling = picking(args, about.get("recipe", {}), look.frames)
    return network, TestClips(clips, sampling, look, views), _batching(args)


def picking(args: argparse.Namespace, trained: Mapping[str, Any], frames: int) -> Sampling:
    """How frames are picked: as flags say, else as the checkpoint's recipe `trained`, else as the
    network's published one; where there is none, evenly from the first frame to the last.

    Raises FlagError and SamplingError.
    """
    published = RECIPES.get(args.network)
    found: dict[str, Any] = asdict(published) if published else {"sampling": "spread", "stride": 1}
    found.update(trained)
    if args.sampling is not None:
        found["sampling"] = args.sampling
    if args.stride is not None:
        if found["sampling"] != "dense":
            raise flags.FlagError(f"--stride is for dense sampling, not {found['sampling']}")
        found["stride"] = args.stride
    return named(found["sampling"], frames, found["stride"])


def _card(network: str) -> NetworkCard:
    """The card of a network that tells emotions from frames. Raises FlagError, CardError."""
    if network not in MODULES:
        raise flags.FlagError(str(UnknownModel(network)))
    card = cards.network_card(network)
    if card.takes not in ("clip", "image"):
        raise flags.FlagError(f"{network} does not tell emotions from clips")
    return card


def _check_order(card: NetworkCard, official: OfficialFile, file: Path) -> None:
    """Raises FlagError for a file of the authors' trainer whose classes stand in another order."""
    is_theirs = any(name.startswith("recorder") for name in official.dropped)
    orders = {each.classes for each in card.weights if each.classes}
    if is_theirs and orders - {card.classes}:
        raise flags.FlagError(
            f"the classes of {file} stand in its authors' order; `resonance-tui models import"
            f" {file} --as {card.name}` puts them into ours: give the file that it makes"
        )


def _batching(args: argparse.Namespace) -> Batching:
    """Half precision on a GPU is fp16 here, as in the authors' reported scores."""
    on_gpu = flags.uses_gpu(args)
    wanted = args.precision if args.precision != "auto" else ("fp16" if on_gpu else "no")
    device = torch.device("cuda" if on_gpu else "cpu")
    return Batching(device, TYPES[wanted], args.batch, flags.workers(args, on_gpu))
