"""What of a session outlives its process: all but the sound itself.

    state = session.snapshot().to_json()             # plain JSON values
    session.resume(SessionSnapshot.from_json(state)) # in another process
    session.feed(chunk) ...                          # the sound from `needed_from` on again: it only fills the buffers
    session.settle()                                 # and on as if nothing had happened

A window is a function of its samples alone, so neither the resampler nor the mel buffer is kept: the sound that they
need is fed once more.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

from stream.tagging.record import ModelId


@dataclasses.dataclass(frozen=True, slots=True)
class TrackSnapshot:
    """Where a track stands.

    Attributes:
        title: of the track, or None.
        origin: where it begins in the stream, in samples at the front-end's rate.
        position: source samples since its first, the lost ones included.
        next_window: the first window that has not come out.
        hop_frames: mel frames from one window to the next.
        average: state of the running average (``sum``, ``count``, ...).
        events: state of the event detector.
        power: summed mean squares of the scored windows.
        silent: windows left out because they were silent.
        gaps: windows left out because sound was lost.
        unreported: such windows that are in no record.
        broken: sound was lost.
    """

    title: str | None
    origin: int
    position: int
    next_window: int
    hop_frames: int
    average: dict[str, Any]
    events: list[list[Any]]
    power: float
    silent: int
    gaps: int
    unreported: int
    broken: bool


@dataclasses.dataclass(frozen=True, slots=True)
class SessionSnapshot:
    """Where a session stands.

    Attributes:
        samplerate: of the source, in Hz.
        next_sample: index of the source sample that should come next.
        labels: the moods that the averages are of.
        track: the track that goes on, or None between two.
        model: which model scored the last window of the averages; None in a state of a version that did not say.
    """

    samplerate: int
    next_sample: int
    labels: tuple[str, ...]
    track: TrackSnapshot | None
    model: ModelId | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Return the snapshot that :meth:`to_json` made the value of.

        Raises:
            ValueError: it is none.
        """
        try:
            track, model = value["track"], value.get("model")
            return cls(
                samplerate=int(value["samplerate"]),
                next_sample=int(value["next_sample"]),
                labels=tuple(value["labels"]),
                track=None if track is None else TrackSnapshot(**track),
                model=None if model is None else ModelId(**model),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"not the state of a session: {error!r}") from None
