"""Measures what keeping and reading back a long session costs.

    python -m tests.stream.sinks.bench_history                 # 100,000 records (three and a half days), and an hour's
    python -m tests.stream.sinks.bench_history 20000

Prints the size of the journal, the processor time in which it becomes a Parquet file, and what `stream.report` takes
to read either: seconds, and the most memory it had beyond that of a report on one record.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from stream.common.output import open_output
from stream.sinks.parquet import convert
from stream.sinks.records import JsonLinesSink
from stream.tagging.record import Estimate
from tests.stream.sinks import records

MOODS = ("happy", "angry", "sad", "calm", "tense", "tender", "nostalgic", "solemn", "powerful")
_HOP = 2.992
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)

_REPORT = """
import pathlib, sys
from stream.report import main
main([sys.argv[1], "--no-picture"])
status = pathlib.Path("/proc/self/status").read_text()
print(status.partition("VmHWM:")[2].split()[0], file=sys.stderr)
"""


def estimate(window: int) -> Estimate:
    """One of a stream's windows, with nine moods."""
    moods = {mood: (window * 7 + place * 31) % 1000 / 999 for place, mood in enumerate(MOODS)}
    end = _HOP * (window + 1)
    when = (_BEGAN + timedelta(seconds=end)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return records.estimate(
        window=window, windows=window + 1, start_s=end - _HOP, end_s=end, mood=moods, running=moods, time=when
    )


def report(path: Path) -> tuple[float, float]:
    """Return the seconds and the most megabytes (resident) of a report without a picture."""
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", _REPORT, str(path)], capture_output=True, text=True, check=True)
    return time.perf_counter() - began, int(done.stderr) / 1000


def measure(folder: Path, count: int) -> None:
    """Write, convert and report so many records."""
    journal, table = folder / f"{count}.jsonl", folder / f"{count}.parquet"
    sink = JsonLinesSink(open_output(journal))
    for window in range(count):
        sink.emit(estimate(window))
    sink.close()
    size = journal.stat().st_size / 1e6
    seconds, megabytes = report(journal)
    began = time.process_time()
    convert(journal, table)
    made = time.process_time() - began
    print(f"{count:,} records: a journal of {size:.1f} MB, made Parquet in {made:.1f} s of processor time")
    nothing = report(write_one(folder))[1]
    print(f"  a report on JSON lines takes {seconds:.1f} s and {megabytes - nothing:.0f} MB")
    seconds, megabytes = report(table)
    print(f"  a report on Parquet takes {seconds:.1f} s and {megabytes - nothing:.0f} MB")


def write_one(folder: Path) -> Path:
    """Return a file of one record."""
    path = folder / "one.jsonl"
    sink = JsonLinesSink(open_output(path))
    sink.emit(estimate(0))
    sink.close()
    return path


def main() -> None:
    counts = [int(argument) for argument in sys.argv[1:]] or [1200, 100_000]
    with tempfile.TemporaryDirectory() as folder:
        for count in counts:
            measure(Path(folder), count)


if __name__ == "__main__":
    main()
