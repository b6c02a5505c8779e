"""One head of a multi-task network as a network of its own: what is exported of the published systems.

tagger = SingleHead(KumarDahiya({"mood": 9, "artist": 50}), "mood")                             # sigmoids
tagger = SingleHead(SinghBiswas({"artist": 68, "language": 17}), "artist", exclusive=True)      # a softmax
"""

from __future__ import annotations

import torch
from torch import nn


class SingleHead(nn.Module):
    """The probabilities of one head; the network has its heads in a dictionary called ``heads``.

    Args:
        network: from frames to a logit tensor per head; its other heads are dropped, in place.
        head: the one to keep.
        exclusive: exactly one label is true: the probabilities are a softmax and sum to 1.
    """

    def __init__(self, network: nn.Module, head: str, *, exclusive: bool = False) -> None:
        super().__init__()
        heads = network.get_submodule("heads")
        if not isinstance(heads, nn.ModuleDict) or head not in heads:
            raise ValueError(f"the network has no head called {head}")
        for name in [name for name in heads if name != head]:
            del heads[name]
        self.network = network
        self.head = head
        self.exclusive = exclusive

    def forward(self, melspectrogram: torch.Tensor) -> torch.Tensor:
        """Return the probabilities of the head's labels, shape (batch, labels), for the network's frames."""
        logits: torch.Tensor = self.network(melspectrogram)[self.head]
        return torch.softmax(logits, dim=1) if self.exclusive else torch.sigmoid(logits)
