"""Measures what a scrape costs, over HTTP as Prometheus asks for it.

    python -m tests.stream.web.bench_scrape                    # 1,000 streams, at most 50 of them with a label
    python -m tests.stream.web.bench_scrape --labels 1000      # each with its own

Prints series, bytes and the median of twenty scrapes: time on the clock, which other programs lengthen, and of the
processor, client included; beside it what prometheus_client's own text costs, uncompressed and unsent.
"""

from __future__ import annotations

import argparse
import gzip
import statistics
import time
import urllib.request
from collections.abc import Callable

from prometheus_client import generate_latest

from stream.metrics.metrics import Metrics
from stream.web.app import create_app
from stream.web.board import Board
from stream.web.feed import LiveFeed
from stream.web.server import serve
from tests.stream.sinks import records
from tests.stream.sinks.measured import chunk

MOODS = ("happy", "angry", "sad", "calm", "tense", "tender", "nostalgic", "solemn", "powerful")
_TIMES = 20
_ACCEPT = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"


def busy(streams: int, labels: int) -> Metrics:
    """Metrics of so many streams, each of which was heard and scored."""
    metrics = Metrics(max_stream_labels=labels)
    metrics.model(records.MODEL)
    for number in range(streams):
        moods = {mood: (number * 7 + place * 31) % 1000 / 999 for place, mood in enumerate(MOODS)}
        metrics.audio(chunk(f"stream-{number}", 160))
        metrics.emit(records.estimate(stream=f"stream-{number}", mood=moods, running=moods))
    return metrics


def milliseconds(call: Callable[[], object], clock: Callable[[], float]) -> float:
    """Return the median time of a call."""
    times = []
    for _ in range(_TIMES):
        began = clock()
        call()
        times.append(1000 * (clock() - began))
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description="measure what a scrape costs")
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--labels", type=int, default=50, help="as --max-stream-labels")
    arguments = parser.parse_args()
    metrics = busy(arguments.streams, arguments.labels)
    server = serve(create_app(metrics, Board(), LiveFeed()), "127.0.0.1", 0, exact=True)
    headers = {"Accept": _ACCEPT, "Accept-Encoding": "gzip"}
    request = urllib.request.Request(server.url + "metrics", headers=headers)

    def scrape() -> bytes:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read()

    packed = scrape()
    text = gzip.decompress(packed)
    series = sum(1 for line in text.splitlines() if not line.startswith(b"#"))
    taken, cost = milliseconds(scrape, time.perf_counter), milliseconds(scrape, time.process_time)
    library = milliseconds(lambda: generate_latest(metrics.registry), time.process_time)
    server.stop()
    print(f"{arguments.streams} streams, {arguments.labels} labels: {series} series, {len(text)} bytes")
    print(f"a scrape takes {taken:.1f} ms ({cost:.1f} ms of processor time) and sends {len(packed)} bytes")
    print(f"prometheus_client's own text takes {library:.1f} ms of processor time")


if __name__ == "__main__":
    main()
