"""What timm expects of every network: its classifier found, replaced, and left out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn


class Classifier(nn.Module):
    """A network with timm's names for its parts: logits are `forward_head` of `forward_features`.

    A subclass names its last linear layer (`classifier_name`, dotted), and the depth of its
    parameters (`depth_groups`: name to regular expression, shallow to deep; what none of them
    matches stands with the classifier). It sets `num_features`, the width that this layer reads.
    """

    classifier_name: ClassVar[str]
    depth_groups: ClassVar[dict[str, str]]
    stage_groups: ClassVar[dict[str, str] | None] = None
    num_features: int

    @property
    def num_classes(self) -> int:
        """Logits of the network; 0 without a classifier."""
        classifier = self.get_classifier()
        return classifier.out_features if isinstance(classifier, nn.Linear) else 0

    def forward_head(self, features: Tensor, pre_logits: bool = False) -> Tensor:
        """Logits of what `forward_features` gives; `pre_logits` leaves the classifier out."""
        return features if pre_logits else self.get_classifier()(features)

    def get_classifier(self) -> nn.Module:
        """The linear layer that gives the logits, or the identity in its place."""
        return self.get_submodule(self.classifier_name)

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """Put a fresh classifier in; with 0 classes the network answers with its features.

        The other parameters stay. `global_pool` is timm's and must be None: how features are
        pooled belongs to the architecture. Raises ValueError for it, and for fewer than 0 classes.
        """
        if global_pool is not None or num_classes < 0:
            raise ValueError(f"cannot reset to {num_classes} classes with pool {global_pool!r}")
        fresh = self.new_classifier(num_classes) if num_classes else nn.Identity()
        parent, _, name = self.classifier_name.rpartition(".")
        parameter = next(self.parameters())
        fresh.to(parameter.device, parameter.dtype).train(self.training)
        setattr(self.get_submodule(parent), name, fresh)

    def new_classifier(self, num_classes: int) -> nn.Linear:
        """A classifier as the network starts with."""
        return nn.Linear(self.num_features, num_classes)

    def group_matcher(self, coarse: bool = False) -> dict[str, str]:
        """Regular expressions of parameter names, shallow to deep, for timm's layer decay.

        `coarse` groups by stage where the network has stages, else as without.
        """
        return dict(self.stage_groups if coarse and self.stage_groups else self.depth_groups)


class ClipClassifier(Classifier, ABC):
    """A classifier that reads one tensor."""

    @abstractmethod
    def forward_features(self, clip: Tensor) -> Tensor:
        """What the classifier reads: [B, num_features]."""

    def forward(self, clip: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(clip))
