"""What docker/compose.yaml wires together works: each service's own command, environment and files, as processes."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.docker.compose import Compose, Wiring
from tests.prometheus.server import Prometheus
from tests.promtool import program, promtool
from tests.stream.kafka import jars
from tests.stream.kafka.broker import Broker

_PATIENCE_SECONDS = 120.0
TAGGERS = ("tagger-1", "tagger-2")
ROOMS = ("kitchen", "studio")


@pytest.fixture
def wiring(tmp_path: Path) -> Wiring:
    return Wiring(Compose(), tmp_path)


@pytest.fixture
def kafka(wiring: Wiring, tmp_path: Path) -> Iterator[Broker]:
    """A broker with the settings of the service."""
    if reason := jars.needs():
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    folder = tmp_path / "kafka"
    settings = wiring.kafka_settings(folder / "data")
    broker = Broker(folder, port=wiring.port("kafka:19092"), settings=settings)
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()


@pytest.fixture
def server(wiring: Wiring) -> Iterator[Prometheus]:
    """A Prometheus with the files and the command of the service."""
    root, command = wiring.mounted("prometheus"), Compose().services["prometheus"]["command"]
    config = root / "etc" / "prometheus" / "prometheus.yml"
    promtool("check", "config", config)
    _hasten(config)
    local = [each.replace("=/", f"={root}/") for each in command]
    address = wiring.localised("prometheus:9090")
    with (root / "log").open("wb") as log:
        process = subprocess.Popen(
            [program("prometheus"), *local, f"--web.listen-address={address}"], stdout=log, stderr=log
        )
    try:
        yield Prometheus(address)
    finally:
        process.terminate()
        process.wait()


def test_both_taggers_of_the_compose_file_are_seen_at_work(wiring: Wiring, kafka: Broker, server: Prometheus) -> None:
    with wiring.python("topics") as job:
        assert job.wait(_PATIENCE_SECONDS) == 0, wiring.log("topics").read_text()
    with contextlib.ExitStack() as stack:
        running = {name: stack.enter_context(wiring.python(name)) for name in (*ROOMS, *TAGGERS)}

        def none_ended() -> bool:
            for name, process in list(running.items()):
                code = process.poll()
                assert code in (None, 0), f"{name} ended with {code}\n{wiring.log(name).read_text()}"
                if code == 0:  # the demo is over: `restart: always`
                    assert Compose().services[name]["restart"] == "always", name
                    running[name] = stack.enter_context(wiring.python(name))
            return True

        _wait(lambda: none_ended() and all(wiring.is_healthy(name) for name in TAGGERS), "both taggers are healthy")
        # In the end each of the two has a room of its own; at first whoever comes first may have both.
        expected = {wiring.localised(f"{name}:9108") for name in TAGGERS}

        def each_has_a_room() -> bool:
            none_ended()
            found = _asked(server, "moodstream_mood_probability")
            pairs = {(each["metric"]["stream"], each["metric"]["instance"]) for each in found}
            return sorted(room for room, _ in pairs) == sorted(ROOMS) and {owner for _, owner in pairs} == expected

        _wait(each_has_a_room, "each tagger has scored a room of its own, and Prometheus knows")
        # The rules are those of the project, and none of them complains about this deployment.
        _wait(lambda: bool(_asked(server, "stream_mood:moodstream_mood_probability:avg")), "rules record")
        assert not server.firing() & {"MoodstreamDown", "MoodstreamDeadLetters", "MoodstreamTransactionsAborting"}


def _hasten(config: Path) -> None:
    """Ask each second instead of each fifteen."""
    content = yaml.safe_load(config.read_text())
    content["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config.write_text(yaml.safe_dump(content))
    for path in (config.parent / "rules").glob("*.yml"):
        rules = yaml.safe_load(path.read_text())
        for group in rules["groups"]:
            group["interval"] = "1s"
        path.write_text(yaml.safe_dump(rules))


def _asked(server: Prometheus, expression: str) -> list[dict[str, dict[str, str]]]:
    try:
        return server.query(expression)
    except OSError:  # not up yet
        return []


def _wait(is_so: Callable[[], bool], what: str) -> None:
    """Ask again and again: none of them can call back."""
    deadline, pause = time.monotonic() + _PATIENCE_SECONDS, threading.Event()
    while not is_so():
        assert time.monotonic() < deadline, f"not so after {_PATIENCE_SECONDS:g} s: {what}"
        pause.wait(0.2)
