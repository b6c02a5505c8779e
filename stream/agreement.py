"""How far two models agree on the windows that both scored.

comparison = compare(labels, probabilities, other_labels, other_probabilities)
comparison.differences, comparison.same_leader
agreement = Agreement()
agreement.add(comparison)
agreement.summary()                    # "the leading mood is the same in 93 % of 120 windows; ..."
"""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

_NAMED = 3  # moods in the summary, those that differ most


@dataclasses.dataclass(frozen=True, slots=True)
class Comparison:
    """One window as two models see it.

    Attributes:
        differences: absolute difference of the two probabilities, 0 to 1, by each mood that both models know.
        same_leader: both put the same of these moods first; None if they are fewer than two.
    """

    differences: Mapping[str, float]
    same_leader: bool | None


def compare(
    labels: Sequence[str],
    probabilities: NDArray[np.float32],
    other_labels: Sequence[str],
    other_probabilities: NDArray[np.float32],
) -> Comparison:
    """Compare the answers of two models to one window, each of shape (labels,), on the moods that both know.

    Of moods that a model puts equally high, the one that is first among the first model's labels leads.
    """
    one = dict(zip(labels, probabilities.tolist(), strict=True))
    other = dict(zip(other_labels, other_probabilities.tolist(), strict=True))
    common = [label for label in labels if label in other]
    differences = {label: abs(one[label] - other[label]) for label in common}
    if len(common) < 2:
        return Comparison(differences, None)
    return Comparison(differences, max(common, key=one.__getitem__) == max(common, key=other.__getitem__))


class Agreement:
    """Sums up comparisons."""

    def __init__(self) -> None:
        """Begin with no window."""
        self.windows = 0
        """Windows with a leading mood to compare."""
        self.same_leader = 0
        """Those whose leading mood is the same."""
        self._sums: defaultdict[str, float] = defaultdict(float)
        self._counts: Counter[str] = Counter()

    def add(self, comparison: Comparison) -> None:
        """Take one window."""
        if comparison.same_leader is not None:
            self.windows += 1
            self.same_leader += comparison.same_leader
        for mood, difference in comparison.differences.items():
            self._sums[mood] += difference
            self._counts[mood] += 1

    @property
    def mean_differences(self) -> dict[str, float]:
        """Mean absolute difference by mood, the largest first."""
        means = {mood: self._sums[mood] / count for mood, count in self._counts.items()}
        return dict(sorted(means.items(), key=lambda item: -item[1]))

    def summary(self) -> str:
        """Return it in one line for people."""
        means = list(self.mean_differences.items())[:_NAMED]
        if not means:
            return "no window was compared"
        apart = "furthest apart on average: " + ", ".join(f"{mood} {mean:.3f}" for mood, mean in means)
        if not self.windows:
            return apart
        return f"the leading mood is the same in {100 * self.same_leader / self.windows:.1f} % of them; {apart}"
