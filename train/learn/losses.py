"""Masked losses, and how the losses of several tasks are added up.

A label that is not annotated has mask 0 and gives no gradient. The reduction is explicit:

``sum`` (the default): the loss of an example is the sum over its annotated labels, the loss of a batch the mean over
its annotated examples. A task's weight then grows with its labels, which is what Kumar and Dahiya's rule
``L = L_mood + alpha L_meta`` with ``alpha = N_mood / N_meta`` balances: both tasks count as much as N_mood labels.

``mean``: the mean over all annotated entries of the batch. The same alpha would then weaken the metadata tasks
a second time, so it is not the default.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch.nn import functional

Loss = Literal["sigmoid", "softmax", "squared"]
Reduction = Literal["sum", "mean"]


def masked_loss(
    kind: Loss,
    logits: torch.Tensor,
    targets: torch.Tensor,
    mask: torch.Tensor,
    reduction: Reduction = "sum",
    count: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return one task's loss over a batch, a scalar; 0 if nothing in the batch is annotated.

    Args:
        kind: ``sigmoid`` is binary cross-entropy per label, ``softmax`` cross-entropy over the labels (its row's mask
            is all or nothing), ``squared`` the squared error.
        logits: shape (batch, labels).
        targets: the same shape; soft targets are allowed.
        mask: the same shape, 1 where annotated.
        reduction: over the labels, see above.
        count: what the sum is divided by; ``annotated`` of the mask by default. A process that holds a part of a batch
            divides by that of the whole.
    """
    if kind == "sigmoid":
        errors = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    elif kind == "softmax":
        errors = -targets * functional.log_softmax(logits, dim=1)
    else:
        errors = (logits - targets) ** 2
    # where, not a product: 0 times an infinite error would be NaN.
    errors = torch.where(mask > 0, errors, torch.zeros_like(errors))
    return errors.sum() / (annotated(mask, reduction) if count is None else count)


def annotated(mask: torch.Tensor, reduction: Reduction) -> torch.Tensor:
    """Return what a reduction divides by, a scalar, at least 1: annotated entries (mean) or examples (sum)."""
    return (mask.sum() if reduction == "mean" else mask.amax(dim=1).sum()).clamp(min=1.0)


def balance(mood_labels: int, metadata_labels: int) -> float:
    """Return Kumar and Dahiya's alpha = N_mood / N_meta, the weight of the metadata loss beside the mood loss."""
    return mood_labels / metadata_labels


def total_loss(losses: Mapping[str, torch.Tensor], weights: Mapping[str, float]) -> torch.Tensor:
    """Return the weighted sum of the tasks' losses; every task needs a weight."""
    return torch.stack([weights[name] * loss for name, loss in losses.items()]).sum()
