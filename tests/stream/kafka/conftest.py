"""Topics and members on the broker that the tests here share (``shared.py``), and brokers that may be broken."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.stream.kafka import topic_io
from tests.stream.kafka.broker import Broker
from tests.stream.kafka.members import Join, Member
from tests.stream.kafka.secured import SecuredBroker
from tests.stream.kafka.shared import UsersBroker, broker, run_broker
from tests.stream.kafka.topic_io import TopicNames

__all__ = ["broker"]


@pytest.fixture(scope="package")
def _breakable_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    yield from run_broker(Broker, tmp_path_factory.mktemp("own-kafka"))


@pytest.fixture
def own_broker(_breakable_broker: Broker) -> Broker:
    """A broker that is always started by us and is the test's own while it runs: it may kill, pause and restart it.
    Every test finds it running."""
    _breakable_broker.start()
    _breakable_broker.resume()  # a test that failed may have left it paused
    return _breakable_broker


@pytest.fixture(scope="package")
def secured_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    """A broker with passwords and TLS, always started by us; nobody stops it."""
    yield from run_broker(SecuredBroker, tmp_path_factory.mktemp("secured-kafka"))


@pytest.fixture
def topic_names(broker: Broker | UsersBroker) -> Iterator[TopicNames]:
    """Names of topics that are not there yet (``topic_io.create`` makes them); deleted at the end."""
    names = topic_io.unique_names()
    yield names
    topic_io.delete(broker.bootstrap_servers, names)


@pytest.fixture
def topics(broker: Broker | UsersBroker, topic_names: TopicNames) -> TopicNames:
    """The four topics, with 2 partitions each and the state compacted; deleted at the end."""
    topic_io.create(broker.bootstrap_servers, topic_names)
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
