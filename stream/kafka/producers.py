"""The producers that send sound, one after the other: idempotent, in order, and patient.

connect_producer = producers(connection, largest)
producer = connect_producer()                # StreamError: why there is none, in one line
producer = connect_producer()                # the one after it failed: quiet and quick, to be tried again
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kafka import KafkaProducer

from stream.kafka.client.connection import Connection, connect, construct

PRODUCER: dict[str, Any] = {
    "acks": "all",
    "enable_idempotence": True,
    "max_in_flight_requests_per_connection": 5,
    "compression_type": None,  # FLAC is compressed, and PCM hardly can be by what Kafka has
    "delivery_timeout_ms": 2**31 - 1,  # nothing expires: a batch that did would be a hole in the order
    "linger_ms": 5,
    "max_block_ms": 5_000,
    "allow_auto_create_topics": False,
}
"""What a producer of sound is told besides the connection."""

_BATCH_BYTES = 500_000

_RETRY_SECONDS = 3.0
"""So long an attempt takes to reach a broker that was there before."""


def producers(connection: Connection, largest: int, **config: Any) -> Callable[[], Any]:
    """Return what makes a producer: it raises StreamError if the first cannot be made, KafkaError for a later one.

    Args:
        connection: where to, and as whom.
        largest: record that the topic takes, in bytes.
        config: more for the first producer.
    """
    sizes = {"max_request_size": largest, "batch_size": min(largest, _BATCH_BYTES)}
    made = 0

    def make(**more: Any) -> Any:
        return KafkaProducer(**{**connection.config(), **PRODUCER, **sizes, **more})

    def connect_producer() -> Any:
        nonlocal made
        made += 1
        if made == 1:
            return connect(lambda: make(**config), connection)
        return construct(make, bootstrap_timeout_ms=int(1000 * _RETRY_SECONDS))

    return connect_producer
