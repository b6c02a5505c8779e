"""The settings of ``stream.topics``.

settings = parse_command(TopicSettings, TOPICS, sys.argv[1:], os.environ)
settings.action                     # "create", "check" or "print-config"
"""

from __future__ import annotations

import dataclasses

from stream import kinds
from stream.command import PRINT_CONFIG, CommandSettings
from stream.kafka.options import GROUP, SECURITY, ConnectionOptions, TopicOptions
from stream.options import option
from stream.parser import Help


@dataclasses.dataclass(frozen=True, kw_only=True)
class TopicSettings(TopicOptions, ConnectionOptions, CommandSettings):
    """How to make the topics, and where."""

    partitions: int = option(
        8,
        kinds.integer(1, 10_000, "a number of partitions"),
        "Topics",
        "of each; so many consumers can share the work",
        key="topics.partitions",
        flags="--partitions",
    )
    replication_factor: int | None = option(
        None,
        kinds.integer(1, 100, "a number of copies"),
        "Topics",
        "copies of each partition (what the broker is set to unless given)",
        key="topics.replication_factor",
        flags="--replication-factor",
    )
    retention_hours: float | None = option(
        None,
        kinds.number(0, 1_000_000, "hours", "HOURS", above=True),
        "Topics",
        "how long the sound is kept (what the broker is set to unless given)",
        key="topics.retention_hours",
        flags="--retention-hours",
    )


TOPICS = Help(
    usage="python -m stream.topics create|check [OPTION...]",
    description="""\
Makes the four Kafka topics that stream.listen --kafka works with, or says what
is wrong with those that are there.""",
    epilog="""\
Examples:
  python -m stream.topics create --bootstrap-servers broker:9092 --partitions 32
  python -m stream.topics check --config config/kafka.yaml

Every option is an environment variable and a YAML key as well, as in
stream.listen --help: --topic is MOODSTREAM_KAFKA__TOPIC, and topic: in kafka:.

Exit codes: 0 the topics are as they must be, 1 they are not or nobody answers,
2 the call was wrong.
""",
    groups={
        "Topics": "of create; YAML section topics",
        GROUP: "YAML section kafka",
        SECURITY: "YAML section kafka; secrets are never shown",
        "Log": "YAML section log",
    },
    words={"create": "make those that are missing", "check": "say what is wrong"},
    actions={"print-config": PRINT_CONFIG},
)
"""The command's headings, in order, and actions."""
