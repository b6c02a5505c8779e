"""Chaos: does every window arrive exactly once while consumers and the broker are killed?

    python -m tests.stream.kafka.chaos --seed 1 --faults 100        # or: make chaos
    python -m tests.stream.kafka.chaos --seed 7 --minutes 30 --assignment range --static

Publishers that repeat themselves send known sound to a real broker, real consumers tag it, and every few seconds one of
them, or the broker, is killed, stopped, ended, or another joins. At the end all that is on the topics is compared with
what should be there. One line of figures on standard output; exit code 1 if anything is lost, doubled or wrong, and
then the logs of all processes are kept in runs/chaos.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from tests.stream.kafka import jars
from tests.stream.kafka.broker import Broker
from tests.stream.kafka.chaos import run as chaos

_LOGS = Path("runs") / "chaos"


def main() -> int:
    """Run, print the line, and say where the details are if something is wrong."""
    options, keep = _options()
    if reason := jars.needs():
        print(reason, file=sys.stderr)
        return 2
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # a broker that is away is what we want
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    static = "-static" if options.static else ""
    folder = _LOGS / f"seed-{options.seed}-{options.assignment}{static}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    folder = folder.absolute()
    broker = Broker(folder / "broker")
    try:
        with _Display() as display:
            display.show(chaos.Progress("starting the broker"))
            broker.start()
            report = chaos.run(options, broker, folder, display.show)
    except KeyboardInterrupt:
        return 130
    finally:
        broker.kill()
        shutil.rmtree(broker.data, ignore_errors=True)
    print(report.line, flush=True)
    for note in report.notes:
        print(f"  {note}", file=sys.stderr)
    if report.is_good:
        if not keep:
            shutil.rmtree(folder)
        return 0
    print(f"details and the logs of all processes: {folder}", file=sys.stderr)
    return 1


class _Display:
    """A line that shows how far the run is; nothing where there is no terminal, but for what begins."""

    def __init__(self) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[more]}"),
            TimeElapsedColumn(),
        )
        self._console = Console(stderr=True)
        self._progress = Progress(*columns, console=self._console, disable=not self._console.is_terminal)
        self._task = self._progress.add_task("chaos", total=None, more="")
        self._doing = ""

    def __enter__(self) -> _Display:
        self._progress.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._progress.stop()

    def show(self, progress: chaos.Progress) -> None:
        more = f"{progress.faults}/{progress.of} faults, {progress.alive} consumers, {progress.chunks:,} chunks"
        self._progress.update(
            self._task, description=progress.doing, completed=progress.faults, total=progress.of or None, more=more
        )
        if not self._console.is_terminal and progress.doing != self._doing:
            self._doing = progress.doing
            self._console.print(progress.doing, highlight=False)


def _options() -> tuple[chaos.Options, bool]:
    default = chaos.Options()
    parser = argparse.ArgumentParser(
        prog="python -m tests.stream.kafka.chaos",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--seed", type=int, default=default.seed, help="of sound, repetitions and faults (default %(default)s)")
    add("--faults", type=int, default=default.faults, help="how many (default %(default)s)")
    add("--minutes", type=float, help="end after so long, whatever faults are left")
    add("--streams", type=int, default=default.streams, help="how many (default %(default)s)")
    add("--partitions", type=int, default=default.partitions, help="how many (default %(default)s)")
    add("--speed", type=float, default=default.speed, help="seconds of sound a second (default %(default)s)")
    add("--session-timeout", type=float, default=default.session_timeout, help="of the group (default %(default)s s)")
    add("--idle-seconds", type=float, default=default.idle_seconds, help="of the consumers (default %(default)s)")
    add("--assignment", choices=["cooperative-sticky", "range"], default=default.assignment)
    add("--static", action="store_true", help="static membership")
    add("--model", default=default.model, help="tiny (quick, the default), default, or the path of a model")
    add("--keep", action="store_true", help="keep the logs even if all is well")
    given = vars(parser.parse_args())
    keep = given.pop("keep")
    return chaos.Options(**given), keep


if __name__ == "__main__":
    sys.exit(main())
