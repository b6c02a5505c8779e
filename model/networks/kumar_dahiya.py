"""The network of Kumar and Dahiya (2021): five convolutional blocks, one dense sigmoid layer per task.

    network = KumarDahiya({"mood": 9, "artist": 50, "year": 9})
    logits = network(frames)            # frames (batch, 187, 96) -> {"mood": (batch, 9), "artist": …, "year": …}

The convolutions hold 591,616 parameters, the paper's 591k. Metadata tasks (artist, year) serve training only; at export
their heads are dropped (model.networks.single_head).

Source: "Multi-Task Learning for Music Mood Classification with Metadata", S. Kumar and S. Dahiya, 2021.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from model.networks import blocks

FRONTEND = blocks.FRONTEND
"""The front-end that the network is for."""

CHANNELS = (128, 128, 128, 128, 128)


class KumarDahiya(blocks.BlockNetwork):
    """Five blocks of 128 filters: 1,920 values, and one dense layer per task on them.

    Args:
        heads: number of labels of each task, by name.
        dropout: share of values dropped after each pooling.
        channels: filters of each block; fewer than the paper's make a smaller network of the same form.
    """

    def __init__(self, heads: Mapping[str, int], dropout: float = 0.25, channels: Sequence[int] = CHANNELS) -> None:
        super().__init__(heads, channels, dropout)
