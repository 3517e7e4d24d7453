"""Makes a trained network, its test clips and its device ready for scoring, from flags."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import fields, replace

import torch
from torch import nn

from model_zoo.dfer import checkpoint, flags, session
from model_zoo.dfer.annotations import Clip
from model_zoo.dfer.evaluate import Batching, TestClips, Views
from model_zoo.dfer.recipes import Recipe, sampling_of
from model_zoo.weights import load_into, read_official

TYPES = {"no": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def prepare(
    args: argparse.Namespace, recipe: Recipe, clips: Sequence[Clip]
) -> tuple[nn.Module, TestClips, Batching]:
    """The network with its weights, views of the clips, and how they reach the device.

    A checkpoint of ours says itself how its network was built and how it picked frames; flags
    overrule it. Raises ValueError for what cannot be used.
    """
    if min(args.segments, args.crops, args.batch) < 1:
        raise flags.FlagError("--segments, --crops and --batch must be at least 1")
    about = checkpoint.about(args.weights)
    if about and about["network"] != args.network:
        raise flags.FlagError(f"{args.weights} holds {about['network']}, not {args.network}")
    overrides = {**about.get("overrides", {}), **flags.overrides(args)}
    official = read_official(args.weights)
    network = session.create(args.network, overrides)
    load_into(network, official.state, source=args.weights.name)
    known = {field.name for field in fields(Recipe)}
    kept = {key: value for key, value in about.get("recipe", {}).items() if key in known}
    trained = replace(recipe, **kept)
    stride = args.stride or trained.stride
    look = session.look_of(args.network, overrides)
    views = Views(args.segments, args.crops, args.all_views)
    sampling = sampling_of(replace(trained, stride=stride), look.frames)
    return network, TestClips(clips, sampling, look, views), _batching(args)


def _batching(args: argparse.Namespace) -> Batching:
    """Half precision on a GPU is fp16 here, as in the authors' reported scores."""
    on_gpu = flags.uses_gpu(args)
    wanted = args.precision if args.precision != "auto" else ("fp16" if on_gpu else "no")
    device = torch.device("cuda" if on_gpu else "cpu")
    return Batching(device, TYPES[wanted], args.batch, flags.workers(args, on_gpu))
