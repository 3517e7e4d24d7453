"""Building blocks that three or more networks use unchanged; they know of no network."""

from resonance_zoo.layers.classifier import Classifier, ClipClassifier
from resonance_zoo.layers.mlp import Mlp
from resonance_zoo.layers.position import sinusoid_table
from resonance_zoo.layers.tubelets import TubeletEmbed

__all__ = ["Classifier", "ClipClassifier", "Mlp", "TubeletEmbed", "sinusoid_table"]
