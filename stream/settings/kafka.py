"""The settings of Kafka (connection, topics, group), of ``stream.topics`` and of ``stream.dead_letters``.

settings = parse(sys.argv[1:], os.environ)       # of stream.dead_letters; UsageError: one line
settings.action, settings.dlq_topic, settings.reason
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from stream.common.errors import UsageError
from stream.settings import table
from stream.settings.command import PRINT_CONFIG, CommandSettings, Help, gather
from stream.settings.table import Kind, options_under

GROUP, SECURITY = "Kafka", "Kafka security"

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
PROTOCOLS: tuple[SecurityProtocol, ...] = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS: tuple[SaslMechanism, ...] = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")

_LEGAL_NAME = re.compile(r"[a-zA-Z0-9._-]{1,249}")


def addresses() -> Kind:
    """Return the kind of one or more ``host:port``, separated by commas; a user in them is a UsageError."""

    def parse(value: str) -> str:
        if "@" in value:  # not quoted: what stands before it may be a password
            raise UsageError("--bootstrap-servers takes HOST:PORT alone: a user is --sasl-username")
        found = [each.strip() for each in value.split(",")]
        for each in found:
            host, colon, port = each.rpartition(":")
            if not host or not colon or not port.isdecimal() or not 1 <= int(port) <= 65535 or "/" in host:
                raise ValueError(each)
        return ",".join(found)

    return Kind("brokers as HOST:PORT, separated by commas", parse, "HOST:PORT")


def kafka_name(what: str, metavar: str) -> Kind:
    """Return the kind of a name that Kafka accepts for a topic or a static member."""

    def parse(value: str) -> str:
        if not _LEGAL_NAME.fullmatch(value) or value in {".", ".."}:
            raise ValueError(value)
        return value

    return Kind(f"{what}: letters, digits, dots, underscores and hyphens", parse, metavar)


_kafka, _secure = options_under(GROUP, "kafka"), options_under(SECURITY, "kafka")
_topics, _letters = options_under("Topics", "topics"), options_under("Letters", "dead_letters")
_TOPIC = kafka_name("a topic's name", "TOPIC")


def input_topic() -> Any:
    """Declare the setting of the topic with the sound."""
    return _kafka("audio.chunks", _TOPIC, "the sound")


def dead_letter_topic() -> Any:
    """Declare the setting of the topic with dead letters."""
    return _kafka("audio.chunks.dlq", _TOPIC, "dead letters: what could not be used")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConnectionOptions:
    """How to reach the brokers, and as whom. None: what the properties file says, else Kafka's default."""

    bootstrap_servers: str | None = _kafka(None, addresses(), "brokers to begin with (localhost:9092 unless given)")
    kafka_properties: Path | None = _secure(
        None,
        table.path("the path of a properties file", "FILE"),
        "a client.properties file of Kafka's tools; every other setting wins over it",
    )
    security_protocol: SecurityProtocol | None = _secure(
        None, table.choice(*PROTOCOLS, metavar="NAME"), "PLAINTEXT (the default), SSL, SASL_PLAINTEXT or SASL_SSL"
    )
    sasl_mechanism: SaslMechanism | None = _secure(
        None, table.choice(*MECHANISMS, metavar="NAME"), "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512 (the default)"
    )
    sasl_username: str | None = _secure(None, table.text("a user's name", "NAME"), "the user")
    sasl_password: str | None = _secure(
        None,
        table.text("a password", "TEXT"),
        "better MOODSTREAM_KAFKA__SASL_PASSWORD or a file: others see command lines",
        secret=True,
    )
    sasl_password_file: Path | None = _secure(
        None, table.path("the path of a file", "FILE"), "a file with the password alone"
    )
    ssl_cafile: Path | None = _secure(
        None,
        table.path("the path of a PEM file", "FILE"),
        "certificates to trust, PEM (those of the system unless given)",
    )
    ssl_certfile: Path | None = _secure(None, table.path("the path of a PEM file", "FILE"), "our own certificate, PEM")
    ssl_keyfile: Path | None = _secure(
        None, table.path("the path of a PEM file", "FILE"), "and its key, if not in the same file"
    )
    ssl_key_password: str | None = _secure(
        None, table.text("a password", "TEXT"), "of the key; better MOODSTREAM_KAFKA__SSL_KEY_PASSWORD", secret=True
    )
    ssl_check_hostname: bool | None = _secure(
        None,
        table.boolean(),
        "the broker's certificate must be for its name (the default)",
        flags={"--ssl-check-hostname": "true", "--no-ssl-check-hostname": "false"},
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class TopicOptions:
    """Names of the four topics."""

    topic: str = input_topic()
    output_topic: str = _kafka("mood.estimates", _TOPIC, "the results")
    dlq_topic: str = dead_letter_topic()
    state_topic: str = _kafka("mood.state", _TOPIC, "how far each stream is, to continue after a crash")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConsumerOptions:
    """How the group works together; durations in seconds."""

    group_id: str = _kafka(
        "moodstream", table.text("a group's name", "GROUP"), "consumers of one group share the partitions"
    )
    group_instance_id: str | None = _kafka(
        None, kafka_name("a member's name", "NAME"), "static membership: a restart under this name keeps its partitions"
    )
    assignment: Literal["cooperative-sticky", "range"] = _kafka(
        "cooperative-sticky", table.choice("cooperative-sticky", "range"), "how the group shares them"
    )
    session_timeout: float = _kafka(
        10.0, table.seconds(1), "seconds without a heartbeat after which a member loses its partitions"
    )
    max_poll_interval: float = _kafka(
        60.0, table.seconds(1, 86_400), "seconds without a poll after which a member loses its partitions"
    )
    start_from: Literal["earliest", "latest"] = _kafka(
        "earliest", table.choice("earliest", "latest"), "where a new group begins"
    )
    max_batch: int = _kafka(500, table.integer(1, 100_000, "a number of records"), "records in a transaction, at most")
    idle_seconds: float = _kafka(
        30.0,
        table.seconds(0, 86_400, above=True),
        "seconds without records, by their timestamps, after which a stream has ended",
    )
    max_streams: int = _kafka(
        1000,
        table.integer(1, 1_000_000, "a number of streams"),
        "streams of a partition at most; records of others become dead letters",
    )
    watchdog_seconds: float = _kafka(
        120.0, table.seconds(0, 86_400), "seconds in one call after which a process ends itself; 0: never"
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class TopicSettings(TopicOptions, ConnectionOptions, CommandSettings):
    """How to make the topics, and where."""

    partitions: int = _topics(
        8,
        table.integer(1, 10_000, "a number of partitions"),
        "partitions of each topic, the most taggers that can share the work",
    )
    replication_factor: int | None = _topics(
        None,
        table.integer(1, 100, "a number of copies"),
        "copies of each partition (what the broker is set to unless given)",
    )
    retention_hours: float | None = _topics(
        None,
        table.number(0, 1_000_000, "hours", "HOURS", above=True),
        "how long the sound is kept (what the broker is set to unless given)",
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


Action = Literal["list", "resend", "print-config"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeadLettersSettings(ConnectionOptions, CommandSettings):
    """All settings of a run, checked."""

    action: Action = "list"

    dlq_topic: str = dead_letter_topic()
    reason: str | None = _letters(None, table.text("a reason", "REASON"), "only those with this reason")
    limit: int | None = _letters(
        None, table.integer(1, 1_000_000, "a number of letters"), "of list: only the last so many (all)"
    )
    output: Literal["text", "jsonl"] = _letters(
        "text", table.choice("text", "jsonl"), "of list: lines for people, or JSON"
    )
    dry_run: bool = _letters(False, table.boolean(), "of resend: only say what would be sent")
    from_beginning: bool = _letters(False, table.boolean(), "of resend: also what was sent again before")


_ONLY_WITH = {"limit": "list", "output": "list", "dry_run": "resend", "from_beginning": "resend"}


def parse(argv: Sequence[str], environ: Mapping[str, str]) -> DeadLettersSettings:
    """Return the settings: a flag wins over an environment variable, that over the YAML file, that over the default.

    Prints and raises ``SystemExit(0)`` for ``--help`` and ``--version``.

    Args:
        argv: the command line without the program's name.
        environ: the environment.

    Raises:
        UsageError: something is wrong with the settings, in one line.
    """
    gathered = gather(DeadLettersSettings, HELP, argv, environ)
    settings = gathered.settings(DeadLettersSettings)
    for name, action in _ONLY_WITH.items():
        if name in gathered.flags and settings.action not in (action, "print-config"):
            raise UsageError(f"--{name.replace('_', '-')} belongs to {action}, not to {settings.action}")
    return settings


HELP = Help(
    usage="python -m stream.dead_letters list|resend [OPTION...]",
    description="""\
Records that could not be used stand in a topic of their own, each with what was
wrong with it. This shows them, or sends them to the topic they came from.""",
    epilog="""\
Examples:
  python -m stream.dead_letters list --limit 20 --bootstrap-servers broker:9092
  python -m stream.dead_letters list --reason undecodable --output jsonl
  python -m stream.dead_letters resend --reason not_scored --dry-run

How far letters were sent is kept as the offsets of the group DLQ_TOPIC.resend, so
a second run sends what is new. A stream that has gone on since drops what comes
after: resending mends streams that nobody heard, and no gap in the past.

Exit codes: 0 all well (letters that cannot be sent are counted and said), 1 Kafka
could not be read or written, 2 the call was wrong, 130 and 143 stopped by Ctrl-C
and SIGTERM.
""",
    groups={
        "Letters": "YAML section dead_letters",
        GROUP: "YAML section kafka",
        SECURITY: "YAML section kafka; secrets are never shown",
        "Log": "YAML section log",
    },
    words={"list": "show them", "resend": "send them once more"},
    actions={"print-config": PRINT_CONFIG},
)
"""The command's headings, in order, and actions."""
