"""What the networks of Kumar and Dahiya and of Singh and Biswas have in common: a chain of blocks, a layer per task.

    network = BlockNetwork({"mood": 9, "artist": 50}, channels=(128, 128, 128, 128, 128), dropout=0.25)
    logits = network(frames)            # frames (batch, 187, 96) -> {"mood": (batch, 9), "artist": (batch, 50)}

A block is a 3 x 3 convolution that keeps the size, ReLU, batch normalisation, 2 x 2 max-pooling and dropout. Outputs
are logits: the sigmoid or softmax is part of the loss in training and of the graph at export, which is the same
function and numerically safer.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import torch
from torch import nn

from model.frontend import FrontEnd

FRONTEND = FrontEnd()
"""The front-end that these networks are for: the project's own."""


class BlockNetwork(nn.Module):
    """The shared blocks and one dense layer per task.

    Args:
        heads: number of labels of each task, by name.
        channels: filters of each block's convolution.
        dropout: share of values dropped after each pooling.

    Raises:
        ValueError: there are so many blocks that nothing is left of a window.
    """

    def __init__(self, heads: Mapping[str, int], channels: Sequence[int], dropout: float) -> None:
        super().__init__()
        self.features = (FRONTEND.patch >> len(channels)) * (FRONTEND.n_mels >> len(channels)) * channels[-1]
        """Values after the last block."""
        if not self.features:
            raise ValueError(f"{len(channels)} blocks halve a window {len(channels)} times, which leaves nothing of it")
        self.blocks = nn.Sequential(
            *(_block(inputs, outputs, dropout) for inputs, outputs in itertools.pairwise([1, *channels]))
        )
        self.heads = nn.ModuleDict({name: nn.Linear(self.features, labels) for name, labels in heads.items()})

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
