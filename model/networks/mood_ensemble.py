"""The default model's graph: several small networks, their outputs blended into nine calibrated probabilities.

    ensemble = MoodEnsemble(members, weights, bias, presence_slope, presence_threshold)
    moods = ensemble(frames)            # (batch, 187, 96) -> (batch, 9), 0…1

A member has some of the heads ``quadrant`` (4, softmax), ``emotion`` (8), ``rating`` (2: valence and arousal) and
``presence`` (1: is there music?). Each head's outputs are averaged as logits over the members that have it; the nine
moods are a logistic regression on the first fourteen of these numbers, which fuses the data sets and calibrates at
once; and whatever is not music brings all nine down by the probability of music.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

HEADS = {"quadrant": 4, "emotion": 8, "rating": 2, "presence": 1}
"""The heads that the members must have between them; others are for training only."""

FEATURES = HEADS["quadrant"] + HEADS["emotion"] + HEADS["rating"]
"""Numbers that the blend sees: four quadrant logits, eight emotion logits, valence and arousal."""


class MoodEnsemble(nn.Module):
    """Members and the blend of their outputs.

    Args:
        members: networks from frames (batch, 187, 96) to a logit tensor per head, each head of HEADS in one at least.
        weights: shape (moods, 14), of the logistic regression.
        bias: shape (moods,).
        presence_slope: steepness of the probability of music over the presence logit.
        presence_threshold: presence logit at which that probability is a half.
    """

    weights: torch.Tensor
    bias: torch.Tensor

    def __init__(
        self,
        members: Sequence[nn.Module],
        weights: torch.Tensor,
        bias: torch.Tensor,
        presence_slope: float,
        presence_threshold: float,
    ) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.register_buffer("weights", weights)
        self.register_buffer("bias", bias)
        self.presence_slope = presence_slope
        self.presence_threshold = presence_threshold

    def forward(self, melspectrogram: torch.Tensor) -> torch.Tensor:
        """Return the probabilities of the moods, shape (batch, moods)."""
        features, presence = self.features(melspectrogram)
        music = torch.sigmoid(self.presence_slope * (presence - self.presence_threshold))
        return music * torch.sigmoid(features @ self.weights.T + self.bias)

    def features(self, melspectrogram: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what the blend sees, (batch, 14), and the presence logit, (batch, 1), averaged over the members."""
        outputs = [member(melspectrogram) for member in self.members]
        found = {name: [output[name] for output in outputs if name in output] for name in HEADS}
        found["quadrant"] = [quadrant_logits(scores) for scores in found["quadrant"]]
        mean = {name: torch.stack(values).mean(dim=0) for name, values in found.items()}
        return torch.cat([mean["quadrant"], mean["emotion"], mean["rating"]], dim=1), mean["presence"]


def quadrant_logits(scores: torch.Tensor) -> torch.Tensor:
    """Return log(p / (1 - p)) of a softmax over four quadrants, shape (batch, 4), from its inputs of that shape."""
    others = [
        torch.logsumexp(torch.cat([scores[:, :k], scores[:, k + 1 :]], dim=1), dim=1) for k in range(scores.shape[1])
    ]
    return scores - torch.stack(others, dim=1)
