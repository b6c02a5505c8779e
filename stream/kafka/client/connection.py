"""The way to the brokers: what every client of kafka-python is given, and errors in one line.

    connection = Connection.of(settings)                   # settings: ConnectionOptions
    consumer = connect(lambda: KafkaConsumer(**connection.config(), group_id="g"), connection)

``connect`` raises StreamError where kafka-python would be silent for long or raise something of its own: nobody
answers, the password is wrong, a certificate is not trusted.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from kafka import KafkaAdminClient
from kafka import errors as kafka_errors
from kafka.errors import KafkaError
from kafka.net.compat import KafkaNetClient
from kafka.net.sasl import get_sasl_mechanism
from kafka.protocol.parser import KafkaProtocol
from kafka.protocol.sasl import SaslAuthenticateRequest, SaslHandshakeRequest

from stream.common.errors import StreamError
from stream.common.retry import Throttle
from stream.common.stop import Stop
from stream.kafka.client.credentials import resolve
from stream.settings.kafka import ConnectionOptions, SaslMechanism, SecurityProtocol

_said_by_client = logging.getLogger("stream.kafka.client")

_LIBRARY = logging.getLogger("kafka")
_OF_A_RECORD = ("InvalidRecordError", "InvalidTimestampError", "MessageSizeTooLargeError", "RecordListTooLargeError")
_ABOUT_CONNECTIONS = ("kafka.net", "kafka.cluster", "kafka.producer.sender")


def hush() -> None:
    """Let kafka-python speak through our logger, from warnings on, and repeat itself rarely."""
    _translator()
    _LIBRARY.setLevel(logging.WARNING)
    _LIBRARY.propagate = False


@contextlib.contextmanager
def heard_errors() -> Iterator[list[BaseException]]:
    """Collect the exceptions that kafka-python logs inside the block, and keep its lines out of our log."""
    hush()
    collectors, errors = _translator().collectors, list[BaseException]()
    collectors[id(errors)] = errors
    try:
        yield errors
    finally:
        del collectors[id(errors)]


def _translator() -> _Translator:
    found = next((handler for handler in _LIBRARY.handlers if isinstance(handler, _Translator)), None)
    if found is None:
        found = _Translator()
        _LIBRARY.addHandler(found)
    return found


def _error_in(record: logging.LogRecord) -> BaseException | None:
    arguments = record.args if isinstance(record.args, tuple) else ()
    return next((each for each in arguments if isinstance(each, BaseException)), None)


class _Translator(logging.Handler):
    """Hands on a warning at most every 30 s: those about connections are one, of others each kind."""

    def __init__(self) -> None:
        super().__init__()
        self._throttle = Throttle(again_after=30.0)
        self.collectors: dict[int, list[BaseException]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        error = _error_in(record)
        # By its name: kafka is imported where a client is made, and not before.
        lost = record.name.startswith(_ABOUT_CONNECTIONS) or type(error).__name__ == "KafkaConnectionError"
        if self.collectors:
            for collector in list(self.collectors.values()):
                collector.extend([error] if error is not None else [])
            return
        if lost and (error is None or record.name.startswith("kafka.net.sasl")):
            return  # another line of the same event says why; passwords in the clear are ours to warn of
        if "NotCoordinatorError" in record.getMessage():  # each new group meets it once, and looks again
            return
        if type(error).__name__ == "Cancelled":  # by closing the client, which is our own doing
            return
        if record.name.startswith("kafka.producer") and type(error).__name__ in _OF_A_RECORD:
            return  # whoever sent the record hears of it
        kind = "connection" if lost else f"{record.name}: {record.msg}"
        if not self._throttle.allows(kind):
            return
        if lost and error is not None:
            _said_by_client.warning("a broker's connection failed and is tried again: %s", worded(error))
        else:
            _said_by_client.log(record.levelno, "%s", record.getMessage())


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


def answer_to_login(connection: Connection, sock: socket.socket, host: str) -> Exception | None:
    """Log in and return the broker's error, or None.

    Args:
        connection: has a user.
        sock: connected, and encrypted if it is to be; it blocks.
        host: what it is connected to.

    Raises:
        OSError: the broker hangs up without an answer, or is silent.
    """
    parser: Any = KafkaProtocol(client_id="moodstream")
    answer = _ask(sock, parser, SaslHandshakeRequest(version=1, mechanism=connection.sasl_mechanism))
    if answer.error_code:
        refused: Exception = kafka_errors.for_code(answer.error_code)()
        return refused
    mechanism = get_sasl_mechanism(connection.sasl_mechanism)(host=host, **connection.config())
    while not mechanism.is_done():
        answer = _ask(sock, parser, SaslAuthenticateRequest(version=1, auth_bytes=mechanism.auth_bytes()))
        if answer.error_code:
            failed: Exception = kafka_errors.SaslAuthenticationFailedError(answer.error_message)
            return failed
        mechanism.receive(answer.auth_bytes)
    return None


def _ask(sock: socket.socket, parser: Any, request: Any) -> Any:
    parser.send_request(request)
    sock.sendall(parser.send_bytes())
    while data := sock.recv(4096):
        for _, answer in parser.receive_bytes(data):
            return answer
    raise ConnectionResetError("the broker hung up")


_PROBE_S = 3.0
_HOSTNAME_MISMATCH, _ADDRESS_MISMATCH = 62, 64  # of OpenSSL's X509_V_ERR


@dataclasses.dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong: a line, and whether it is certain that waiting does not mend it."""

    text: str
    lasting: bool


