"""The old name of `resonance_zoo`; it works from a checkout only, for one release."""

from former_names import alias

RENAMED = {
    "fast": "optimize",
    "dfer": "train.clips",
    "training": "train.still",
    "train.clips.learners": "train.clips.objectives",
    "train.still.copies": "train.still.near_duplicates",
}

alias("model_zoo", "resonance_zoo", RENAMED)
