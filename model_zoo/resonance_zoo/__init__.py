"""Networks, the cards that describe them, and the weights we ship.

Importing this costs neither torch nor numpy; `create` imports torch when it is called. Whoever
imports timm as well finds the networks there too.
"""

from resonance_zoo.card_types import Card, CardError
from resonance_zoo.cards import load_card as card
from resonance_zoo.classes import CLASSES
from resonance_zoo.files import WeightsMismatch, WeightsMissing, weights_path
from resonance_zoo.registry import UnknownModel, UnknownOverride, create, list_models
from resonance_zoo.timm_bridge import attach as _attach_to_timm

__all__ = [
    "CLASSES",
    "Card",
    "CardError",
    "UnknownModel",
    "UnknownOverride",
    "WeightsMismatch",
    "WeightsMissing",
    "card",
    "create",
    "list_models",
    "weights_path",
]

_attach_to_timm()
