"""Building blocks that three or more networks use unchanged; they know of no network."""

from model_zoo.layers.mlp import Mlp
from model_zoo.layers.position import sinusoid_table
from model_zoo.layers.tubelets import TubeletEmbed

__all__ = ["Mlp", "TubeletEmbed", "sinusoid_table"]
