"""The topic that sound is sent to, asked about before anything is sent.

    largest = largest_record(connection, "audio.chunks")     # StreamError: there is no such topic

One record that is larger than the broker takes ends kafka-python's idempotent producer and fails all others that are on
their way, so it must not get that far.
"""

from __future__ import annotations

from typing import Any

from kafka import KafkaAdminClient, errors
from kafka.admin import ConfigResource, ConfigResourceType

from stream.common.errors import StreamError
from stream.kafka.client.connection import Connection, connect

_DEFAULT_BYTES = 1_048_588
"""Kafka's own ``message.max.bytes``, where a topic does not show its settings."""

_FRAME_BYTES = 100
"""What a batch takes besides its records, at most."""


def largest_record(connection: Connection, topic: str) -> int:
    """Return how large a record of a topic may be, in bytes with all that belongs to it.

    Raises:
        StreamError: the broker cannot be reached or does not let us, or there is no such topic.
    """
    admin: Any = connect(lambda: KafkaAdminClient(**connection.config()), connection)
    try:
        found = admin.describe_topics([topic])
        code = found[0]["error_code"] if found else errors.UnknownTopicOrPartitionError.errno
        if code == errors.UnknownTopicOrPartitionError.errno:
            raise StreamError(
                f"there is no topic {topic}; make it with: "
                f"python -m stream.topics create --topic {topic} --bootstrap-servers {connection}"
            )
        if code:
            raise StreamError(f"the topic {topic} cannot be used: {errors.for_code(code).__name__}")
        return _limit(admin, topic) - _FRAME_BYTES
    except errors.KafkaError as error:
        raise StreamError(f"the broker does not say whether there is a topic {topic}: {error}") from None
    finally:
        admin.close()


def _limit(admin: Any, topic: str) -> int:
    try:
        told = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)], config_filter="all")
    except errors.AuthorizationError:
        return _DEFAULT_BYTES
    settings = told.get("topic", {}).get(topic, {})
    return int(settings.get("max.message.bytes", {}).get("value") or _DEFAULT_BYTES)
