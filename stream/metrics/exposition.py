"""Makes instruments from the metric table, and writes a scrape of them.

    instruments = Instruments(DEFINITIONS, registry)
    instruments.counters["windows"].labels("ok").inc()
    instruments.streams["mood_probability"].set(0.61, "mic", "happy")

    encoder = encoder_for(accept_header)
    encoder.content_type, encoder.encode(registry)

The series of streams are many, so `StreamGauge` keeps each ready to be written: prometheus_client sorts, checks and
escapes the labels of each series at each scrape, which takes 140 ms for a thousand streams of nine moods. The
``_created`` series are left out. Imported with the HTTP side only (prometheus_client).
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import cast

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

from stream.metrics.table import Definition

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


_END = b"# EOF\n"


@dataclasses.dataclass(frozen=True, slots=True)
class Encoder:
    """Writes one of the text formats."""

    content_type: str
    text_of: Callable[[Collector], bytes]

    def encode(self, registry: Collector) -> bytes:
        """Return the text of all that the registry collects."""
        parts: list[bytes] = []
        end = b""
        for family in registry.collect():
            lines = ""
            if isinstance(family.samples, StreamSeries):
                lines = family.samples.text()
                family.samples = []  # the library writes what stands above them
            else:
                family.samples = [one for one in family.samples if not one.name.endswith("_created")]
            text = self.text_of(_One(family))
            if text.endswith(_END):
                text, end = text.removesuffix(_END), _END
            parts += [text, lines.encode()]
        return b"".join([*parts, end])


def encoder_for(accept: str) -> Encoder:
    """Return the writer of the format that an ``Accept`` header asks for: Prometheus's own text or OpenMetrics."""
    text_of, content_type = choose_encoder(accept)
    return Encoder(content_type, text_of)


class _One(Collector):
    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> Iterable[Metric]:
        return [self._family]


class Instruments:
    """One instrument a definition, by its name in the table and sorted by type; all are in one registry."""

    def __init__(self, definitions: Iterable[Definition], registry: CollectorRegistry) -> None:
        """Create them.

        Raises:
            ValueError: the registry has one of these names already.
        """
        self.counters: dict[str, Counter] = {}
        self.gauges: dict[str, Gauge] = {}
        self.histograms: dict[str, Histogram] = {}
        self.infos: dict[str, Info] = {}
        self.streams: dict[str, StreamGauge] = {}
        """The gauges with a series a stream."""
        for one in definitions:
            name, text, labels = f"moodstream_{one.name}", one.help, one.labels
            match one.type:
                case "counter":
                    self.counters[one.name] = Counter(name, text, labels, registry=registry)
                case "gauge" if labels[:1] == ("stream",):
                    self.streams[one.name] = StreamGauge(name, text, labels)
                    registry.register(self.streams[one.name])
                case "gauge":
                    self.gauges[one.name] = Gauge(name, text, labels, registry=registry)
                case "histogram":
                    self.histograms[one.name] = Histogram(name, text, labels, registry=registry, buckets=one.buckets)
                case "info":
                    self.infos[one.name] = Info(name, text, registry=registry)
