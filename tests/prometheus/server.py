"""A real Prometheus, and our rules in a hurry.

rules = hastened(tmp_path / "rules", seconds=2)
with prometheus(tmp_path, ["127.0.0.1:9108"], rules) as server:
    server.query("moodstream_source_up")             # [{"metric": {...}, "value": [...]}]
    server.wait_until_firing("MoodstreamSourceDown")
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.promtool import program, promtool

_RULES = Path(__file__).parents[2] / "docker" / "prometheus" / "rules"
_READY_SECONDS = 30.0
_PATIENCE_SECONDS = 60.0
_LISTENING = re.compile(r'msg="Listening on" address=(\S+)')


def hastened(folder: Path, seconds: int) -> Path:
    """Write our rules into a folder so that alerts fire at once, and those of old sound or silence after seconds."""
    folder.mkdir()
    for path in _RULES.glob("*.yml"):
        content = yaml.safe_load(path.read_text())
        for group in content["groups"]:
            group["interval"] = "500ms"
            for rule in group["rules"]:
                rule.pop("for", None)
                rule["expr"] = re.sub(r"(?<=timestamp_seconds > )\d+", str(seconds), rule["expr"])
        (folder / path.name).write_text(yaml.safe_dump(content))
        promtool("check", "rules", folder / path.name)
    return folder


class Prometheus:
    """One that runs."""

    def __init__(self, address: str) -> None:
        self._address = address

    @property
    def url(self) -> str:
        """Its address, without a path."""
        return f"http://{self._address}"

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The result of an instant query."""
        result: list[dict[str, Any]] = self._get("query?" + urllib.parse.urlencode({"query": expression}))["result"]
        return result

    def firing(self) -> set[str]:
        """Names of the alerts that fire."""
        return {one["labels"]["alertname"] for one in self._get("alerts")["alerts"] if one["state"] == "firing"}

    def wait_until_firing(self, name: str) -> None:
        """Wait until this alert fires."""
        self._wait(lambda: name in self.firing(), lambda: f"{self.firing()} fire, and not {name}")

    def wait_until_resolved(self, name: str) -> None:
        """Wait until this alert fires no longer."""
        self._wait(lambda: name not in self.firing(), lambda: f"{name} fires still")

    def wait_for(self, expression: str) -> None:
        """Wait until a query has a result."""
        self._wait(lambda: bool(self.query(expression)), lambda: f"nothing is {expression}")

    def _wait(self, met: Callable[[], bool], otherwise: Callable[[], str]) -> None:
        """Ask again and again: Prometheus tells nobody by itself."""
        deadline, pause = time.monotonic() + _PATIENCE_SECONDS, threading.Event()
        while not met():
            assert time.monotonic() < deadline, otherwise()
            pause.wait(0.1)

    def _get(self, path: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://{self._address}/api/v1/{path}", timeout=10) as answer:
            data: dict[str, Any] = json.load(answer)["data"]
        return data


@contextlib.contextmanager
def prometheus(folder: Path, targets: Sequence[str], rules: Path) -> Iterator[Prometheus]:
    """Run one that asks these taggers twice a second, until the end of the block."""
    content = {
        "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "500ms"},
        "rule_files": [f"{rules}/*.yml"],
        "scrape_configs": [{"job_name": "moodstream", "static_configs": [{"targets": list(targets)}]}],
    }
    config, log = folder / "prometheus.yml", folder / "prometheus.log"
    config.write_text(yaml.safe_dump(content))
    command = [program("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}"]
    with log.open("w") as out:
        process = subprocess.Popen([*command, "--web.listen-address=127.0.0.1:0"], stdout=out, stderr=out)
    try:
        yield Prometheus(_address(process, log))
    finally:
        process.terminate()
        process.wait()


def address_of(tagger: subprocess.Popen[str]) -> str:
    """Read the tagger's log until it says where its metrics are, and return host and port."""
    assert tagger.stderr is not None
    said = ""
    while (found := re.search(r"metrics and status at http://(\S+)/", said)) is None:
        line = tagger.stderr.readline()
        assert line, said
        said += line
    return found[1]


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Return where it listens, once it is ready."""
    deadline, pause = time.monotonic() + _READY_SECONDS, threading.Event()
    while "ready to receive web requests" not in (said := log.read_text()):
        assert process.poll() is None, said
        assert time.monotonic() < deadline, said
        pause.wait(0.05)
    found = _LISTENING.search(said)
    assert found is not None, said
    return found[1]
