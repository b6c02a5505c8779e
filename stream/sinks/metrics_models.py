"""Prometheus metrics of models: swaps while it runs, and how a shadow model agrees with the one that scores.

    metrics = Metrics()
    swaps = ModelMetrics(metrics.registry)
    swaps.taken()                           # at the start, and whenever a new file is taken
    swaps.refused()
    swaps.seen(present=True, refused=False) # what lies where the model was read from
    shadow = ShadowMetrics(metrics.registry, shadow_model_id)       # only where there is one
    shadow.scored(comparison, seconds=0.005)
    shadow.failed()
    shadow.skipped()

What each means stands in `stream/sinks/metric_table.py`. Imported with the HTTP side only (prometheus_client).
"""

from __future__ import annotations

import math
import time

from prometheus_client import CollectorRegistry

from stream.agreement import Comparison
from stream.common.text import utf8
from stream.sinks.instruments import Instruments
from stream.sinks.metric_table import MODEL_DEFINITIONS, SHADOW_DEFINITIONS
from stream.tagging.record import ModelId


class ModelMetrics:
    """Counts the swaps of the model that scores, and knows its file. Safe to call from several threads."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Create the metrics, beginning at 0; the model that is there now counts as taken now, not as swapped.

        Raises:
            ValueError: the registry has them already.
        """
        instruments = Instruments(MODEL_DEFINITIONS, registry)
        self._swaps = instruments.counters["model_swaps"]
        self._since = instruments.gauges["model_taken_timestamp_seconds"]
        self._present = instruments.gauges["model_file_present"]
        self._refused = instruments.gauges["model_file_refused"]
        self._present.set(math.nan)  # nobody has looked yet
        self._refused.set(math.nan)
        for result in ("taken", "refused"):  # a rate needs the zero before the first
            self._swaps.labels(result)
        self._since.set(time.time())

    def taken(self) -> None:
        """Count a new model that scores from now on."""
        self._swaps.labels("taken").inc()
        self._since.set(time.time())

    def refused(self) -> None:
        """Count a new file that was no use."""
        self._swaps.labels("refused").inc()

    def seen(self, *, present: bool, refused: bool) -> None:
        """Say whether the model's file is there, and whether what is there was refused."""
        self._present.set(present)
        self._refused.set(refused)


class ShadowMetrics:
    """Says how a shadow model does. Safe to call from several threads."""

    def __init__(self, registry: CollectorRegistry, shadow: ModelId) -> None:
        """Create the metrics, the counters beginning at 0.

        Raises:
            ValueError: the registry has them already.
        """
        instruments = Instruments(SHADOW_DEFINITIONS, registry)
        self._windows = instruments.counters["shadow_windows"]
        self._leading = instruments.counters["shadow_leading_moods"]
        self._difference = instruments.histograms["shadow_mood_difference"]
        self._duration = instruments.histograms["shadow_inference_duration_seconds"]
        instruments.infos["shadow_model"].info({name: utf8(value) for name, value in shadow.to_json().items()})
        for result in ("scored", "failed", "skipped"):
            self._windows.labels(result)
        for agreement in ("same", "different"):
            self._leading.labels(agreement)

    def scored(self, comparison: Comparison, seconds: float) -> None:
        """Take a window that both models scored, and the time that the shadow's network took."""
        self._windows.labels("scored").inc()
        self._duration.observe(seconds)
        for mood, difference in comparison.differences.items():
            self._difference.labels(utf8(mood)).observe(difference)
        if comparison.same_leader is not None:
            self._leading.labels("same" if comparison.same_leader else "different").inc()

    def failed(self) -> None:
        """Count a window on which the shadow failed."""
        self._windows.labels("failed").inc()

    def skipped(self) -> None:
        """Count a window that the shadow was too slow for."""
        self._windows.labels("skipped").inc()
