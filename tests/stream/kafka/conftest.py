"""A real broker for the tests: one for the whole session, started when the first test asks for it."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.stream.kafka import client, jars
from tests.stream.kafka.broker import Broker
from tests.stream.kafka.client import TopicNames
from tests.stream.kafka.members import Join, Member
from tests.stream.kafka.secured import SecuredBroker

_Kind = TypeVar("_Kind", bound=Broker)


@dataclasses.dataclass(frozen=True, slots=True)
class UsersBroker:
    """A broker that KAFKA_BOOTSTRAP_SERVERS names: it is used, and neither stopped nor looked into."""

    bootstrap_servers: str
    is_ours = False


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker | UsersBroker]:
    """The broker that all tests share: nobody stops it. That of KAFKA_BOOTSTRAP_SERVERS, if it is set."""
    if servers := os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        yield UsersBroker(servers)
    else:
        yield from _run(Broker, tmp_path_factory.mktemp("kafka"))


@pytest.fixture(scope="session")
def _breakable_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    yield from _run(Broker, tmp_path_factory.mktemp("own-kafka"))


@pytest.fixture
def own_broker(_breakable_broker: Broker) -> Broker:
    """A broker that is always started by us and is the test's own while it runs: it may kill, pause and restart it.
    Every test finds it running."""
    _breakable_broker.start()
    _breakable_broker.resume()  # a test that failed may have left it paused
    return _breakable_broker


@pytest.fixture(scope="session")
def secured_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    """A broker with passwords and TLS, always started by us; nobody stops it."""
    yield from _run(SecuredBroker, tmp_path_factory.mktemp("secured-kafka"))


@pytest.fixture
def topic_names(broker: Broker | UsersBroker) -> Iterator[TopicNames]:
    """Names of topics that are not there yet (``client.create`` makes them); deleted at the end."""
    names = client.unique_names()
    yield names
    client.delete(broker.bootstrap_servers, names)


@pytest.fixture
def topics(broker: Broker | UsersBroker, topic_names: TopicNames) -> TopicNames:
    """The four topics, with 2 partitions each and the state compacted; deleted at the end."""
    client.create(broker.bootstrap_servers, topic_names)
    return topic_names


@pytest.fixture
def join(broker: Broker | UsersBroker, topic_names: TopicNames) -> Iterator[Join]:
    """Makes a member of the test's group; all leave at the end."""
    with contextlib.ExitStack() as stack:

        def make(**options: Any) -> Member:
            member = Member(broker.bootstrap_servers, topic_names, **options)
            stack.callback(member.consumer.close)
            return member

        yield make


def _run(kind: type[_Kind], folder: Path) -> Iterator[_Kind]:
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
