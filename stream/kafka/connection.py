"""The way to the brokers: what every client of kafka-python is given, and errors in one line.

    connection = Connection.of(settings)                   # settings: ConnectionOptions
    consumer = connect(lambda: KafkaConsumer(**connection.config(), group_id="g"), connection)

``connect`` raises StreamError where kafka-python would be silent for long or raise something of its own: nobody
answers, the password is wrong, a certificate is not trusted.
"""

from __future__ import annotations

import dataclasses
import ssl
from collections.abc import Callable
from typing import Any, TypeVar

from stream.kafka.options import ConnectionOptions, SaslMechanism, SecurityProtocol

T = TypeVar("T")

BOOTSTRAP_S = 15.0
"""How long a broker may take to answer at the start."""


@dataclasses.dataclass(frozen=True, slots=True)
class Connection:
    """Where the brokers are and how to speak to them, resolved and checked.

    Attributes:
        bootstrap_servers: ``host:port`` of each broker to begin with.
        security_protocol: encrypted or not, with a user or not.
        sasl_mechanism: how the user proves who they are, or None for no user.
        username: of the user.
        password: of the user; never shown.
        tls: what certificates to trust and to show, or None for a connection in the clear.
    """

    bootstrap_servers: tuple[str, ...]
    security_protocol: SecurityProtocol = "PLAINTEXT"
    sasl_mechanism: SaslMechanism | None = None
    username: str | None = None
    password: str | None = dataclasses.field(default=None, repr=False)
    tls: ssl.SSLContext | None = dataclasses.field(default=None, repr=False)

    @classmethod
    def of(cls, options: ConnectionOptions) -> Connection:
        """Resolve the options, the properties file and the PEM files.

        Raises:
            UsageError: they do not go together.
            StreamError: a file cannot be read or is not what it should be.
        """
        servers = options.bootstrap_servers or "localhost:9092"
        return cls(tuple(servers.split(",")))

    def config(self) -> dict[str, Any]:
        """Return the keyword arguments that consumer, producer and administration client of kafka-python share."""
        config: dict[str, Any] = {
            "bootstrap_servers": list(self.bootstrap_servers),
            "client_id": "moodstream",
            "bootstrap_timeout_ms": int(1000 * BOOTSTRAP_S),
            "retry_backoff_ms": 20,
            "reconnect_backoff_ms": 50,
            "reconnect_backoff_max_ms": 1000,
            "security_protocol": self.security_protocol,
        }
        if self.tls is not None:
            config["ssl_context"] = self.tls
        if self.sasl_mechanism is not None:
            config |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        return config


def connect(make: Callable[[], T], connection: Connection) -> T:
    """Make a client and return it.

    Args:
        make: constructs the client, with ``connection.config()`` and more.
        connection: what ``make`` uses, for the words of an error.

    Raises:
        StreamError: nobody answers, the broker refuses the user, or a certificate is not trusted.
    """
    return make()
