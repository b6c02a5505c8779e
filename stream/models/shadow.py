"""A second model that scores the same windows, without touching what the first one says.

    shadow = Shadow(load(path), observers)
    shadow.start()                         # a thread of its own
    model_in_use.observer = shadow         # from then on it is told of every scored window
    shadow.close()                         # scores what still waits, for a while; says how far the two agree

It never makes the first model wait: windows wait for the shadow in a queue, and where that is full, one is skipped and
counted. Only where no clock runs (files as fast as possible) is it waited for, so that all windows are compared.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from model.contract import Model, ModelError
from stream.models.watch import lower_priority
from stream.tagging.observer import Observer

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


logger = logging.getLogger(__name__)

_WAITING_BYTES = 8 * 2**20
_MOST_WAITING = 64  # three minutes of one live stream

_CLOSING_SECONDS = 5.0


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class _Window:
    frames: NDArray[np.float32]
    labels: tuple[str, ...]
    probabilities: NDArray[np.float32]


class Shadow(Observer):
    """Scores windows beside the first model and compares. Safe to show windows from several threads."""

    def __init__(self, model: Model, observers: Sequence[Observer] = (), *, patience: float = 0.0) -> None:
        """Make a shadow.

        Args:
            model: scores; of the front-end of the first one.
            observers: are told of every window.
            patience: seconds that a window may be held up where the queue is full; 0 where a clock runs.
        """
        self._model = model
        self._observers = observers
        self._patience = patience
        frontend = model.info.frontend
        self._most = max(2, min(_MOST_WAITING, _WAITING_BYTES // (4 * frontend.patch * frontend.n_mels)))
        self._windows: deque[_Window] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._agreement = Agreement()
        self._compared = self._failed = self._skipped = 0
        self._thread = threading.Thread(target=self._run, name="shadow-model", daemon=True)

    def start(self) -> None:
        """Begin to score."""
        self._thread.start()

    def scored(self, frames: NDArray[np.float32], labels: tuple[str, ...], probabilities: NDArray[np.float32]) -> None:
        """Take a window that the first model scored: frames (patch, n_mels), its labels and answer (labels,)."""
        with self._changed:
            if self._patience and len(self._windows) >= self._most:
                self._changed.wait_for(lambda: len(self._windows) < self._most or self._closed, self._patience)
            if len(self._windows) >= self._most or self._closed:
                self._skip(1)
                return
            self._windows.append(_Window(frames, labels, probabilities))
            self._changed.notify_all()

    def close(self) -> None:
        """Score what still waits, within a few seconds, and say how far the two models agree. Safe to call twice."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(_CLOSING_SECONDS)
        with self._changed:
            self._skip(len(self._windows))
            self._windows.clear()
        logger.info(
            "shadow %s %s: %d windows scored, %d failed, %d skipped; %s",
            self._model.info.name,
            self._model.info.version,
            self._compared,
            self._failed,
            self._skipped,
            self._agreement.summary(),
        )

    def _run(self) -> None:
        lower_priority()
        while (window := self._next()) is not None:
            self._score(window)

    def _next(self) -> _Window | None:
        """Wait for a window; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._windows or self._closed)
            window = self._windows.popleft() if self._windows else None
            self._changed.notify_all()
        return window

    def _score(self, window: _Window) -> None:
        began = time.perf_counter()
        try:
            probabilities = self._model.predict(window.frames[np.newaxis])[0]
        except ModelError as error:
            self._fail(str(error))
            return
        except Exception as error:  # the first model's results must not depend on a defect that the second one meets
            self._fail(f"unexpected {type(error).__name__}: {error}")
            return
        seconds = time.perf_counter() - began
        comparison = compare(window.labels, window.probabilities, self._model.info.labels, probabilities)
        self._compared += 1
        self._agreement.add(comparison)
        for each in self._observers:
            each.shadow_scored(comparison.differences, comparison.same_leader, seconds)

    def _fail(self, reason: str) -> None:
        self._failed += 1
        for each in self._observers:
            each.shadow_failed()
        if self._failed == 1:
            logger.error("the shadow model fails; results are not touched, and it is not said again: %s", reason)

    def _skip(self, count: int) -> None:
        """Count windows that were not scored; the lock is held."""
        if count and not self._skipped:
            logger.warning("the shadow model is too slow; windows are skipped and counted, and it is not said again")
        self._skipped += count
        for _ in range(count):
            for each in self._observers:
                each.shadow_skipped()