def worded(error: BaseException) -> str:
    """Return a library's error as one line without its class and number."""
    text = " ".join(str(error).split()).rpartition("Error: ")[2]
    described = getattr(error, "description", None)
    if text.endswith(type(error).__name__) and described:
        return " ".join(described.split()).rstrip(".")
    return text or type(error).__name__


def diagnose(connection: Connection, errors: Sequence[BaseException]) -> Trouble:
    """Say why a client could not be made."""
    return _refused(connection, errors) or _unreachable(connection) or _login(connection) or _silent(connection)


def _refused(connection: Connection, errors: Sequence[BaseException]) -> Trouble | None:
    """Find what the broker itself said."""
    for error in errors:
        match error:
            case kafka_errors.SaslAuthenticationFailedError():
                who = f"user {connection.username} with {connection.sasl_mechanism}"
                return Trouble(f"the broker at {connection} refuses {who}: name or password is wrong", True)
            case kafka_errors.UnsupportedSaslMechanismError():
                what = f"{connection.sasl_mechanism}: choose another --sasl-mechanism"
                return Trouble(f"the broker at {connection} does not know {what}", True)
            case kafka_errors.IllegalSaslStateError():
                better = "SSL" if connection.tls is not None else "PLAINTEXT"
                return Trouble(f"{connection} takes no users: --security-protocol {better}", True)
            case kafka_errors.IncompatibleBrokerVersion() | kafka_errors.UnsupportedVersionError():
                return Trouble(f"{connection} serves no clients: is it a controller's port?", True)
    return None


def _unreachable(connection: Connection) -> Trouble | None:
    """Try each address by hand: the lasting trouble of one, else that of the first, or None if one is fine."""
    found = [_probe(connection, *_split(server)) for server in connection.bootstrap_servers]
    lasting = next((each for each in found if each is not None and each.lasting), None)
    return lasting or (None if None in found else found[0])


def _split(server: str) -> tuple[str, int]:
    host, _, port = server.rpartition(":")
    return host.strip("[]"), int(port)


def _probe(connection: Connection, host: str, port: int) -> Trouble | None:
    name = f"{host}:{port}"
    try:
        with socket.create_connection((host, port), timeout=_PROBE_S) as plain:
            return _probe_tls(connection.tls, plain, host, name) if connection.tls else _probe_clear(plain, name)
    except socket.gaierror:
        return Trouble(f"no broker answers at {name}: the host is not known", False)
    except TimeoutError:
        return Trouble(f"no broker answers at {name}: no answer within {_PROBE_S:.0f} s", False)
    except ConnectionRefusedError:
        return Trouble(f"no broker answers at {name}: connection refused", False)
    except OSError as error:
        return Trouble(f"no broker answers at {name}: {error.strerror or error}", False)


