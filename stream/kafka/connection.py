"""The way to the brokers: what every client of kafka-python is given, and errors in one line.

    connection = Connection.of(settings)                   # settings: ConnectionOptions
    consumer = connect(lambda: KafkaConsumer(**connection.config(), group_id="g"), connection)

``connect`` raises StreamError where kafka-python would be silent for long or raise something of its own: nobody
answers, the password is wrong, a certificate is not trusted.
"""

from __future__ import annotations

import dataclasses
import logging
import ssl
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from stream.common.errors import StreamError, need_kafka
from stream.common.stop import Stop
from stream.kafka.credentials import resolve
from stream.settings.kafka import ConnectionOptions, SaslMechanism, SecurityProtocol

if TYPE_CHECKING:
    from stream.kafka.trouble import Trouble

logger = logging.getLogger(__name__)

T = TypeVar("T")

BOOTSTRAP_S = 15.0
"""How long a broker may take to answer at the start."""
_FIRST_ATTEMPT_S = 1.5
_SHORTEST_ATTEMPT_S = 0.5
_POLL_S = 0.05


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
            StreamError: a file cannot be read or is not what it should be, or kafka-python is not installed.
        """
        need_kafka()
        wanted = resolve(options)
        assert wanted.bootstrap_servers is not None and wanted.security_protocol is not None  # resolve() has seen to it
        tls = None
        if wanted.encrypted:
            from stream.kafka.tls import make_context  # noqa: PLC0415 -- only where it is used

            tls = make_context(wanted)
        if wanted.security_protocol == "SASL_PLAINTEXT" and wanted.mechanism == "PLAIN":
            logger.warning("SASL_PLAINTEXT with PLAIN sends the password in the clear: SASL_SSL does not")
        return cls(
            bootstrap_servers=tuple(wanted.bootstrap_servers.split(",")),
            security_protocol=wanted.security_protocol,
            sasl_mechanism=wanted.mechanism if wanted.named else None,
            username=wanted.username if wanted.named else None,
            password=wanted.password if wanted.named else None,
            tls=tls,
        )

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
            name = self.username or ""
            if self.sasl_mechanism.startswith("SCRAM"):  # RFC 5802's saslname, which kafka-python leaves to its caller
                name = name.replace("=", "=3D").replace(",", "=2C")
            config |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": name,
                "sasl_plain_password": self.password,
            }
        return config

    def __str__(self) -> str:
        return ",".join(self.bootstrap_servers)


def connect(make: Callable[[], T], connection: Connection, timeout_s: float = BOOTSTRAP_S) -> T:
    """Make a client and return it.

    Waits for a broker that is not there yet; what waiting cannot mend (a wrong password, a certificate that is not
    trusted) is said at once.

    Args:
        make: constructs the client, with ``connection.config()`` and more.
        connection: what ``make`` uses.
        timeout_s: how long to wait for a broker, in seconds.

    Raises:
        StreamError: nobody answers, the broker refuses the user, or a certificate is not trusted.
    """
    from kafka.errors import KafkaError  # noqa: PLC0415 -- an extra, and slow to import

    from stream.kafka.client_log import hush  # noqa: PLC0415
    from stream.kafka.trouble import worded  # noqa: PLC0415

    hush()
    until = time.monotonic() + timeout_s
    while True:
        _await_broker(connection, timeout_s)
        try:
            return make()
        except KafkaError as error:  # it may have gone again just now
            if not error.retriable or time.monotonic() > until:
                raise StreamError(f"Kafka at {connection}: {worded(error)}") from None


def await_broker(connection: Connection, stop: Stop) -> bool:
    """Wait for a broker as ``connect`` does, and say whether to go on: False as soon as a stop is asked for.

    Raises:
        StreamError: nobody answers, the broker refuses the user, or a certificate is not trusted.
    """
    met: list[StreamError] = []

    def wait() -> None:
        try:
            _await_broker(connection, BOOTSTRAP_S)
        except StreamError as error:
            met.append(error)

    # kafka-python's constructors are deaf for seconds; a stop leaves the thread behind, and the process ends.
    thread = threading.Thread(target=wait, name="await-broker", daemon=True)
    thread.start()
    while thread.is_alive():
        if stop.requested:
            return False
        thread.join(_POLL_S)
    if met:
        raise met[0]
    return not stop.requested


def _await_broker(connection: Connection, timeout_s: float) -> None:
    """Wait until a broker takes us in.

    Raises:
        StreamError: none does, and why.
    """
    began = time.monotonic()
    patience = _FIRST_ATTEMPT_S  # of one attempt; only after it can be said what is wrong, so the first is short
    while (trouble := _attempt(connection, max(_SHORTEST_ATTEMPT_S, min(patience, timeout_s)))) is not None:
        left = began + timeout_s - time.monotonic()
        if trouble.lasting:
            raise StreamError(trouble.text)
        if left <= 0:
            raise StreamError(f"{trouble.text} (waited {timeout_s:.0f} s)")
        if patience == _FIRST_ATTEMPT_S:
            logger.warning("%s; waiting for it up to %.0f s", trouble.text, timeout_s)
        patience = min(2 * patience, left)


def _attempt(connection: Connection, timeout_s: float) -> Trouble | None:
    """Try once to reach a broker and return the trouble that was met, or None."""
    from kafka import KafkaAdminClient  # noqa: PLC0415 -- an extra, and slow to import
    from kafka.errors import KafkaError  # noqa: PLC0415

    from stream.kafka.client_log import heard_errors  # noqa: PLC0415
    from stream.kafka.construct import construct  # noqa: PLC0415
    from stream.kafka.trouble import diagnose  # noqa: PLC0415

    # Tried often: a broker that refuses a user hangs up, and kafka-python may see that before it reads why.
    config = connection.config() | {"reconnect_backoff_max_ms": 100}
    config["bootstrap_timeout_ms"] = int(1000 * timeout_s)
    with heard_errors() as errors:
        try:
            construct(KafkaAdminClient, **config).close()
        except KafkaError as error:
            return diagnose(connection, [*errors, error])
    return None
