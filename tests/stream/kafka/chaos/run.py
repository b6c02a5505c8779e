"""One chaos run from begin to end.

report = run(Options(seed=1, faults=100), folder, show=print)
report.line                             # "seed 1: 100 faults (31 kill, ...) over 412 s, ..."
report.discrepancies, report.problems   # both empty, or something is wrong
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from model.contract import DEFAULT_MODEL, load
from stream.tagging.record import timestamp
from tests.stream.kafka import topic_io
from tests.stream.kafka.broker import Broker
from tests.stream.kafka.chaos import audit, network, topics
from tests.stream.kafka.chaos.audit import Discrepancy
from tests.stream.kafka.chaos.faults import Faults, schedule
from tests.stream.kafka.chaos.members import Members
from tests.stream.kafka.chaos.plan import StreamPlan, prepare
from tests.stream.kafka.chaos.publishers import Publisher
from tests.stream.kafka.chaos.report import Report
from tests.stream.kafka.chaos.truth import Truth, truth

_PUBLISHERS = 3
_MEMBERS = 3
_DRAIN_SECONDS = 180.0
_WARM_SECONDS = 90.0


@dataclasses.dataclass(frozen=True, slots=True)
class Options:
    """What a run is like.

    Attributes:
        seed: chooses sound, repetitions and faults.
        faults: how many.
        minutes: end after so long, whatever faults are left; None: when all are done.
        streams: how many.
        partitions: of input and state.
        speed: seconds of sound a second, of each stream.
        session_timeout: of the group, in seconds.
        assignment: how the group shares the partitions.
        static: static membership.
        idle_seconds: of the consumers; some streams are away for longer.
        model: ``tiny``, ``default`` or a path.
    """

    seed: int = 1
    faults: int = 100
    minutes: float | None = None
    streams: int = 24
    partitions: int = 6
    speed: float = 2.0
    session_timeout: float = 4.0
    assignment: Literal["cooperative-sticky", "range"] = "cooperative-sticky"
    static: bool = False
    idle_seconds: float = 60.0
    model: str = "tiny"


@dataclasses.dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    doing: str
    faults: int = 0
    of: int = 0
    alive: int = 0
    chunks: int = 0


def run(options: Options, broker: Broker, folder: Path, show: Callable[[Progress], None]) -> Report:
    """Run and audit.

    Args:
        options: what it is like.
        broker: one that runs and that nobody else needs.
        folder: for the logs of the consumers; empty.
        show: is told how far it is.

    Raises:
        TimeoutError: nothing works at all.
        RuntimeError: a publisher failed: the run says nothing about the consumers.
    """
    report = _Run(options, folder, broker, show).report()
    (folder / "report.txt").write_text(f"{report}\n")
    return report


class _Run:
    def __init__(self, options: Options, folder: Path, broker: Broker, show: Callable[[Progress], None]) -> None:
        self._options = options
        self._broker = broker
        self._servers = broker.bootstrap_servers
        self._show = show
        self._names = topic_io.unique_names()
        topic_io.create(self._servers, self._names, options.partitions)
        prepare()
        self._model_path = _model(options.model, folder)
        self._model = load(self._model_path)
        self._plans = [
            StreamPlan(options.seed, number, options.partitions, 1.4 * options.idle_seconds)
            for number in range(options.streams)
        ]
        self._publishers = [
            Publisher(
                self._plans[number::_PUBLISHERS],
                self._servers,
                self._names.input,
                number=number,
                seed=options.seed,
                speed=options.speed,
            )
            for number in range(_PUBLISHERS)
        ]
        self._members = Members(folder, self._arguments(), static=options.static)
        self._faults = Faults(
            self._members,
            broker,
            seed=options.seed,
            session_timeout=options.session_timeout,
            wait=self._wait,
            note=self._note,
        )
        self._diary = folder / "faults.log"
        self._seconds = 0.0
        self._calm_at = 0.0  # wall clock at the end of the faults

    def report(self) -> Report:
        try:
            self._disturb()
            self._drain()
        finally:
            self._members.abandon()
        return self._audit()

    def _disturb(self) -> None:
        options = self._options
        for publisher in self._publishers:
            publisher.start()
        for _ in range(_MEMBERS):
            self._members.start()
        self._await_results()
        began = time.monotonic()
        for kind in schedule(options.seed, options.faults):
            self._wait(self._faults.pause())
            if options.minutes is not None and time.monotonic() > began + 60 * options.minutes:
                break
            self._faults.inject(kind)
        self._wait(self._faults.pause())
        self._seconds = time.monotonic() - began
        self._calm_at = time.time()

    def _await_results(self) -> None:
        """Wait for the first results: faults before anything works show little."""
        deadline = time.monotonic() + _WARM_SECONDS
        while not next(topics.each(self._servers, self._names.output), None):
            self._wait(0.5, "until the first result")
            if time.monotonic() > deadline:
                raise TimeoutError(f"no result within {_WARM_SECONDS:g} s: {self._members.problems}")

    def _drain(self) -> None:
        """Let the publishers finish and the group consume the rest; then end the consumers in order."""
        for publisher in self._publishers:
            publisher.finish()
        while any(publisher.is_alive() for publisher in self._publishers):
            self._wait(0.2, "publishers finish")
        group = topics.Group(self._servers, self._names.group, self._names.input)
        try:
            deadline = time.monotonic() + _DRAIN_SECONDS
            while group.lag() and time.monotonic() < deadline:
                self._wait(0.5, "the group consumes the rest")
        finally:
            group.close()
        # Whoever stood still goes on by now, and has its chance to do harm.
        self._wait(self._options.session_timeout + 2, "stragglers")
        self._members.close()

    def _wait(self, seconds: float, doing: str = "faults") -> None:
        """Wait while the run goes on."""
        deadline = time.monotonic() + seconds
        while True:
            self._members.tick(wanted=2)
            if failure := next((each.failure for each in self._publishers if each.failure), None):
                raise RuntimeError(failure)
            self._show(
                Progress(
                    doing,
                    self._faults.counts.total(),
                    self._options.faults,
                    len(self._members.alive),
                    sum(self._counts().values()),
                )
            )
            left = deadline - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(0.1, left))

    def _note(self, what: str) -> None:
        with self._diary.open("a") as diary:
            diary.write(f"{timestamp()} {what}\n")

    def _counts(self) -> dict[str, int]:
        return {name: count for publisher in self._publishers for name, count in list(publisher.counts.items())}

    def _audit(self) -> Report:
        self._show(Progress("audit"))
        names, counts = self._names, self._counts()
        truths: dict[str, Truth] = {}
        computing = threading.Thread(
            target=lambda: truths.update(
                {plan.name: truth(plan, counts.get(plan.name, 0), self._model) for plan in self._plans}
            )
        )
        computing.start()
        for topic in names.topics[1:]:
            topics.wait_for_transactions(self._servers, topic)
        log, chunks = self._read_input()
        records = list(topics.each(self._servers, names.output))
        found, discrepancies = audit.read_results(records, {plan.name: plan.partition for plan in self._plans})
        computing.join()
        for plan in self._plans:
            discrepancies += audit.check_input(truths[plan.name], log[plan.name])
            discrepancies += audit.compare(truths[plan.name], found.pop(plan.name, []))
        for name, others in found.items():
            discrepancies += audit.compare(Truth(name, -1, [], []), others)
        found, _ = audit.read_results(records, {})
        discrepancies += audit.check_shown(self._members.lines(), found)
        for letter in topics.each(self._servers, names.dead_letters):
            why = dict(letter.headers).get("__connect.errors.exception.message", b"").decode(errors="replace")
            discrepancies.append(Discrepancy("wrong", str(letter.key), f"dead letter: {why}"))
        group = topics.Group(self._servers, names.group, names.input)
        try:
            states = topics.each(self._servers, names.state)
            discrepancies += audit.check_states(truths, states, group.committed(), group.ends())
        finally:
            group.close()
        under_fire = sum(record.timestamp / 1000 < self._calm_at for record in records)
        return self._summed_up(truths, discrepancies, under_fire / max(1, len(records)), chunks)

    def _read_input(self) -> tuple[dict[str, list[tuple[int, str, int]]], int]:
        log: dict[str, list[tuple[int, str, int]]] = defaultdict(list)
        chunks = 0
        for record in topics.each(self._servers, self._names.input):
            headers = dict(record.headers)
            place = (record.partition, headers["x-session"].decode(), int(headers["x-seq"]))
            log[bytes(record.key).decode()].append(place)
            chunks += 1
        return log, chunks

    def _summed_up(
        self, truths: dict[str, Truth], discrepancies: list[Discrepancy], under_fire: float, chunks: int
    ) -> Report:
        options = self._options
        faults = ", ".join(f"{count} {kind}" for kind, count in sorted(self._faults.counts.items()))
        kinds = Counter(fact.key[0] for truth in truths.values() for fact in truth.facts)
        wrong = Counter(each.kind for each in discrepancies)
        repeated = sum((publisher.repeated for publisher in self._publishers), Counter[str]())
        restores = self._members.restores()
        how = f"{options.assignment}{', static' if options.static else ''}"
        parts = [
            f"seed {options.seed}: {self._faults.counts.total()} faults ({faults}) over {self._seconds:.0f} s, {how}",
            f"{len(truths)} streams, {kinds['estimate']:,} windows, {kinds['event']:,} events and "
            f"{kinds['final']:,} finals expected, {under_fire:.0%} of them while faults fell: "
            f"{wrong['lost']} lost, {wrong['doubled']} doubled, {wrong['wrong']} wrong",
            f"{chunks:,} chunks, {repeated.total():,} of them sent again",
        ]
        if restores:
            middle, late = (restores[min(len(restores) - 1, int(share * len(restores)))] for share in (0.5, 0.95))
            parts.append(f"{len(restores)} restores, p50 {middle:.2f} s, p95 {late:.2f} s")
        parts.append(f"{self._members.aborted()} transactions aborted")
        if self._members.problems:
            parts.append(f"{len(self._members.problems)} problems of processes")
        notes = [f"{count} x {how}" for how, count in self._members.exits.items()]
        notes += [f"{count} chunks sent again: {why}" for why, count in sorted(repeated.items())]
        notes.append(f"latest chunk: {max(each.slack for each in self._publishers):.1f} s after it was due")
        return Report("; ".join(parts), discrepancies, self._members.problems, notes)

    def _arguments(self) -> list[str]:
        options, names = self._options, self._names
        given = {
            "bootstrap-servers": self._servers,
            "topic": names.input,
            "output-topic": names.output,
            "dlq-topic": names.dead_letters,
            "state-topic": names.state,
            "group-id": names.group,
            "assignment": options.assignment,
            "session-timeout": options.session_timeout,
            "idle-seconds": options.idle_seconds,
            "model": self._model_path,
            "output": "jsonl",
            "metrics-port": "off",
            "log-level": "info",
        }
        return ["--kafka", *(text for name, value in given.items() for text in (f"--{name}", str(value)))]


def _model(name: str, folder: Path) -> Path:
    match name:
        case "tiny":
            return network.save(folder / "chaos.onnx")
        case "default":
            return DEFAULT_MODEL
        case _:
            return Path(name)
