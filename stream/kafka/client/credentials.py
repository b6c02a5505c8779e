"""Who we are and whom we trust: the options and the properties file put together, the stronger first.

    wanted = resolve(settings)               # settings: ConnectionOptions
    wanted.security_protocol, wanted.username, wanted.cafile, ...

Flags, environment and YAML have been merged into the options before; a properties file fills in what they leave open.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import re
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from stream.common.errors import StreamError, UsageError
from stream.settings.kafka import MECHANISMS, PROTOCOLS, ConnectionOptions, SaslMechanism, SecurityProtocol, addresses

_LONGEST = 1_000_000
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_KEY = re.compile(r"((?:\\.|[^\\=:\s])*)\s*[=:]?\s*(.*)", re.DOTALL)
_JAAS = re.compile(r"""\s*([\w.$]+)\s+(?:required|requisite|sufficient|optional)\b(.*?);?\s*""", re.DOTALL)
_PAIR = re.compile(r"""\s*([\w.]+)\s*=\s*(?:"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'|([^\s;"']+))""", re.DOTALL)


def read_properties(path: Path) -> dict[str, str]:
    """Return the keys and values of a Java properties file in UTF-8; of a key given twice, the last value.

    Raises:
        StreamError: it cannot be read.
    """
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_LONGEST + 1)
    except OSError as error:
        raise StreamError(f"--kafka-properties {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise StreamError(f"--kafka-properties {path}: it is not UTF-8 text") from None
    if len(text) > _LONGEST:
        raise StreamError(f"--kafka-properties {path}: more than {_LONGEST} characters is no properties file")
    found = {}
    for line in _logical_lines(text):
        if match := _KEY.fullmatch(line):
            found[_unescaped(match[1])] = _unescaped(match[2]).rstrip()
    return found


@dataclasses.dataclass(frozen=True, slots=True)
class Jaas:
    """A ``sasl.jaas.config``: who logs in and how.

    Attributes:
        module: the login module's class without its package.
        options: what it is given; may hold a password.
    """

    module: str
    options: Mapping[str, str] = dataclasses.field(repr=False)


def parse_jaas(text: str) -> Jaas | None:
    """Return a ``sasl.jaas.config`` taken apart, or None where it is none."""
    match = _JAAS.fullmatch(text)
    if match is None:
        return None
    options, at = {}, 0
    while pair := _PAIR.match(match[2], at):
        quoted = pair[2] if pair[2] is not None else pair[3]
        options[pair[1]] = pair[4] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        at = pair.end()
    return None if match[2][at:].strip() else Jaas(match[1].rpartition(".")[2], options)


def _logical_lines(text: str) -> Iterator[str]:
    """Yield the lines that say something, continuations joined."""
    held = ""
    for line in re.split(r"\r\n|\n|\r", text):
        stripped = line.lstrip()
        if not held and (not stripped or stripped[0] in "#!"):
            continue
        backslashes = len(stripped) - len(stripped.rstrip("\\"))
        if backslashes % 2:
            held += stripped[:-1]
            continue
        yield held + stripped
        held = ""
    if held:
        yield held


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)) if match[1] else _ESCAPES.get(match[2], match[2]), text)


logger = logging.getLogger(__name__)

_MODULES: Mapping[str, SaslMechanism | None] = {"PlainLoginModule": "PLAIN", "ScramLoginModule": None}
_USED = {
    *("bootstrap.servers", "security.protocol", "sasl.mechanism", "sasl.jaas.config"),
    *("ssl.truststore.type", "ssl.truststore.location", "ssl.truststore.certificates", "ssl.truststore.password"),
    *("ssl.keystore.type", "ssl.keystore.location", "ssl.keystore.key", "ssl.keystore.certificate.chain"),
    *("ssl.keystore.password", "ssl.key.password", "ssl.endpoint.identification.algorithm"),
}
_KNOWN_SECTIONS = (
    *("auto.", "client.", "connections.", "default.api.", "enable.", "fetch.", "group.", "heartbeat.", "interceptor."),
    *("isolation.", "key.", "max.", "metadata.", "metric", "partition", "receive.", "reconnect.", "request."),
    *("retry.", "send.", "session.", "socket.", "value.", "acks", "batch.", "buffer.", "compression.", "delivery."),
    *("linger.", "retries", "transaction", "sasl.client.", "sasl.kerberos.", "sasl.login.", "sasl.oauthbearer."),
    *("ssl.cipher.", "ssl.enabled.", "ssl.engine.", "ssl.keymanager.", "ssl.protocol", "ssl.provider", "ssl.secure."),
    "ssl.trustmanager.",
)