def _probe_tls(context: ssl.SSLContext, plain: socket.socket, host: str, name: str) -> Trouble | None:
    try:
        with context.wrap_socket(plain, server_hostname=host) as wrapped:
            wrapped.settimeout(1.0)
            wrapped.recv(1)  # with TLS 1.3, a missing certificate of ours is said only now
    except TimeoutError:
        return None  # the handshake is over and the broker waits for us, as it should
    except (ssl.SSLError, ConnectionResetError) as error:
        return _tls_trouble(error, name)
    return None


def _tls_trouble(error: OSError, name: str) -> Trouble:
    reason = getattr(error, "reason", None) or ""
    if isinstance(error, ssl.SSLCertVerificationError):
        message = error.verify_message.rstrip(".")
        if error.verify_code in (_HOSTNAME_MISMATCH, _ADDRESS_MISMATCH):
            return Trouble(f"the certificate of {name} is for another name: {message}", True)
        return Trouble(f"the certificate of {name} is not trusted ({message}): --ssl-cafile", True)
    if "ALERT" in reason and any(word in reason for word in ("CERTIFICATE", "UNKNOWN_CA", "HANDSHAKE")):
        return Trouble(f"{name} wants a certificate of ours that it trusts: --ssl-certfile", True)
    return Trouble(f"{name} does not speak TLS: --security-protocol PLAINTEXT or SASL_PLAINTEXT", True)


def _probe_clear(plain: socket.socket, name: str) -> Trouble | None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # nothing is sent: it is only asked whether TLS is spoken
    try:
        with context.wrap_socket(plain):
            return Trouble(f"{name} speaks TLS: --security-protocol SSL or SASL_SSL", True)
    except OSError:  # what a broker in the clear does with it: it hangs up, or is silent
        return None


def _login(connection: Connection) -> Trouble | None:
    """Log in by hand and say what the broker answers, which kafka-python may have missed."""
    if connection.sasl_mechanism is None:
        return None
    host, port = _split(connection.bootstrap_servers[0])
    try:
        with socket.create_connection((host, port), timeout=_PROBE_S) as plain:
            tls = connection.tls
            with tls.wrap_socket(plain, server_hostname=host) if tls else plain as sock:
                error = answer_to_login(connection, sock, host)
    except OSError:
        return None
    return _refused(connection, [error]) if error is not None else None


def _silent(connection: Connection) -> Trouble:
    """Say what is left: something answers there, and then hangs up."""
    if connection.sasl_mechanism is None:
        better = "SASL_SSL" if connection.tls is not None else "SASL_PLAINTEXT"
        hint = f"if it wants a user: --security-protocol {better}"
    else:
        hint = f"it hangs up while user {connection.username} logs in"
    return Trouble(f"{connection} answers, but not as a broker that is ready: {hint}", False)


logger = logging.getLogger(__name__)


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
            StreamError: a file cannot be read or is not what it should be.
        """
        wanted = resolve(options)
        assert wanted.bootstrap_servers is not None and wanted.security_protocol is not None  # resolve() has seen to it
        tls = None
        if wanted.encrypted:
            from stream.kafka.client.credentials import make_context  # noqa: PLC0415 -- only where it is used

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
    # Tried often: a broker that refuses a user hangs up, and kafka-python may see that before it reads why.
    config = connection.config() | {"reconnect_backoff_max_ms": 100}
    config["bootstrap_timeout_ms"] = int(1000 * timeout_s)
    with heard_errors() as errors:
        try:
            construct(KafkaAdminClient, **config).close()
        except KafkaError as error:
            return diagnose(connection, [*errors, error])
    return None
