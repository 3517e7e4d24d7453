"""The group `models`."""

from __future__ import annotations

import click

from resonance_tui.commands.groups import Group


@click.group("models", cls=Group, path="models")
def models() -> None:
    """The networks: what there is, official weights for them, scores of their predictions.

    \b
    Examples:
      resonance-tui models list
      resonance-tui models import checkpoint-best.pth --as mae_dfer_mmnet_add
      resonance-tui join cats-live --engine mae_dfer_mmnet_add
      resonance-tui models score predictions.csv --label label --pred add --versus concat
    """
