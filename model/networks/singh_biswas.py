"""The network of Singh and Biswas: five convolutional blocks, a softmax layer each for artist and language.

    network = SinghBiswas({"artist": 68, "language": 17})
    logits = network(frames)            # frames (batch, 187, 96) -> {"artist": (batch, 68), "language": (batch, 17)}
    tagger = SingleHead(network, "artist", exclusive=True)

The block is Kumar and Dahiya's, the filters are fewer: the convolutions hold 184,928 parameters, with the head of 17
languages 193,105. The labels of a task exclude each other, so its loss is the cross-entropy of a softmax over them.

From the paper: blocks, filters, heads and numbers of parameters. Our choice: the front-end and the dropout, which are
those of Kumar and Dahiya.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from model.networks import blocks

FRONTEND = blocks.FRONTEND
"""The front-end that the network is for."""

CHANNELS = (32, 64, 128, 64, 32)


class SinghBiswas(blocks.BlockNetwork):
    """Five blocks of 32 to 128 filters: 480 values, and one dense layer per task on them.

    Args:
        heads: number of labels of each task, by name.
        dropout: share of values dropped after each pooling.
        channels: filters of each block; fewer than the paper's make a smaller network of the same form.
    """

    def __init__(self, heads: Mapping[str, int], dropout: float = 0.25, channels: Sequence[int] = CHANNELS) -> None:
        super().__init__(heads, channels, dropout)
