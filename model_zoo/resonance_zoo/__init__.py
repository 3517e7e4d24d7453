"""Networks, the cards that describe them, and the weights we ship.

Importing this costs neither torch nor numpy; `create` imports torch when it is called, and
`register_with_timm` timm.
"""

from resonance_zoo.card_types import Card, CardError
from resonance_zoo.cards import load_card as card
from resonance_zoo.classes import CLASSES
from resonance_zoo.files import WeightsMismatch, WeightsMissing, weights_path
from resonance_zoo.registry import UnknownModel, UnknownOverride, create, list_models
from resonance_zoo.timm_bridge import register_with_timm

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
    "register_with_timm",
    "weights_path",
]
