"""What docker/compose.yaml says, and the same wiring without containers: every service a process on this machine.

compose = Compose()
compose.services["tagger-1"]["command"]
wiring = Wiring(compose, tmp_path)
wiring.localised("kafka:19092")                 # "127.0.0.1:25341": a free port for each of the containers'
with wiring.python("topics") as process: ...    # the service's own command and environment
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.docker.dockerfile import Dockerfile
from tests.stream.command import environment
from tests.stream.kafka.ports import free_ports

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
FILE = DOCKER / "compose.yaml"
_NOT_SETTINGS = ("KAFKA_HEAP_OPTS",)


@dataclasses.dataclass(frozen=True, slots=True)
class Mount:
    """A volume of a service; ``source`` is a path of the project, or the name of a volume."""

    source: Path | str
    target: str
    mode: str


class Compose:
    """The file, parsed."""

    def __init__(self) -> None:
        self.content: dict[str, Any] = yaml.safe_load(FILE.read_text())
        self.services: dict[str, dict[str, Any]] = self.content["services"]

    def mounts(self, service: str) -> list[Mount]:
        """The volumes of a service."""
        found = []
        for each in self.services[service].get("volumes", []):
            source, target, *mode = each.split(":")
            found.append(Mount((DOCKER / source) if source.startswith(".") else source, target, "".join(mode)))
        return found

    def ports(self, service: str) -> list[tuple[str, int, int]]:
        """The ports of a service: address and port of this machine, port of the container."""
        split = [each.split(":") for each in self.services[service].get("ports", [])]
        return [(host, int(outside), int(inside)) for host, outside, inside in split]

    def of_project(self) -> list[str]:
        """Services that run our image."""
        return [name for name, service in self.services.items() if "build" in service]


class Wiring:
    """The services' addresses and files on this machine.

    Args:
        compose: the file.
        folder: takes the files that are mounted, with addresses of this machine in them.
    """

    def __init__(self, compose: Compose, folder: Path) -> None:
        self._compose, self._folder = compose, folder
        inside = ["kafka:19092", "kafka:9092", "kafka:29093", "tagger-1:9108", "tagger-2:9108", "prometheus:9090"]
        self._addresses = {
            each: f"127.0.0.1:{port}" for each, port in zip(inside, free_ports(len(inside)), strict=True)
        }

    def localised(self, text: str) -> str:
        """Return a text with the containers' addresses replaced by those of this machine."""
        return re.sub(r"\b[a-z][a-z0-9-]*:\d+", lambda found: self._addresses.get(found[0], found[0]), text)

    def port(self, address: str) -> int:
        """The port on this machine of a container's address."""
        return int(self._addresses[address].partition(":")[2])

    def mounted(self, service: str) -> Path:
        """Lay out what a service has mounted below a folder of its own, and return that."""
        root = self._folder / service
        for mount in self._compose.mounts(service):
            target = root / mount.target.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            match mount.source:
                case str():
                    target.mkdir()
                case Path() if mount.source.is_dir():
                    shutil.copytree(mount.source, target)
                case Path():
                    target.write_text(self.localised(mount.source.read_text()))
        return root

    def kafka_settings(self, data: Path) -> dict[str, str]:
        """What Kafka's image makes of its environment, with addresses of this machine."""
        given = self._compose.services["kafka"]["environment"]
        ports = {each: str(self.port(f"kafka:{each}")) for each in ("19092", "9092", "29093")}
        found = {}
        for name, value in given.items():
            if not name.startswith("KAFKA_") or name in _NOT_SETTINGS:
                continue
            local = self.localised(value)
            local = re.sub(r"//(?:127\.0\.0\.1)?:(\d+)", lambda at: f"//127.0.0.1:{ports.get(at[1], at[1])}", local)
            found[name.removeprefix("KAFKA_").lower().replace("_", ".")] = local
        (mount,) = self._compose.mounts("kafka")
        assert found["log.dirs"] == mount.target
        return {**found, "log.dirs": str(data)}

    def environment(self, service: str) -> dict[str, str]:
        """The environment of a service of ours: that of the image and its own."""
        image = {key: value for key, value in Dockerfile().environment.items() if key.startswith("MOODSTREAM_")}
        # On this machine nothing listens for others, and two cannot have one port.
        image["MOODSTREAM_METRICS__HOST"] = "127.0.0.1"
        address = f"{service}:{image['MOODSTREAM_METRICS__PORT']}"
        if address in self._addresses:
            image["MOODSTREAM_METRICS__PORT"] = str(self.port(address))
        own = self._compose.services[service]["environment"]
        return {**image, **{key: self.localised(value) for key, value in own.items()}}

    @contextlib.contextmanager
    def python(self, service: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a service of ours until the end of the block; its log is ``log(service)``."""
        entrypoint, _, *arguments = [*Dockerfile().entrypoint, *self._compose.services[service]["command"]]
        assert entrypoint == "python"
        with self.log(service).open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                env=environment(**self.environment(service)),
                cwd=self._folder,
            )
        try:
            yield process
        finally:
            process.terminate()
            process.wait()

    def log(self, service: str) -> Path:
        """What a service writes to standard error."""
        return self._folder / f"{service}.log"

    def is_healthy(self, service: str) -> bool:
        """Run the image's health check for a service."""
        port = str(self.port(f"{service}:9108"))
        command = [each.replace("9108", port) for each in Dockerfile().health_check]
        assert command[0] == "python", shlex.join(command)
        done = subprocess.run([sys.executable, *command[1:]], check=False, capture_output=True, env=dict(os.environ))
        return done.returncode == 0
