"""Consumers in processes of their own, as a user runs them, and what they put into the topics.

with Listener(broker.bootstrap_servers, topics, tmp_path, "--model", model) as listener:
    listener.await_ready()
    records = results(broker.bootstrap_servers, topics, finals=3)       # waits for them
    listener.get("/metrics")
    listener.stop()                                                     # SIGTERM; 143
# a traceback on its standard error fails the test
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Self

from kafka import KafkaAdminClient
from prometheus_client.parser import text_string_to_metric_families

from tests.stream.command import environment
from tests.stream.kafka import topic_io
from tests.stream.kafka.topic_io import TopicNames

_PATIENCE = 60.0
_LOOK_SECONDS = 0.05
_PORTS = ("--metrics-port", "0")


def names(topics: TopicNames) -> list[str]:
    """The options that name topics and group."""
    pairs = {
        "--topic": topics.input,
        "--output-topic": topics.output,
        "--dlq-topic": topics.dead_letters,
        "--state-topic": topics.state,
        "--group-id": topics.group,
    }
    return [each for pair in pairs.items() for each in pair]


class Listener:
    """One ``python -m stream.listen --kafka``.

    Args:
        servers: the broker.
        topics: its topics and group.
        folder: takes its output and its log.
        arguments: more options.
        env: more of the environment.
    """

    def __init__(self, servers: str, topics: TopicNames, folder: Path, *arguments: str | Path, **env: str) -> None:
        self._servers, self._topics = servers, topics
        count = len(list(folder.glob("listener-*.log")))
        self.log = folder / f"listener-{count}.log"
        self.output = folder / f"listener-{count}.jsonl"
        command = [sys.executable, "-m", "stream.listen", "--kafka", "--bootstrap-servers", servers, *names(topics)]
        command += [*_PORTS, "--output", "jsonl", *map(str, arguments)]
        with self.log.open("wb") as log, self.output.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
                env=environment(PYTHONFAULTHANDLER="1", **env),
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if kind is None:
            assert "Traceback" not in self.said, self.said

    @property
    def said(self) -> str:
        """Its log so far."""
        return self.log.read_text()

    @property
    def shown(self) -> list[dict[str, Any]]:
        """The records on its standard output so far."""
        return [json.loads(line) for line in self.output.read_text().splitlines()]

    def get(self, path: str) -> tuple[int, str]:
        """Ask its HTTP side; the status is 0 where there is none yet."""
        found = re.search(r"metrics and status at (http://\S+)/", self.said)
        if found is None:
            return 0, ""
        try:
            with urllib.request.urlopen(found[1] + path, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def metrics(self) -> dict[str, float]:
        """Its metrics: ``name{label=value,...}``, labels by name, and number."""
        status, text = self.get("/metrics")
        assert status == 200, text
        found = {}
        for family in text_string_to_metric_families(text):
            for each in family.samples:
                labels = ",".join(f"{name}={value}" for name, value in sorted(each.labels.items()))
                found[f"{each.name}{{{labels}}}" if labels else each.name] = each.value
        return found

    def results(self, *, finals: int = 0, estimates: int = 0) -> Results:
        """Wait until so many finals and estimates are out, whoever wrote them, and return all that is."""

        def is_done(records: Sequence[Any]) -> bool:
            assert self.process.poll() is None, f"it ended with {self.process.returncode}\n{self.said}"
            kinds = Counter(json.loads(each.value)["type"] for each in records)
            return kinds["final"] >= finals and kinds["estimate"] >= estimates

        try:
            return parsed(topic_io.read_until(self._servers, self._topics.output, is_done))
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self._where()}") from error

    def await_ready(self) -> Self:
        """Wait until ``/readyz`` says so."""
        self.wait_until(lambda: self.get("/readyz")[0] == 200, "it is ready")
        return self

    def await_said(self, text: str) -> Self:
        """Wait until its log says something."""
        self.wait_until(lambda: text in self.said, f"it says {text!r}")
        return self

    def wait_until(self, is_so: Callable[[], bool], what: str) -> None:
        """Wait until something is so; it must be alive all the while."""
        deadline = time.monotonic() + _PATIENCE
        while not is_so():
            if self.process.poll() is not None:
                raise AssertionError(f"it ended with {self.process.returncode} before {what}\n{self.said}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"not so after {_PATIENCE:g} s: {what}\n{self._where()}")
            time.sleep(_LOOK_SECONDS)  # between two questions to a program that cannot call back

    def kill(self) -> None:
        """End it without a warning (SIGKILL)."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End it in order (SIGTERM)."""
        self.process.send_signal(signal.SIGTERM)
        assert self.await_end() == 128 + signal.SIGTERM, self.said

    def await_end(self) -> int:
        """Wait until it ends by itself and return its exit code."""
        return self.process.wait(_PATIENCE)

    def _where(self) -> str:
        """End it and say what it counted and where it stood."""
        counted = self.get("/metrics")[1]
        self.process.send_signal(signal.SIGABRT)  # faulthandler writes where each thread is
        self.process.wait()
        return f"{counted}\n{self.said}"

    def resident_mb(self) -> float:
        """Memory that it holds, in MB."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def cpu_seconds(self) -> float:
        """Time that it has computed."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass(frozen=True, slots=True)
class Results:
    """The records of an output topic, by what they are."""

    records: list[dict[str, Any]]

    @property
    def finals(self) -> dict[str, list[dict[str, Any]]]:
        """The finals of each stream, in their order."""
        return self._of("final")

    @property
    def estimates(self) -> dict[str, list[dict[str, Any]]]:
        """The estimates of each stream, in their order."""
        return self._of("estimate")

    @property
    def doubled(self) -> list[tuple[Any, ...]]:
        """Windows that are there more than once."""
        found = Counter(
            (each["stream"], each["input"]["session"], each["start_sample"], each["window"])
            for each in self.records
            if each["type"] == "estimate"
        )
        return [window for window, count in found.items() if count > 1]

    @property
    def without_events(self) -> Results:
        """The same without events."""
        return Results([each for each in self.records if each["type"] != "event"])

    def of(self, stream: str) -> list[dict[str, Any]]:
        """All that is said of a stream, in its order."""
        return [each for each in self.records if each["stream"] == stream]

    def _of(self, kind: str) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = {}
        for each in self.records:
            if each["type"] == kind:
                found.setdefault(each["stream"], []).append(each)
        return found


def parsed(records: Iterable[Any]) -> Results:
    """The results that records of the output topic hold."""
    found = []
    for each in records:
        value = json.loads(each.value)
        assert each.key.decode() == value["stream"]
        assert dict(each.headers)["content-type"] == b"application/json"
        found.append(value)
    return Results(found)


def committed(servers: str, topics: TopicNames) -> dict[int, int]:
    """What the group has committed, by partition."""
    admin = KafkaAdminClient(bootstrap_servers=servers)
    try:
        places = admin.list_group_offsets(topics.group)[topics.group]
    finally:
        admin.close()
    return {tp.partition: place.offset for tp, place in places.items() if tp.topic == topics.input}


def await_taken(servers: str, topics: TopicNames, ends: dict[int, int]) -> None:
    """Wait until the group has taken the input up to these offsets."""
    deadline = time.monotonic() + _PATIENCE
    while any(committed(servers, topics).get(partition, 0) < end for partition, end in ends.items()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{committed(servers, topics)} is committed, not {ends}")
        time.sleep(_LOOK_SECONDS)
