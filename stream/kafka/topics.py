"""The four topics: made as they must be, and looked at before they are used.

    topics = Topics.of(settings)                        # settings: TopicOptions
    partitions = check(connection, topics)              # StreamError: one line for what cannot work
    for line in create(connection, topics, Plan(partitions=8)): print(line)
    findings = inspect(connection, topics)              # all that could be better, too

The state of a stream is written to the partition number of its sound, so these two topics have as many partitions; and
the state's is compacted, for the last record of each stream is all that counts.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kafka import KafkaAdminClient, errors
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError

from stream.common.errors import StreamError
from stream.common.text import count_of
from stream.kafka.client.connection import Connection, connect, worded
from stream.settings.kafka import TopicOptions

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
        return _max_message_bytes(admin, topic) - _FRAME_BYTES
    except errors.KafkaError as error:
        raise StreamError(f"the broker does not say whether there is a topic {topic}: {error}") from None
    finally:
        admin.close()


def _max_message_bytes(admin: Any, topic: str) -> int:
    try:
        told = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)], config_filter="all")
    except errors.AuthorizationError:
        return _DEFAULT_BYTES
    settings = told.get("topic", {}).get(topic, {})
    return int(settings.get("max.message.bytes", {}).get("value") or _DEFAULT_BYTES)


logger = logging.getLogger(__name__)

LARGEST_CHUNK = 192_000 * 2 * 4 + 64_000
"""Bytes of a second of sound at 192 kHz, stereo, float, with its headers."""
_INPUT_BYTES = 16 * 2**20 + 2**18  # the largest chunk of the wire format, with its headers
LARGEST_RECORD = _INPUT_BYTES + 2**18
"""Bytes that a dead letter may take: the largest input, with the headers that say why it is there."""
_DAY_MS = 86_400_000


@dataclasses.dataclass(frozen=True, slots=True)
class Topics:
    """Names of the four topics."""

    input: str
    output: str
    dead_letters: str
    state: str

    @classmethod
    def of(cls, options: TopicOptions) -> Topics:
        """Return the names that the options give."""
        return cls(options.topic, options.output_topic, options.dlq_topic, options.state_topic)

    @property
    def names(self) -> tuple[str, ...]:
        """All four, the input first."""
        return (self.input, self.output, self.dead_letters, self.state)


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """How to make the topics.

    Attributes:
        partitions: of each; how many consumers can share the work.
        replication_factor: copies of each partition; -1: what the broker is set to.
        retention_hours: how long the sound is kept; None: what the broker is set to.
    """

    partitions: int = 8
    replication_factor: int = -1
    retention_hours: float | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """Something about a topic that is not as it should be.

    Attributes:
        topic: its name.
        text: what, as a sentence that follows the name.
        fatal: a consumer cannot work with it.
    """

    topic: str
    text: str
    fatal: bool

    def __str__(self) -> str:
        return f"{self.topic} {self.text}"


@dataclasses.dataclass(frozen=True, slots=True)
class _Found:
    """A topic that is there."""

    partitions: int
    settings: Mapping[str, str]


def check(connection: Connection, topics: Topics) -> int:
    """Return the number of partitions, if a consumer can work with the topics; what is only unwise is logged.

    Raises:
        StreamError: it cannot, or nobody answers; one line.
    """
    with _admin(connection) as admin:
        found = _describe(admin, topics.names)
    findings = _judge(topics, found)
    if fatal := [str(each) for each in findings if each.fatal]:
        raise StreamError("; ".join(fatal))
    for each in findings:
        logger.warning("topic %s", each)
    return found[topics.input].partitions


def inspect(connection: Connection, topics: Topics) -> list[Finding]:
    """Return all that is wrong or unwise about the topics.

    Raises:
        StreamError: nobody answers.
    """
    with _admin(connection) as admin:
        return _judge(topics, _describe(admin, topics.names))


def create(connection: Connection, topics: Topics, plan: Plan) -> list[str]:
    """Make the topics that are missing and return a line for each of the four; those that are there stay as they are.

    Where one of the input's and the state's topic is there, the other gets as many partitions as it has.

    Raises:
        StreamError: nobody answers, or the broker does not make them.
    """
    with _admin(connection) as admin:
        found = _describe(admin, topics.names)
        partners = [found[name].partitions for name in (topics.input, topics.state) if name in found]
        count = partners[0] if partners else plan.partitions
        wanted = {
            name: {"num_partitions": count, "replication_factor": plan.replication_factor, "configs": settings}
            for name, settings in _settings(topics, plan).items()
            if name not in found
        }
        if wanted:
            _make(admin, wanted)
    counts = {name: count if name in wanted else found[name].partitions for name in topics.names}
    return [
        f"{name}: {'made' if name in wanted else 'is there already'}, {_partitions(counts[name], plan)}"
        for name in topics.names
    ]


def _partitions(count: int, plan: Plan) -> str:
    """Return how many there are, and that these are not as many as were asked for, if so."""
    text = count_of(count, "partition")
    return text if count == plan.partitions else f"{text}, not {plan.partitions}: those that are there decide"


def _settings(topics: Topics, plan: Plan) -> dict[str, dict[str, str]]:
    """Return the settings that differ from the broker's, by topic."""
    sound = {"max.message.bytes": str(_INPUT_BYTES)}
    if plan.retention_hours is not None:
        sound["retention.ms"] = str(round(plan.retention_hours * 3_600_000))
    state = {
        "cleanup.policy": "compact",
        # Closed every ten minutes and soon compacted, so that the topic stays as small as what lives in it.
        "segment.ms": "600000",
        "min.cleanable.dirty.ratio": "0.1",
        "max.compaction.lag.ms": "3600000",
        "delete.retention.ms": str(_DAY_MS),
    }
    dead = {"max.message.bytes": str(LARGEST_RECORD)}
    return {topics.input: sound, topics.output: {}, topics.dead_letters: dead, topics.state: state}


