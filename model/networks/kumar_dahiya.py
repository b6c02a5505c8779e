"""The network of Kumar and Dahiya (2021): five convolutional blocks, one dense sigmoid layer per task.

    network = KumarDahiya({"mood": 9, "artist": 50, "year": 9})
    logits = network(frames)            # frames (batch, 187, 96) -> {"mood": (batch, 9), "artist": …, "year": …}

The convolutions hold 591,616 parameters, the paper's 591k. Metadata tasks (artist, year) serve training only; at export
their heads are dropped (model.networks.single_head). Outputs are logits: the sigmoid is part of the loss in training
and of the graph at export, which is the same function and numerically safer.

Source: "Multi-Task Learning for Music Mood Classification with Metadata", S. Kumar and S. Dahiya, 2021.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

FRAMES, BANDS, CHANNELS, BLOCKS = 187, 96, 128, 5
FEATURES = (FRAMES >> BLOCKS) * (BANDS >> BLOCKS) * CHANNELS
"""Values after the last block: 5 x 3 x 128 = 1920."""


class KumarDahiya(nn.Module):
    """The shared trunk and one dense layer per task.

    Args:
        heads: number of labels of each task, by name.
        dropout: share of values dropped after each pooling.
    """

    def __init__(self, heads: Mapping[str, int], dropout: float = 0.25) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(_block(1 if i == 0 else CHANNELS, CHANNELS, dropout) for i in range(BLOCKS)))
        self.heads = nn.ModuleDict({name: nn.Linear(FEATURES, labels) for name, labels in heads.items()})

    def forward(self, frames: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the logits of every task, each (batch, labels), for log-mel frames (batch, 187, 96)."""
        features = torch.flatten(self.blocks(frames.unsqueeze(1)), start_dim=1)
        return {name: head(features) for name, head in self.heads.items()}

    def convolution_parameters(self) -> int:
        """Return the number of weights and biases in convolutions."""
        layers = [module for module in self.blocks.modules() if isinstance(module, nn.Conv2d)]
        return sum(parameter.numel() for layer in layers for parameter in layer.parameters())


def _block(inputs: int, outputs: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel_size=3, stride=1, padding="same"),
        nn.ReLU(),
        nn.BatchNorm2d(outputs),
        nn.MaxPool2d(2),
        nn.Dropout(dropout),
    )
