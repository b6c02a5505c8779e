"""Sound to measure, and what metrics say of it."""

from __future__ import annotations

import numpy as np

from stream.metrics.metrics import Metrics
from stream.tagging.audio import AudioChunk


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def chunk(stream: str = "mic", samples: int = 1600, **fields) -> AudioChunk:
    return AudioChunk(stream, np.zeros((samples, 2), np.float32), 16_000, 0, **fields)


def loud(amplitude: float, stream: str = "mic") -> AudioChunk:
    return AudioChunk(stream, np.full((1600, 2), amplitude, np.float32), 16_000, 0)


def value(metrics: Metrics, metric: str, /, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"moodstream_{metric}", labels)


def label_values(metrics: Metrics, label: str = "stream") -> set[str]:
    return {
        sample.labels[label]
        for family in metrics.registry.collect()
        for sample in family.samples
        if label in sample.labels
    }
