"""Writes the reference pages from the code: metrics.md and options.md.

python -m docs.generate

A test says that the pages are what this writes (tests/test_reference.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from stream.metrics.table import DEFINITIONS, KAFKA_DEFINITIONS, MODEL_DEFINITIONS, SHADOW_DEFINITIONS, Definition
from stream.settings.kafka import DeadLettersSettings, TopicSettings
from stream.settings.listen import Settings
from stream.settings.publish import PublishSettings
from stream.settings.table import Option, options_of

_PAGE = """\
# Metrics

Made from the code by `python -m docs.generate`.

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

- `stream` is the name of a stream, at most 128 characters of it. At most `--max-stream-labels` ({labels}) have
  one of their own; all others share `other`, where a gauge shows whichever of them spoke last. A stream keeps its
  series for five minutes after its end, but for `moodstream_source_up`, which goes at once.
- `mood` is a label of the model. Titles, artists and years are never labels.
- Counters whose labels are known begin at 0, so that a rate sees the first event.
- A gauge that would be wrong is absent: `moodstream_mood_window_probability` in silence. `moodstream_realtime_factor`,
  `moodstream_model_file_present` and `moodstream_model_file_refused` are not a number until they are known.

So a scrape is bounded: what the process has, and for each label of a stream {single} series and {moody} for each mood.
`python -m tests.stream.web.bench_scrape --labels 1000` measures one.
"""


def metrics() -> str:
    """Return the page of the metrics: all metrics, and what to know of their labels and number."""
    of_streams = [one for one in DEFINITIONS if "stream" in one.labels]
    moody = sum("mood" in one.labels for one in of_streams)
    return _PAGE.format(
        general=table(DEFINITIONS),
        kafka=table(KAFKA_DEFINITIONS),
        model=table(MODEL_DEFINITIONS),
        shadow=table(SHADOW_DEFINITIONS),
        labels=Settings.max_stream_labels,
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


_OPTIONS = """\
# Options

Made from the code by `python -m docs.generate`. A flag wins over its environment variable, the variable over the YAML
file (`--config FILE`), the file over the default. `--print-config` shows what won. `--help` has the same with examples.

"""
_COMMANDS = {
    "stream.listen": Settings,
    "stream.publish": PublishSettings,
    "stream.topics": TopicSettings,
    "stream.dead_letters": DeadLettersSettings,
}


def options() -> str:
    """Return the page of the options: of each command those that an earlier one does not have."""
    parts, seen = [], set[str]()
    for command, settings in _COMMANDS.items():
        new = [each for each in options_of(settings) if each.key not in seen]
        new.sort(key=lambda each: each.key.rpartition(".")[0])  # those without a section first
        shared = "" if not seen else "Its other options are those of the commands above.\n\n"
        seen |= {each.key for each in new}
        rows = ["| flag | variable | YAML key | default | |", "|---|---|---|---|---|", *map(_row, new)]
        parts.append(f"## {command}\n\n{shared}" + "\n".join(rows) + "\n")
    return _OPTIONS + "\n".join(parts)


def _row(option: Option) -> str:
    flags = " / ".join(f"`{flag}`" for flag in option.flags)
    default = None if option.kind.many else option.kind.show(option.default)
    shown = "" if default in (None, False) else f"`{default}`"
    return f"| {flags} | `{option.variable}` | `{option.key}` | {shown} | {option.help.replace('|', chr(92) + '|')} |"


PAGES = {"metrics.md": metrics, "options.md": options}


if __name__ == "__main__":
    for name, page in PAGES.items():
        Path(__file__).with_name(name).write_text(page(), encoding="utf-8")
