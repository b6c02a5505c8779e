"""The broker that all tests of a package share. It ends with them: one that nobody uses takes a seventh of a core.

from tests.stream.kafka.shared import broker     # in the package's conftest.py

def test_something(broker): broker.bootstrap_servers
"""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from tests.stream.kafka import jars
from tests.stream.kafka.broker import Broker

Kind = TypeVar("Kind", bound=Broker)


@dataclasses.dataclass(frozen=True, slots=True)
class UsersBroker:
    """A broker that KAFKA_BOOTSTRAP_SERVERS names: it is used, and neither stopped nor looked into."""

    bootstrap_servers: str
    is_ours = False


@pytest.fixture(scope="package")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker | UsersBroker]:
    """The broker that all tests of a package share: nobody stops it. That of KAFKA_BOOTSTRAP_SERVERS, if it is set."""
    if servers := os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        yield UsersBroker(servers)
    else:
        yield from run_broker(Broker, tmp_path_factory.mktemp("kafka"))


def run_broker(kind: type[Kind], folder: Path) -> Iterator[Kind]:
    """Yield a broker that runs, and end it."""
    _need_java()
    broker = kind(folder)
    broker.start()
    try:
        yield broker
        broker.stop()
    finally:
        broker.kill()
        shutil.rmtree(broker.data, ignore_errors=True)  # the log stays in the test's folder


def _need_java() -> None:
    if reason := jars.needs():
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
