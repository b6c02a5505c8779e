"""A small level-invariant convolutional network with statistics pooling, the default model's building block.

    network = StatisticsPooling({"quadrant": 4, "emotion": 8})
    logits = network(frames)            # frames (batch, 187, 96) -> {"quadrant": (batch, 4), "emotion": (batch, 8)}

173 thousand parameters without heads and a twelfth of the Kumar–Dahiya network's time per window. Its parts: the
window's own mean is subtracted (one number, so that loudness does not matter), four convolutions shrink time to an
eighth and frequency to a sixteenth, frequency is folded into channels, and the mean and the standard deviation over
time are what the dense layer sees: mood does not depend on where in the window something happens.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

BANDS = 96


class StatisticsPooling(nn.Module):
    """The shared trunk and one dense layer per task.

    Args:
        heads: number of labels of each task, by name.
        channels: of the four convolutions.
        mixed: channels after frequency is folded in.
        hidden: width of the dense layer.
        dropout: on maps, before the mixing layer, and around the dense layer.
    """

    def __init__(
        self,
        heads: Mapping[str, int],
        channels: tuple[int, int, int, int] = (16, 32, 48, 64),
        mixed: int = 192,
        hidden: int = 128,
        dropout: tuple[float, float, float] = (0.1, 0.2, 0.3),
    ) -> None:
        super().__init__()
        first, second, third, fourth = channels
        # No affine part on the input: no gradient reaches the frames, which makes training several times faster.
        self.bands = nn.BatchNorm1d(BANDS, affine=False)
        self.maps = nn.Sequential(
            *_convolution(1, first, kernel=5, stride=2),
            nn.MaxPool2d(2),
            *_convolution(first, second),
            nn.MaxPool2d((1, 2)),
            *_convolution(second, third),
            nn.MaxPool2d(2),
            *_convolution(third, fourth),
            nn.Dropout2d(dropout[0]),
        )
        self.mix = nn.Sequential(
            nn.Dropout(dropout[1]),
            nn.Conv1d(fourth * (BANDS // 16), mixed, kernel_size=1, bias=False),
            nn.BatchNorm1d(mixed),
            nn.ReLU(),
        )
        self.dense = nn.Sequential(
            nn.BatchNorm1d(2 * mixed),
            nn.Dropout(dropout[2]),
            nn.Linear(2 * mixed, hidden, bias=False),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Dropout(dropout[2]),
        )
        self.heads = nn.ModuleDict({name: nn.Linear(hidden, labels) for name, labels in heads.items()})

    def forward(self, frames: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the logits of every task, each (batch, labels), for log-mel frames (batch, 187, 96)."""
        centred = frames - frames.mean(dim=(1, 2), keepdim=True)
        normal = self.bands(centred.transpose(1, 2)).transpose(1, 2)
        maps = self.maps(normal.unsqueeze(1).contiguous(memory_format=torch.channels_last))
        mixed = self.mix(maps.permute(0, 1, 3, 2).flatten(1, 2))
        mean = mixed.mean(dim=2)
        # The small constant keeps the root's gradient finite where a channel is constant.
        deviation = torch.sqrt(((mixed - mean.unsqueeze(2)) ** 2).mean(dim=2) + 1e-4)
        features = self.dense(torch.cat([mean, deviation], dim=1))
        return {name: head(features) for name, head in self.heads.items()}


def _convolution(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    ]
