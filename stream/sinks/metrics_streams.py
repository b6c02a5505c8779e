"""The gauges that have a series a stream: many, so they are kept ready to be written.

    gauge = StreamGauge("moodstream_mood_probability", "Running average of a mood.", ("stream", "mood"))
    registry.register(gauge)
    gauge.set(0.61, "mic", "happy")
    gauge.forget("mic")                     # all series of this stream

prometheus_client sorts, checks and escapes each series' labels anew at each scrape, which takes 140 ms for a thousand
streams of nine moods. Here that is done once a series; `stream/sinks/metrics_text.py` writes the rest. To everything
else these are ordinary collectors. Imported with the HTTP side only (prometheus_client).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import cast

from prometheus_client import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

_ESCAPED = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


class StreamSeries:
    """The series of one gauge at one time: what is iterated are samples, made only then."""

    def __init__(self, name: str, labels: Sequence[str], rows: Sequence[tuple[str, tuple[str, ...], float]]) -> None:
        self._name = name
        self._labels = labels
        self._rows = rows

    def __iter__(self) -> Iterator[Sample]:
        """Yield them as prometheus_client knows them."""
        for _, values, value in self._rows:
            yield Sample(self._name, dict(zip(self._labels, values, strict=True)), value)

    def text(self) -> str:
        """Return them in the text format, a line each."""
        write: Callable[[float], str] = floatToGoString
        return "".join([f"{head} {write(value)}\n" for head, _, value in self._rows])


class StreamGauge(Collector):
    """A gauge whose first label is the stream. Safe to use from several threads."""

    def __init__(self, name: str, documentation: str, labels: Sequence[str]) -> None:
        """Take its full name, what it measures, and its labels, the stream first."""
        self._name = name
        self._documentation = documentation
        self._labels = tuple(labels)
        self._lock = threading.Lock()
        self._values: dict[str, dict[tuple[str, ...], float]] = {}
        self._heads: dict[str, dict[tuple[str, ...], str]] = {}

    def set(self, value: float, *labels: str) -> None:
        """Set the series of these label values, the stream first."""
        stream = labels[0]
        with self._lock:
            heads = self._heads.setdefault(stream, {})
            if labels not in heads:
                heads[labels] = self._head(labels)
            self._values.setdefault(stream, {})[labels] = float(value)

    def forget(self, stream: str) -> None:
        """Let the series of a stream go, if it has any."""
        with self._lock:
            self._values.pop(stream, None)
            self._heads.pop(stream, None)

    def collect(self) -> Iterable[Metric]:
        """Return the one family of metrics that this is."""
        with self._lock:
            rows = [
                (self._heads[stream][labels], labels, value)
                for stream, values in self._values.items()
                for labels, value in values.items()
            ]
        family = Metric(self._name, self._documentation, "gauge")
        family.samples = cast("list[Sample]", StreamSeries(self._name, self._labels, rows))
        return [family]

    def describe(self) -> Iterable[Metric]:
        """Return the family without its series: the registry asks for its name."""
        return [Metric(self._name, self._documentation, "gauge")]

    def _head(self, labels: tuple[str, ...]) -> str:
        pairs = sorted(zip(self._labels, labels, strict=True))
        inner = ",".join(f'{name}="{value.translate(_ESCAPED)}"' for name, value in pairs)
        return f"{self._name}{{{inner}}}"