@dataclasses.dataclass(slots=True)
class Credentials:
    """What is wanted of a connection, from all layers; None: nothing said it. Secrets are in no repr."""

    bootstrap_servers: str | None = None
    security_protocol: SecurityProtocol | None = None
    mechanism: SaslMechanism | None = None
    username: str | None = None
    password: str | None = dataclasses.field(default=None, repr=False)
    cafile: Path | None = None
    ca_pem: str | None = dataclasses.field(default=None, repr=False)
    certfile: Path | None = None
    keyfile: Path | None = None
    cert_pem: str | None = dataclasses.field(default=None, repr=False)
    key_password: str | None = dataclasses.field(default=None, repr=False)
    check_hostname: bool | None = None

    @property
    def encrypted(self) -> bool:
        """Whether the connection is."""
        return self.security_protocol in ("SSL", "SASL_SSL")

    @property
    def named(self) -> bool:
        """Whether the broker wants to know the user."""
        return self.security_protocol in ("SASL_PLAINTEXT", "SASL_SSL")


def resolve(options: ConnectionOptions) -> Credentials:
    """Return what the options want, the gaps filled from the properties file and by defaults.

    Raises:
        UsageError: it does not go together; one line.
        StreamError: a file cannot be read or used.
    """
    if options.sasl_password is not None and options.sasl_password_file is not None:
        raise UsageError("the password was given twice: --sasl-password and --sasl-password-file")
    wanted = Credentials(
        bootstrap_servers=options.bootstrap_servers,
        security_protocol=options.security_protocol,
        mechanism=options.sasl_mechanism,
        username=options.sasl_username,
        password=_password_in(options.sasl_password_file) if options.sasl_password_file else options.sasl_password,
        cafile=options.ssl_cafile,
        certfile=options.ssl_certfile,
        keyfile=options.ssl_keyfile,
        key_password=options.ssl_key_password,
        check_hostname=options.ssl_check_hostname,
    )
    if options.kafka_properties is not None:
        _fill(wanted, options.kafka_properties)
    wanted.bootstrap_servers = wanted.bootstrap_servers or "localhost:9092"
    wanted.security_protocol = wanted.security_protocol or "PLAINTEXT"
    _check(wanted, options)
    if wanted.named:
        wanted.mechanism = wanted.mechanism or "SCRAM-SHA-512"
    return wanted


def _fill(wanted: Credentials, path: Path) -> None:
    """Fill in what is still open from a properties file."""
    found = read_properties(path)
    place = f"--kafka-properties {path}"
    _name_the_rest(found, place)
    if wanted.bootstrap_servers is None and "bootstrap.servers" in found:
        wanted.bootstrap_servers = _addresses(found["bootstrap.servers"], place)
    if wanted.security_protocol is None and (protocol := found.get("security.protocol")):
        wanted.security_protocol = next((each for each in PROTOCOLS if each == protocol.upper()), None)
        if wanted.security_protocol is None:
            raise UsageError(f"{place}: security.protocol needs one of {', '.join(PROTOCOLS)}, not {protocol!r}")
    if wanted.named:
        _fill_user(wanted, found, place)
    if wanted.encrypted:
        _fill_stores(wanted, found, place)


