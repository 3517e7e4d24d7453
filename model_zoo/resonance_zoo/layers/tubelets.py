"""A clip cut into tubelets: small space-time boxes, one token each."""

from __future__ import annotations

from torch import Tensor, nn


class TubeletEmbed(nn.Module):
    """float[B, 3, T, H, W] -> tokens [B, N, dim], earliest tubelets first, then row by row.

    N = (T / tubelet_size) * (H / patch_size) * (W / patch_size).
    """

    def __init__(self, dim: int, patch_size: int, tubelet_size: int) -> None:
        super().__init__()
        box = (tubelet_size, patch_size, patch_size)
        self.proj = nn.Conv3d(3, dim, kernel_size=box, stride=box)

    def forward(self, clip: Tensor) -> Tensor:
        return self.proj(clip).flatten(2).transpose(1, 2)
