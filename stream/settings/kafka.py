"""The settings of ``stream.dead_letters``.

settings = parse(sys.argv[1:], os.environ)       # UsageError: one line that says what is wrong
settings.action, settings.dlq_topic, settings.reason
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from stream.common.errors import UsageError
from stream.settings import table as kinds
from stream.settings.command import PRINT_CONFIG, CommandSettings, Help, gather
from stream.settings.table import Kind, option

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


def _topic(default: str, summary: str, key: str) -> str:
    topic: str = option(
        default,
        kafka_name("a topic's name", "TOPIC"),
        GROUP,
        summary,
        key=f"kafka.{key}",
        flags="--" + key.replace("_", "-"),
    )
    return topic


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConnectionOptions:
    """How to reach the brokers, and as whom. None: what the properties file says, else Kafka's default."""

    bootstrap_servers: str | None = option(
        None,
        addresses(),
        GROUP,
        "brokers to begin with (localhost:9092 unless given)",
        key="kafka.bootstrap_servers",
        flags="--bootstrap-servers",
    )
    kafka_properties: Path | None = option(
        None,
        kinds.path("the path of a properties file", "FILE"),
        SECURITY,
        "a client.properties file of Kafka's tools; all else wins over it",
        key="kafka.properties",
        flags="--kafka-properties",
    )
    security_protocol: SecurityProtocol | None = option(
        None,
        kinds.choice(*PROTOCOLS, metavar="NAME"),
        SECURITY,
        "PLAINTEXT (the default), SSL, SASL_PLAINTEXT or SASL_SSL",
        key="kafka.security_protocol",
        flags="--security-protocol",
    )
    sasl_mechanism: SaslMechanism | None = option(
        None,
        kinds.choice(*MECHANISMS, metavar="NAME"),
        SECURITY,
        "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512 (the default)",
        key="kafka.sasl_mechanism",
        flags="--sasl-mechanism",
    )
    sasl_username: str | None = option(
        None,
        kinds.text("a user's name", "NAME"),
        SECURITY,
        "the user",
        key="kafka.sasl_username",
        flags="--sasl-username",
    )
    sasl_password: str | None = option(
        None,
        kinds.text("a password", "TEXT"),
        SECURITY,
        "others see command lines: better MOODSTREAM_KAFKA__SASL_PASSWORD, or a file",
        key="kafka.sasl_password",
        flags="--sasl-password",
        secret=True,
    )
    sasl_password_file: Path | None = option(
        None,
        kinds.path("the path of a file", "FILE"),
        SECURITY,
        "a file with the password alone",
        key="kafka.sasl_password_file",
        flags="--sasl-password-file",
    )
    ssl_cafile: Path | None = option(
        None,
        kinds.path("the path of a PEM file", "FILE"),
        SECURITY,
        "certificates to trust, PEM (those of the system unless given)",
        key="kafka.ssl_cafile",
        flags="--ssl-cafile",
    )
    ssl_certfile: Path | None = option(
        None,
        kinds.path("the path of a PEM file", "FILE"),
        SECURITY,
        "our own certificate, PEM",
        key="kafka.ssl_certfile",
        flags="--ssl-certfile",
    )
    ssl_keyfile: Path | None = option(
        None,
        kinds.path("the path of a PEM file", "FILE"),
        SECURITY,
        "and its key, if not in the same file",
        key="kafka.ssl_keyfile",
        flags="--ssl-keyfile",
    )
    ssl_key_password: str | None = option(
        None,
        kinds.text("a password", "TEXT"),
        SECURITY,
        "of the key; better MOODSTREAM_KAFKA__SSL_KEY_PASSWORD",
        key="kafka.ssl_key_password",
        flags="--ssl-key-password",
        secret=True,
    )
    ssl_check_hostname: bool | None = option(
        None,
        kinds.boolean(),
        SECURITY,
        "the broker's certificate must be for its name (the default)",
        key="kafka.ssl_check_hostname",
        flags={"--ssl-check-hostname": "true", "--no-ssl-check-hostname": "false"},
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class TopicOptions:
    """Names of the four topics."""

    topic: str = _topic("audio.chunks", "the sound", "topic")
    output_topic: str = _topic("mood.estimates", "the results", "output_topic")
    dlq_topic: str = _topic("audio.chunks.dlq", "dead letters: what could not be used", "dlq_topic")
    state_topic: str = _topic("mood.state", "where each stream is, to go on after a crash", "state_topic")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConsumerOptions:
    """How the group works together; durations in seconds."""

    group_id: str = option(
        "moodstream",
        kinds.text("a group's name", "GROUP"),
        GROUP,
        "consumers of one group share the partitions",
        key="kafka.group_id",
        flags="--group-id",
    )
    group_instance_id: str | None = option(
        None,
        kafka_name("a member's name", "NAME"),
        GROUP,
        "static membership: a restart under this name keeps its partitions",
        key="kafka.group_instance_id",
        flags="--group-instance-id",
    )
    assignment: Literal["cooperative-sticky", "range"] = option(
        "cooperative-sticky",
        kinds.choice("cooperative-sticky", "range"),
        GROUP,
        "how the group shares them",
        key="kafka.assignment",
        flags="--assignment",
    )
    session_timeout: float = option(
        10.0,
        kinds.seconds(1),
        GROUP,
        "a member silent so long loses its partitions",
        key="kafka.session_timeout",
        flags="--session-timeout",
    )
    max_poll_interval: float = option(
        60.0,
        kinds.seconds(1, 86_400),
        GROUP,
        "and so does one that asks for no records so long",
        key="kafka.max_poll_interval",
        flags="--max-poll-interval",
    )
    start_from: Literal["earliest", "latest"] = option(
        "earliest",
        kinds.choice("earliest", "latest"),
        GROUP,
        "where a new group begins",
        key="kafka.start_from",
        flags="--start-from",
    )
    max_batch: int = option(
        500,
        kinds.integer(1, 100_000, "a number of records"),
        GROUP,
        "records in a transaction, at most",
        key="kafka.max_batch",
        flags="--max-batch",
    )
    idle_seconds: float = option(
        30.0,
        kinds.seconds(0, 86_400, above=True),
        GROUP,
        "a stream without records for so long, by their time, has ended",
        key="kafka.idle_seconds",
        flags="--idle-seconds",
    )
    max_streams: int = option(
        1000,
        kinds.integer(1, 1_000_000, "a number of streams"),
        GROUP,
        "streams held of a partition; the records of more are dead letters",
        key="kafka.max_streams",
        flags="--max-streams",
    )
    watchdog_seconds: float = option(
        120.0,
        kinds.seconds(0, 86_400),
        GROUP,
        "a process that hangs so long ends itself; 0: never",
        key="kafka.watchdog_seconds",
        flags="--watchdog-seconds",
    )


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


Action = Literal["list", "resend", "print-config"]

LETTERS = "Letters"

_DLQ_TOPIC: Any = next(each for each in dataclasses.fields(TopicOptions) if each.name == "dlq_topic")


def _own(default: Any, kind: kinds.Kind, summary: str, name: str) -> Any:
    return option(default, kind, LETTERS, summary, key=f"dead_letters.{name}", flags="--" + name.replace("_", "-"))


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeadLettersSettings(ConnectionOptions, CommandSettings):
    """All settings of a run, checked."""

    action: Action = "list"

    dlq_topic: str = dataclasses.field(default=_DLQ_TOPIC.default, metadata=_DLQ_TOPIC.metadata)
    reason: str | None = _own(None, kinds.text("a reason", "REASON"), "only those with this reason", "reason")
    limit: int | None = _own(
        None, kinds.integer(1, 1_000_000, "a number of letters"), "of list: only the last so many (all)", "limit"
    )
    output: Literal["text", "jsonl"] = _own(
        "text", kinds.choice("text", "jsonl"), "of list: lines for people, or JSON", "output"
    )
    dry_run: bool = _own(False, kinds.boolean(), "of resend: only say what would be sent", "dry_run")
    from_beginning: bool = _own(False, kinds.boolean(), "of resend: also what was sent again before", "from_beginning")


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
        LETTERS: "YAML section dead_letters",
        GROUP: "YAML section kafka",
        SECURITY: "YAML section kafka; secrets are never shown",
        "Log": "YAML section log",
    },
    words={"list": "show them", "resend": "send them once more"},
    actions={"print-config": PRINT_CONFIG},
)
"""The command's headings, in order, and actions."""
