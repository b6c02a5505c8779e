"""Writes the page of the guide that documents the metrics, from their definitions.

python -m stream.metrics.page > docs/metrics.md

A test says that the page is what this writes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from stream.metrics.table import DEFINITIONS, KAFKA_DEFINITIONS, MODEL_DEFINITIONS, SHADOW_DEFINITIONS, Definition

_PAGE = """\
# Metrics

Made from the code by `python -m stream.metrics.page > docs/metrics.md`; a test compares the two.

`http://127.0.0.1:9108/metrics` has them while `stream.listen` runs on a live source or on Kafka (`--metrics-port`,
`--metrics-host`; for files and standard input only if a port is given), as Prometheus text or OpenMetrics, whichever
the client asks for. A configuration for Prometheus, recording rules and alerts are in `docker/prometheus/`; what to do
when an alert fires stands in [runbook.md](runbook.md).

## Sound and moods

{general}
## Kafka

With `--kafka` also:

{kafka}
## Models

{model}
With `--shadow-model` also:

{shadow}
## Process

`process_cpu_seconds_total`, `process_resident_memory_bytes`, `process_open_fds` and the others that every Prometheus
client library has.

## What the labels hold, and how many there are

- `stream` is the name of a stream, at most 128 characters of it. At most `--max-stream-labels` streams (50) have one
  of their own; all others share `other`, where a gauge shows whichever of them spoke last. A stream keeps its series
  for five minutes after its end, but for `moodstream_source_up`, which goes at once.
- `mood` is a label of the model. Titles, artists and years are never labels.
- Counters whose labels are known begin at 0, so that a rate sees the first event.
- A gauge that would be wrong is absent: `moodstream_mood_window_probability` in silence. `moodstream_realtime_factor`,
  `moodstream_model_file_present` and `moodstream_model_file_refused` are not a number until they are known.

So a scrape is bounded: what the process has, and for each label of a stream {single} series and {moody} for each mood.
`python -m tests.stream.web.bench_scrape --labels 1000` measures one.
"""


def document() -> str:
    """Return the page: all metrics, and what to know of their labels and number."""
    of_streams = [one for one in DEFINITIONS if "stream" in one.labels]
    moody = sum("mood" in one.labels for one in of_streams)
    return _PAGE.format(
        general=table(DEFINITIONS),
        kafka=table(KAFKA_DEFINITIONS),
        model=table(MODEL_DEFINITIONS),
        shadow=table(SHADOW_DEFINITIONS),
        single=len(of_streams) - moody,
        moody=moody,
    )


def table(definitions: Iterable[Definition]) -> str:
    """Return metrics as a Markdown table: name, type, labels, unit, meaning."""
    rows = ["| Metric | Type | Labels | Unit | Meaning |", "|---|---|---|---|---|"]
    for one in definitions:
        labels = ", ".join(f"`{label}`" for label in one.labels)
        kind = "gauge, always 1" if one.type == "info" else one.type
        rows.append(f"| `{one.full_name}` | {kind} | {labels} | {one.unit} | {one.help} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
