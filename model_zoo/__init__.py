"""Networks, the cards that describe them, and the weights we ship.

Importing this costs neither torch nor numpy; `create` imports torch when it is called. Whoever
imports timm as well finds the networks there too.
"""

from model_zoo.cards import Card, CardError
from model_zoo.cards import load_card as card
from model_zoo.classes import CLASSES
from model_zoo.files import WeightsMismatch, WeightsMissing, weights_path
from model_zoo.registry import UnknownModel, UnknownOverride, create, list_models
from model_zoo.timm_bridge import attach as _attach_to_timm

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
