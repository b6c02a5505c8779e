"""Why there is no connection, in words that say what to do.

trouble = diagnose(connection, errors)       # errors: what kafka-python raised and logged
trouble.text, trouble.lasting                # "localhost:9092 speaks TLS: --security-protocol SSL", True

kafka-python raises the same timeout whatever is wrong. What the broker said of the user is among the errors that it
logs; for the rest, the same address is tried once more by hand, where the standard library says what it meets.
"""

from __future__ import annotations

import dataclasses
import socket
import ssl
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kafka import errors as kafka_errors

from stream.kafka.login import answer_to_login

if TYPE_CHECKING:
    from stream.kafka.connection import Connection

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
