"""What the commands that speak to Kafka can be told: mixins of a settings class.

    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Settings(TopicOptions, ConnectionOptions, CommandSettings): ...

    settings = parse_command(Settings, HELP, sys.argv[1:], os.environ)
    connection = Connection.of(settings)                # which kafka-python is told: see connection.py

Each option is a flag, an environment variable and a YAML key: ``--topic``, ``MOODSTREAM_KAFKA__TOPIC``, ``topic:`` in
the section ``kafka:``. A client.properties file of Java's (``--kafka-properties``) is weaker than all three, so what it
may say as well has no default here: :class:`~stream.kafka.connection.Connection` has.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Literal

from stream import kinds
from stream.common.errors import UsageError
from stream.kinds import Kind
from stream.options import option

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
