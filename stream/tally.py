"""What is known of a track so far: the running average of its windows, and which moods go on.

    tally = Tally(scored_by(model), options)
    changes = tally.add(probabilities, power, start_s, end_s)     # moods that began or ended
    tally.running(), tally.windows
    tally.restore(tally.state())

It is of one set of moods. A model with others needs another tally.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from model.contract import Model
from stream.average import Average
from stream.events import Change, EventDetector
from stream.record import ModelId, Moods, dbfs


@dataclasses.dataclass(frozen=True, slots=True)
class ScoredBy:
    """What an average is of: the model that scored its last window, and the moods."""

    model: ModelId
    labels: tuple[str, ...]


class TallyOptions(Protocol):
    """What a tally needs of the options of a session."""

    @property
    def threshold(self) -> float:
        """Window probability at which a mood begins."""
        ...

    @property
    def threshold_off(self) -> float:
        """Window probability below which it ends."""
        ...

    @property
    def min_duration(self) -> float:
        """How long either must last, in seconds."""
        ...

    def new_average(self) -> Average:
        """Return an empty average."""
        ...


class Tally:
    """Averages the windows of a track and detects its events."""

    def __init__(self, by: ScoredBy, options: TallyOptions) -> None:
        """Begin with no window."""
        self.by = by
        """Who scored the last window; another model with the same moods may take its place."""
        self.power = 0.0
        """Mean squares of the windows in the average, summed."""
        self._average = options.new_average()
        self._events = EventDetector(by.labels, options.threshold, options.threshold_off, options.min_duration)

    @property
    def windows(self) -> int:
        """Windows in the average."""
        return self._average.count

    @property
    def rms_dbfs(self) -> float | None:
        """Level of the windows in the average, in dB re full scale; None without any."""
        return dbfs(self.power / self.windows) if self.windows else None

    def add(self, probabilities: NDArray[np.floating], power: float, start_s: float, end_s: float) -> list[Change]:
        """Take a scored window, shape (labels,), and its mean square; return the moods that began or ended."""
        self._average.add(probabilities, start_s)
        self.power += power
        return self._events.feed(probabilities, start_s, end_s)

    def add_silence(self, start_s: float, end_s: float) -> list[Change]:
        """Take a silent window: no mood sounds in it, and it stays out of the average."""
        return self._events.feed(None, start_s, end_s)

    def end(self, at_s: float) -> list[Change]:
        """End every mood that goes on."""
        return self._events.flush(at_s)

    def running(self) -> Moods | None:
        """Return the average so far."""
        value = self._average.value()
        return None if value is None else self.named(value)

    def named(self, values: NDArray[np.floating]) -> Moods:
        """Return values of shape (labels,) by their moods, as records hold them."""
        return {label: round(value, 7) for label, value in zip(self.by.labels, values.tolist(), strict=True)}

    def average_state(self) -> dict[str, Any]:
        """Return the average as plain JSON values."""
        return self._average.state()

    def events_state(self) -> list[list[Any]]:
        """Return what is known of each mood as plain JSON values."""
        return self._events.state()

    def restore(self, average: dict[str, Any], events: list[list[Any]], power: float) -> None:
        """Go on where a tally of the same moods and kind of average was."""
        self._average.restore(average)
        self._events.restore(events)
        self.power = power


def scored_by(model: Model) -> ScoredBy:
    """Return what an average of this model's answers is of."""
    info = model.info
    return ScoredBy(ModelId(info.name, info.version, info.sha256), info.labels)
