"""What there is to say of each label, and of the labels that have no figure.

rows = label_rows(scores, truth, decisions, thresholds, names)    # LabelRow(label="calm", positives=61, …)
for line in remarks(truth, decisions, names): ...                 # "2 labels without a positive song (…): left out …"
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from train.figures.calibration import calibration_error
from train.figures.checks import Scores, Truth
from train.figures.decisions import tally
from train.figures.ranking import pr_aucs, roc_aucs

_NAMED = 5
"""Labels that a remark names; of more it gives the number."""


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One label's figures, 0…1; None where there is none.

    Attributes:
        label: its name.
        positives: songs that have it.
        threshold: above which it was decided; None where the decisions came from elsewhere.
        calibration_error: None where a score is no probability.
    """

    label: str
    positives: int
    threshold: float | None
    roc_auc: float | None
    pr_auc: float | None
    precision: float
    recall: float
    f_score: float
    calibration_error: float | None


def label_rows(
    scores: Scores, truth: Truth, decisions: Truth, thresholds: NDArray[np.float64] | None, names: Sequence[str]
) -> list[LabelRow]:
    """Return a row for each label, in the order of the columns.

    Args:
        scores: shape (songs, labels), finite.
        truth: the same shape, 0 or 1.
        decisions: the same shape, 0 or 1.
        thresholds: shape (labels,), if that is how the decisions were made.
        names: of the labels.

    Raises:
        FigureError: the matrices are others.
    """
    roc, pr = roc_aucs(scores, truth), pr_aucs(scores, truth)
    agreement = tally(decisions, truth).by_label()
    probable = are_probabilities(scores)
    return [
        LabelRow(
            label=name,
            positives=int(truth[:, i].sum()),
            threshold=None if thresholds is None else _known(thresholds[i]),
            roc_auc=_known(roc[i]),
            pr_auc=_known(pr[i]),
            precision=float(agreement.precision[i]),
            recall=float(agreement.recall[i]),
            f_score=float(agreement.f_score[i]),
            calibration_error=calibration_error(scores[:, i], truth[:, i]) if probable else None,
        )
        for i, name in enumerate(names)
    ]


def are_probabilities(scores: Scores) -> bool:
    """Tell whether all scores lie in 0…1."""
    return bool(((scores >= 0) & (scores <= 1)).all())


def remarks(truth: Truth, decisions: Truth, names: Sequence[str]) -> list[str]:
    """Return a line for each kind of label that has not all figures, or is never decided although songs have it.

    Args:
        truth: shape (songs, labels).
        decisions: the same shape.
        names: of the labels.
    """
    absent = np.asarray(~truth.any(axis=0))
    present = np.asarray(truth.all(axis=0))
    never = np.asarray(~decisions.any(axis=0)) & ~absent
    lines = []
    if absent.any():
        lines.append(
            f"{_named(absent, names)} without a positive song: left out of ROC-AUC-macro and PR-AUC-macro; "
            "precision, recall and F count 0, as in MediaEval's evaluation"
        )
    if present.any():
        lines.append(f"{_named(present, names)} without a negative song: left out of ROC-AUC-macro")
    if never.any():
        lines.append(
            f"{_named(never, names)} decided for no song although some have it: precision, recall and F count 0 "
            "(no score is above its threshold; MediaEval decides score > threshold)"
        )
    return lines


def _named(chosen: NDArray[np.bool_], names: Sequence[str]) -> str:
    found = [name for name, one in zip(names, chosen, strict=True) if one]
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return f"{len(found)} label{'s' * (len(found) > 1)} ({', '.join(found[:_NAMED])}{more})"


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
