"""Masked labels count for nothing, and the reduction over labels is what the documents say."""

import math

import numpy as np
import pytest
import torch

from train.learn.configuration import parse
from train.learn.loop import task_weights
from train.learn.losses import balance, masked_loss, total_loss
from train.learn.material import Head


def logits(*rows: list[float]) -> torch.Tensor:
    return torch.tensor(rows, requires_grad=True)


@pytest.mark.parametrize("kind", ["sigmoid", "softmax", "squared"])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_masked_labels_give_no_gradient(kind: str, reduction: str) -> None:
    outputs = logits([0.3, -1.0], [2.0, 0.5], [math.inf, 0.1])
    targets = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    mask = torch.tensor([[1.0, 1.0], [0.0, 0.0], [0.0, 0.0]])
    loss = masked_loss(kind, outputs[:2], targets[:2], mask[:2], reduction)
    loss.backward()
    assert outputs.grad is not None
    assert (outputs.grad[0] != 0).all()
    assert (outputs.grad[1] == 0).all()


def test_an_infinite_logit_behind_the_mask_does_no_harm() -> None:
    loss = masked_loss("sigmoid", logits([0.0, math.inf]), torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
    assert loss.item() == pytest.approx(math.log(2))


def test_nothing_annotated_is_a_loss_of_zero() -> None:
    assert masked_loss("sigmoid", logits([1.0, 2.0]), torch.zeros(1, 2), torch.zeros(1, 2)).item() == 0


def test_sum_adds_over_labels_and_averages_over_annotated_examples() -> None:
    outputs, mask = torch.zeros(3, 4), torch.tensor([[1.0] * 4, [1.0, 1.0, 0.0, 0.0], [0.0] * 4])
    assert masked_loss("sigmoid", outputs, torch.zeros(3, 4), mask, "sum").item() == pytest.approx(3 * math.log(2))


def test_mean_averages_over_annotated_entries() -> None:
    outputs, mask = torch.zeros(3, 4), torch.tensor([[1.0] * 4, [1.0, 1.0, 0.0, 0.0], [0.0] * 4])
    assert masked_loss("sigmoid", outputs, torch.zeros(3, 4), mask, "mean").item() == pytest.approx(math.log(2))


def test_alpha_balances_the_labels_of_summed_losses() -> None:
    mood = masked_loss("sigmoid", torch.zeros(2, 9), torch.zeros(2, 9), torch.ones(2, 9))
    metadata = masked_loss("sigmoid", torch.zeros(2, 59), torch.zeros(2, 59), torch.ones(2, 59))
    assert balance(9, 59) == pytest.approx(9 / 59)
    assert (balance(9, 59) * metadata).item() == pytest.approx(mood.item(), rel=1e-5)


def test_balance_in_a_configuration_counts_all_metadata_labels() -> None:
    configuration = parse({
        "network": {"kind": "kumar_dahiya"},
        "heads": {"mood": {"loss": "sigmoid"}, "artist": {"loss": "sigmoid", "weight": "balance"},
                  "year": {"loss": "sigmoid", "weight": "balance"}},
        "metadata": ["artist", "year"],
        "steps": 1,
        "check_every": 1,
    })  # fmt: skip
    nothing = np.zeros((0, 0), np.float32)
    sizes = {"mood": 9, "artist": 50, "year": 9}
    heads = {name: Head(tuple(map(str, range(size))), nothing, nothing) for name, size in sizes.items()}
    assert task_weights(configuration, heads) == {"mood": 1.0, "artist": 9 / 59, "year": 9 / 59}


def test_the_total_is_the_weighted_sum() -> None:
    losses = {"mood": torch.tensor(2.0), "artist": torch.tensor(10.0)}
    assert total_loss(losses, {"mood": 1.0, "artist": 0.1}).item() == pytest.approx(3.0)