def _make(admin: Any, wanted: Mapping[str, Mapping[str, Any]]) -> None:
    answer = admin.create_topics(wanted, raise_errors=False)
    for each in answer["topics"]:
        kind = errors.for_code(each["error_code"])
        if kind not in (errors.NoError, errors.TopicAlreadyExistsError):  # another may have been quicker
            reason = each.get("error_message") or kind.description or kind.__name__
            raise StreamError(f"the broker does not make topic {each['name']}: {reason.rstrip('.')}")
    admin.wait_for_topics(list(wanted))


@contextlib.contextmanager
def _admin(connection: Connection) -> Iterator[Any]:
    admin: Any = connect(lambda: KafkaAdminClient(**connection.config()), connection)
    try:
        yield admin
    except KafkaError as error:
        raise StreamError(f"the brokers at {connection} do not tell of their topics: {worded(error)}") from None
    finally:
        admin.close()


def _describe(admin: Any, names: Sequence[str]) -> dict[str, _Found]:
    """Return the topics that are there, by name."""
    partitions = {}
    for each in admin.describe_topics(list(names)):
        kind = errors.for_code(each["error_code"])
        if kind is errors.NoError:
            partitions[each["name"]] = len(each["partitions"])
        elif kind is not errors.UnknownTopicOrPartitionError:
            raise StreamError(f"topic {each['name']} cannot be looked at: {worded(kind())}")
    if not partitions:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in partitions]
    told = admin.describe_configs(resources, config_filter="all").get("topic", {})
    return {
        name: _Found(count, {key: each["value"] for key, each in told.get(name, {}).items()})
        for name, count in partitions.items()
    }


def _judge(topics: Topics, found: Mapping[str, _Found]) -> list[Finding]:
    findings = [
        Finding(name, "does not exist: python -m stream.topics create", True)
        for name in topics.names
        if name not in found
    ]
    sound, state = found.get(topics.input), found.get(topics.state)
    if sound and state and sound.partitions != state.partitions:
        text = f"has {state.partitions} partitions and {topics.input} has {sound.partitions}: they must have as many"
        findings.append(Finding(topics.state, text, True))
    for name, each in found.items():
        findings += [Finding(name, text, fatal) for text, fatal in _judge_settings(topics, name, each.settings)]
    if (dead := found.get(topics.dead_letters)) and sound and _limit(dead) < _limit(sound):
        text = f"takes {_limit(dead)} bytes a record (max.message.bytes) and {topics.input} takes {_limit(sound)}"
        findings.append(Finding(topics.dead_letters, f"{text}: what is too large for it cannot be kept", False))
    return findings


def _judge_settings(topics: Topics, name: str, settings: Mapping[str, str]) -> Iterator[tuple[str, bool]]:
    """Yield what is not right about a topic's settings, and whether it is fatal."""
    if not settings:
        yield "does not show its settings (DescribeConfigs may not be allowed)", False
        return
    policy = settings.get("cleanup.policy", "delete")
    if name == topics.state:
        if "compact" not in policy:
            yield f"is not compacted: cleanup.policy must be compact, not {policy}", True
        elif "delete" in policy:
            yield "deletes old records: cleanup.policy should be compact alone", False
    elif "compact" in policy:
        lost = "sound" if name == topics.input else "records"
        yield f"is compacted, so {lost} would be lost: cleanup.policy must be delete", name == topics.input
    if name == topics.input:
        if (limit := int(settings.get("max.message.bytes", _DEFAULT_BYTES))) < LARGEST_CHUNK:
            yield f"takes {limit} bytes a record (max.message.bytes): large chunks need {LARGEST_CHUNK}", False
        if settings.get("message.timestamp.type") == "LogAppendTime":
            yield "replaces the time of capture (message.timestamp.type LogAppendTime): latency is not seen", False


def _limit(found: _Found) -> int:
    return int(found.settings.get("max.message.bytes", _DEFAULT_BYTES))