def _fill_user(wanted: Credentials, found: Mapping[str, str], place: str) -> None:
    if wanted.mechanism is None and (mechanism := found.get("sasl.mechanism")):
        wanted.mechanism = next((each for each in MECHANISMS if each == mechanism.upper()), None)
        if wanted.mechanism is None:
            raise UsageError(f"{place}: sasl.mechanism {mechanism} is not supported; {', '.join(MECHANISMS)} are")
    if "sasl.jaas.config" not in found or (wanted.username is not None and wanted.password is not None):
        return
    jaas = parse_jaas(found["sasl.jaas.config"])
    if jaas is None:
        raise UsageError(f"{place}: sasl.jaas.config needs the form: MODULE required username=... password=...;")
    if jaas.module not in _MODULES:
        raise UsageError(f"{place}: {jaas.module} is not supported; {' and '.join(_MODULES)} are")
    wanted.mechanism = wanted.mechanism or _MODULES[jaas.module]
    # A user of the command line's never goes with the password of the file's.
    if wanted.username is None:
        wanted.username = jaas.options.get("username")
    elif wanted.username != jaas.options.get("username"):
        return
    if wanted.password is None:
        wanted.password = jaas.options.get("password")


def _fill_stores(wanted: Credentials, found: Mapping[str, str], place: str) -> None:
    if wanted.cafile is None:
        wanted.ca_pem = found.get("ssl.truststore.certificates") or None
        if wanted.ca_pem is None and (store := found.get("ssl.truststore.location")):
            to_pem = "-nokeys -out ca.pem, then --ssl-cafile ca.pem"
            wanted.cafile = _pem_store(store, found.get("ssl.truststore.type", "JKS"), to_pem, place)
    if wanted.certfile is None:
        key, chain = found.get("ssl.keystore.key"), found.get("ssl.keystore.certificate.chain")
        if key and chain:
            wanted.cert_pem = f"{key}\n{chain}\n"
        elif store := found.get("ssl.keystore.location"):
            to_pem = "-nodes -out client.pem, then --ssl-certfile client.pem"
            wanted.certfile = _pem_store(store, found.get("ssl.keystore.type", "JKS"), to_pem, place)
        wanted.key_password = wanted.key_password or found.get("ssl.key.password") or None
    algorithm = found.get("ssl.endpoint.identification.algorithm")
    if wanted.check_hostname is None and algorithm is not None:
        if algorithm.lower() not in {"https", ""}:
            raise UsageError(
                f"{place}: ssl.endpoint.identification.algorithm needs https or nothing, not {algorithm!r}"
            )
        wanted.check_hostname = bool(algorithm)


def _pem_store(location: str, kind: str, to_pem: str, place: str) -> Path:
    match kind.upper():
        case "PEM":
            return Path(location)
        case "PKCS12":
            raise UsageError(f"{place}: a PKCS12 store cannot be read: openssl pkcs12 -in {location} {to_pem}")
        case "JKS":
            raise UsageError(
                f"{place}: a JKS store cannot be read: keytool -importkeystore -srckeystore {location} "
                f"-destkeystore store.p12 -deststoretype PKCS12; openssl pkcs12 -in store.p12 {to_pem}"
            )
        case _:
            raise UsageError(f"{place}: a store of type {kind} is unknown; PEM is supported")


def _check(wanted: Credentials, options: ConnectionOptions) -> None:
    """Check that nothing is missing, and that no secret was given to be left unused."""
    protocol = wanted.security_protocol
    if wanted.named:
        if not wanted.username:
            raise UsageError(f"--security-protocol {protocol} needs a user: --sasl-username NAME")
        if not wanted.password:
            raise UsageError(
                f"user {wanted.username} needs a password: MOODSTREAM_KAFKA__SASL_PASSWORD or --sasl-password-file FILE"
            )
    elif options.sasl_username is not None or options.sasl_password is not None or options.sasl_password_file:
        raise UsageError(f"a user needs --security-protocol SASL_SSL or SASL_PLAINTEXT; it is {protocol}")
    if not wanted.encrypted and (options.ssl_cafile is not None or options.ssl_certfile is not None):
        given = "--ssl-cafile" if options.ssl_cafile is not None else "--ssl-certfile"
        raise UsageError(f"{given} needs --security-protocol SSL or SASL_SSL; it is {protocol}")
    if wanted.keyfile is not None and wanted.certfile is None:
        raise UsageError("--ssl-keyfile needs the certificate that it is for: --ssl-certfile")


