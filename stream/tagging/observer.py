"""Who is told what happens in a run: sinks, metrics, the status board, the live page, a shadow model.

The engine calls ``emit``, ``audio``, ``status`` … of each observer; the models call ``model`` and ``model_swapped``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from stream.tagging.audio import AudioChunk, SourceStatus
from stream.tagging.record import ModelId, Record


class Observer:
    """Is told what happens. Each method does nothing unless a subclass says otherwise.

    The methods may be called from several threads. Only a sink may fail, with a StreamError.
    """

    def emit(self, record: Record) -> None:
        """Take a record that is out."""

    def audio(self, chunk: AudioChunk) -> None:
        """Take a chunk that was heard."""

    def progress(self, stream: str, heard_s: float, level_dbfs: float) -> None:
        """Show what was heard since the last window: seconds of the track so far, and the level."""

    def status(self, item: SourceStatus) -> None:
        """Take news of a source."""

    def stream_ended(self, stream: str) -> None:
        """Note that a stream ended and its records are out."""

    def realtime_factor(self, factor: float) -> None:
        """Note that sound is worked through ``factor`` times as fast as it plays."""

    def scored(self, frames: NDArray[np.float32], labels: tuple[str, ...], probabilities: NDArray[np.float32]) -> None:
        """Take a window that the model scored: frames (patch, n_mels), labels, probabilities (labels,)."""

    def model(self, info: ModelId) -> None:
        """Note which model scores from now on."""

    def model_swapped(self) -> None:
        """Count a new model that took over."""

    def model_refused(self) -> None:
        """Count a new model file that cannot be used."""

    def model_file(self, *, present: bool, refused: bool) -> None:
        """Note whether there is a model file now, and whether it is one that was refused; said again and again."""

    def shadow_scored(self, differences: Mapping[str, float], same_leader: bool | None, seconds: float) -> None:
        """Take a window that the shadow model scored too.

        Args:
            differences: absolute difference of the two probabilities, by mood.
            same_leader: both put the same mood first; None if they share fewer than two.
            seconds: what the shadow's network took.
        """

    def shadow_failed(self) -> None:
        """Count a window on which the shadow model failed."""

    def shadow_skipped(self) -> None:
        """Count a window that the shadow model was too slow for."""
