"""Makes a client of kafka-python that leaves nothing behind if it cannot be made.

producer = construct(KafkaProducer, **config)       # raises what the constructor raises

A constructor that fails leaves its thread and its sockets to nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from kafka.net.compat import KafkaNetClient

T = TypeVar("T")


def construct(make: Callable[..., T], **config: Any) -> T:
    """Return ``make(**config)``; if it fails, its connections are closed first."""
    clients: list[Any] = []

    def make_client(**settings: Any) -> Any:
        clients.append(KafkaNetClient(**settings))
        return clients[-1]

    try:
        return make(**config, kafka_client=make_client)
    except BaseException:  # of any kind, Ctrl-C too: it is raised again
        for client in clients:
            client.close()
        raise