def _name_the_rest(found: Mapping[str, str], place: str) -> None:
    """Say which keys of a properties file do nothing here."""
    rest = sorted(found.keys() - _USED)
    known = [key for key in rest if key.startswith(_KNOWN_SECTIONS)]
    if known:
        logger.warning("%s: only the connection is taken from it, not %s", place, ", ".join(known))
    if unknown := [key for key in rest if key not in known]:
        logger.warning("%s: unknown, and not used: %s", place, ", ".join(unknown))


def _addresses(text: str, place: str) -> str:
    kind = addresses()
    try:
        parsed: str = kind.parse(text)
    except ValueError:
        raise UsageError(f"{place}: bootstrap.servers needs {kind.wanted}, not {text!r}") from None
    return parsed


def _password_in(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            password = file.read(10_000).rstrip("\r\n")
    except OSError as error:
        raise StreamError(f"--sasl-password-file {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise StreamError(f"--sasl-password-file {path}: it is not UTF-8 text") from None
    if not password or "\n" in password:
        raise StreamError(f"--sasl-password-file {path}: it must hold the password alone, in one line")
    return password


def make_context(wanted: Credentials) -> ssl.SSLContext:
    """Return the TLS context of a connection.

    Raises:
        StreamError: certificates or a key cannot be used; one line.
    """
    context = ssl.create_default_context() if wanted.cafile is None and wanted.ca_pem is None else _trusting(wanted)
    if wanted.check_hostname is False:
        context.check_hostname = False
    if wanted.certfile is not None:
        _show(context, wanted.certfile, wanted.keyfile, wanted.key_password)
    elif wanted.cert_pem is not None:
        _show_text(context, wanted.cert_pem, wanted.key_password)
    return context


def _trusting(wanted: Credentials) -> ssl.SSLContext:
    """Return a context that trusts the given certificates and no others."""
    name = f"--ssl-cafile {wanted.cafile}" if wanted.cafile is not None else "ssl.truststore.certificates"
    try:
        if wanted.cafile is not None:
            return ssl.create_default_context(cafile=wanted.cafile)
        return ssl.create_default_context(cadata=(wanted.ca_pem or "").encode("ascii", "ignore").decode())
    except ssl.SSLError:
        raise StreamError(f"{name} holds no certificates in PEM form") from None
    except OSError as error:
        raise StreamError(f"{name}: {error.strerror}") from None


def _show(context: ssl.SSLContext, certfile: Path, keyfile: Path | None, password: str | None) -> None:
    # Without an answer of ours, OpenSSL would ask for the password of a locked key on the terminal.
    try:
        context.load_cert_chain(certfile, keyfile, password=lambda: password or "")
    except ssl.SSLError as error:
        reason = "the key is locked by another password (--ssl-key-password)" if _is_locked(error) else "no PEM pair"
        raise StreamError(f"--ssl-certfile {certfile}: certificate and key cannot be used: {reason}") from None
    except OSError as error:
        raise StreamError(f"--ssl-certfile {certfile}: {error.strerror}") from None


def _show_text(context: ssl.SSLContext, pem: str, password: str | None) -> None:
    """Show a certificate given as text: the ssl module takes it from a file alone, which nobody else can read."""
    descriptor, name = tempfile.mkstemp(suffix=".pem")  # mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(pem)
        context.load_cert_chain(name, password=lambda: password or "")
    except ssl.SSLError:
        raise StreamError("ssl.keystore.key and ssl.keystore.certificate.chain are no PEM pair that opens") from None
    finally:
        Path(name).unlink()


def _is_locked(error: ssl.SSLError) -> bool:
    return error.reason is None or "DECRYPT" in error.reason or "PASSWORD" in error.reason
