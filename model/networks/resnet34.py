"""ResNet-34 without its classifier: an image in, maps at a thirty-second of its size out.

    trunk = ResNet34()
    maps = trunk(images)                # (batch, 3, height, width) -> (batch, 512, height / 32, width / 32)

21,284,672 parameters. Layers and their names are torchvision's, so that a file of its weights (without ``fc``) loads
with ``load_state_dict``. It is written out here because it is sixty lines: torchvision would come with an imaging
library, compiled operators and a version tied to torch's, of which nothing else would be used.

Source: K. He, X. Zhang, S. Ren and J. Sun, "Deep Residual Learning for Image Recognition", 2016, Table 1 (34-layer).
"""

from __future__ import annotations

import torch
from torch import nn

DEPTHS = (3, 4, 6, 3)
"""Residual blocks in each of the four stages."""


class ResNet34(nn.Module):
    """The stem and the four stages.

    Args:
        width: channels of the first stage; each of the following doubles them. The paper's is 64.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.channels = 8 * width
        """Of the maps that come out."""
        self.conv1 = nn.Conv2d(3, width, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = _stage(width, width, DEPTHS[0], stride=1)
        self.layer2 = _stage(width, 2 * width, DEPTHS[1], stride=2)
        self.layer3 = _stage(2 * width, 4 * width, DEPTHS[2], stride=2)
        self.layer4 = _stage(4 * width, 8 * width, DEPTHS[3], stride=2)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return maps (batch, 8 width, height / 32, width / 32), rounded up, for images (batch, 3, height, width)."""
        maps = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        out: torch.Tensor = self.layer4(self.layer3(self.layer2(self.layer1(maps))))
        return out


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions whose result is added to what came in."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Module | None = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, kernel_size=1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return maps of ``outputs`` channels, at a ``stride``-th of the size, for maps of ``inputs`` channels."""
        residue = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(maps)))))
        shortcut = maps if self.downsample is None else self.downsample(maps)
        out: torch.Tensor = self.relu(residue + shortcut)
        return out


def _stage(inputs: int, outputs: int, depth: int, stride: int) -> nn.Sequential:
    first = BasicBlock(inputs, outputs, stride)
    return nn.Sequential(first, *(BasicBlock(outputs, outputs, 1) for _ in range(depth - 1)))
