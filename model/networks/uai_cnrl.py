"""The network of UAI-CNRL (MediaEval 2020, Emotions and Themes in Music): ResNet-34 and self-attention over segments.

    network = UaiCnrl(labels=56)
    logits = network(frames)            # frames (batch, 4096, 96) -> {"attention": (batch, 56), "convolution": …}
    tagger = SingleHead(network, "attention")

87.4 s of MTG-Jamendo's mels are cut into 16 segments of 256 frames. Each goes as an image through two convolutions to
three channels, ResNet-34 and a convolution to fewer channels; two self-attention layers then see the segments in order.
Training uses the loss of both outputs: that of the attention, and that of the convolutions alone, averaged over the
segments. Prediction uses the attention only; at export the other head is dropped (model.networks.single_head).

From the paper (A. Dipani, G. Iyer, V. Baths, "Recognizing Music Mood and Theme Using Convolutional Neural Networks and
Attention", MediaEval 2020): the input and its segments, two convolutions to three channels, ResNet-34, a convolution to
fewer channels, two self-attention layers of four heads with positional encoding, the linear head, both losses,
prediction from the attention.

Where it leaves the layers open, and as the authors' code could not be had, they are those of the system of the year
before that has the same shape (M. Sukhavasi and S. Adapa, "Music Theme Recognition Using CNN and Self-Attention",
MediaEval 2019, and its public code): input normalised by one batch norm, 1 x 1 convolutions to 10 and 3 channels with
ReLU, a 3 x 3 convolution to 256 channels with ReLU, the maximum over each segment's maps, sinusoidal positions, layers
of BERT's form (GELU, four times the width inside, norm after), a tanh layer on the first segment's state, dropout 0.2,
and two linear layers in the convolutional head.

Our choice: one convolution after ResNet-34 where theirs has two, as the paper says; the table of positions begins with
the formula's own first row (theirs is all zeros); one dropout for the whole of a layer (theirs has 0.1 on the attention
weights); the convolutional output averages logits, not probabilities; and random initial weights (theirs come from
ImageNet, and torchvision's file loads into ``segments.trunk``).
"""

from __future__ import annotations

import torch
from torch import nn

from model.frontend import MTG_JAMENDO
from model.networks.resnet34 import ResNet34

FRONTEND = MTG_JAMENDO
"""The front-end that the network is for."""

SEGMENT = 256
"""Frames in a segment."""

SEGMENTS = FRONTEND.patch // SEGMENT
"""Segments in a window of the paper's."""

HIDDEN, LAYERS, ATTENTION_HEADS = 256, 2, 4


class UaiCnrl(nn.Module):
    """What becomes of a segment, the attention over all of them, and a head for each.

    Args:
        labels: number of tags.
        width: channels of ResNet-34's first stage: 64, or fewer for a smaller network.
        dropout: share of values dropped in the attention layers and before each linear layer of the heads.
        segments: that a window is cut into; fewer than the paper's 16 for music shorter than 87.4 s.
    """

    def __init__(self, labels: int, width: int = 64, dropout: float = 0.2, segments: int = SEGMENTS) -> None:
        super().__init__()
        self.segments = Segments(width, segments)
        self.positions = nn.Buffer(sinusoids(segments, HIDDEN), persistent=False)
        self.attention = nn.ModuleList(
            nn.TransformerEncoderLayer(
                HIDDEN, ATTENTION_HEADS, 4 * HIDDEN, dropout, activation="gelu", batch_first=True
            )
            for _ in range(LAYERS)
        )
        self.pool = nn.Sequential(nn.Linear(HIDDEN, HIDDEN), nn.Tanh())
        self.heads = nn.ModuleDict(
            {
                "attention": nn.Sequential(nn.Dropout(dropout), nn.Linear(HIDDEN, labels)),
                "convolution": nn.Sequential(
                    nn.Dropout(dropout), nn.Linear(HIDDEN, HIDDEN), nn.Dropout(dropout), nn.Linear(HIDDEN, labels)
                ),
            }
        )

    def forward(self, frames: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the logits of the heads that are left, each (batch, labels), for log-mel frames (batch, 4096, 96)."""
        features = self.segments(frames)
        outputs = {}
        if "attention" in self.heads:
            states = features + self.positions
            for layer in self.attention:
                states = layer(states)
            outputs["attention"] = self.heads["attention"](self.pool(states[:, 0]))
        if "convolution" in self.heads:
            outputs["convolution"] = self.heads["convolution"](features).mean(dim=1)
        return outputs


class Segments(nn.Module):
    """What the convolutions make of each segment."""

    def __init__(self, width: int, segments: int) -> None:
        super().__init__()
        self.count = segments
        self.colours = nn.Sequential(
            nn.BatchNorm2d(1), nn.Conv2d(1, 10, kernel_size=1), nn.ReLU(), nn.Conv2d(10, 3, kernel_size=1), nn.ReLU()
        )
        self.trunk = ResNet34(width)
        self.reduction = nn.Sequential(nn.Conv2d(self.trunk.channels, HIDDEN, kernel_size=3), nn.ReLU())

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return the segments' features in order, (batch, segments, 256), for frames (batch, 256 segments, 96)."""
        cut = frames.reshape(-1, SEGMENT, FRONTEND.n_mels)
        images = cut.transpose(1, 2).unsqueeze(1)  # frequency upwards, time to the right
        maps = self.reduction(self.trunk(self.colours(images)))
        return torch.amax(maps, dim=(2, 3)).reshape(-1, self.count, HIDDEN)


def sinusoids(positions: int, width: int) -> torch.Tensor:
    """Return the positional encoding of "Attention Is All You Need" (section 3.5), shape (positions, width)."""
    rates = 10_000.0 ** (-torch.arange(0, width, 2) / width)
    angles = torch.arange(positions).unsqueeze(1) * rates
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)
