"""One sigmoid head of a multi-task network as a network of its own: what is exported of the published systems.

tagger = SingleHead(KumarDahiya({"mood": 9, "artist": 50}), "mood")
"""

from __future__ import annotations

import torch
from torch import nn


class SingleHead(nn.Module):
    """The sigmoid of one head; the network has its heads in a dictionary called ``heads``.

    Args:
        network: from frames to a logit tensor per head; its other heads are dropped, in place.
        head: the one to keep.
    """

    def __init__(self, network: nn.Module, head: str) -> None:
        super().__init__()
        heads = network.get_submodule("heads")
        if not isinstance(heads, nn.ModuleDict) or head not in heads:
            raise ValueError(f"the network has no head called {head}")
        for name in [name for name in heads if name != head]:
            del heads[name]
        self.network = network
        self.head = head

    def forward(self, melspectrogram: torch.Tensor) -> torch.Tensor:
        """Return the probabilities of the head's labels, shape (batch, labels), for frames (batch, 187, 96)."""
        logits: torch.Tensor = self.network(melspectrogram)[self.head]
        return torch.sigmoid(logits)
