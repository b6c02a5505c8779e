"""What certificates a connection trusts and shows.

context = make_context(resolve(settings))        # StreamError: a file is not there, no PEM, or its key is locked
"""

from __future__ import annotations

import os
import ssl
import tempfile
from pathlib import Path

from stream.common.errors import StreamError
from stream.kafka.credentials import Credentials


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
