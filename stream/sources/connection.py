"""One GET request for a stream, and the bytes that come.

    connection = connect("http://radio.example/live", timeout=10.0, opened=sockets.append)
    connection.content_type, connection.metadata_interval
    data = connection.read(65536)        # what is there; b"" at the end, which `failure` may explain

The standard library does the work (redirects, proxies, TLS, chunked bodies). Two things are added to it: SHOUTcast
servers begin their answer with ``ICY 200 OK``, which no HTTP library takes for HTTP, and the socket is handed out so
that another thread can interrupt a read.
"""

from __future__ import annotations

import base64
import http.client
import io
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

from stream.common.errors import StreamError, UsageError
from stream.common.text import bare, is_address, masked, masked_address

Opened = Callable[[socket.socket], object]


class Connection:
    """An answer whose body has not been read yet."""

    def __init__(self, url: str, headers: Mapping[str, str], response: io.BufferedIOBase, timeout: float) -> None:
        self.url = url
        """Where the answer came from, after redirects."""
        self.content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        self.length = _number(headers.get("content-length"))
        """Bytes in the body, or None."""
        self.metadata_interval = _number(headers.get("icy-metaint")) or None
        """Bytes of sound between two blocks of ICY metadata, or None."""
        self.is_radio = any(name.lower().startswith(("icy-", "ice-")) for name in headers)
        """The server says that this is a station, whatever length it claims."""
        self.count = 0
        """Bytes read."""
        self.failure: str | None = None
        """Why the body ended, if it should not have."""
        self._response = response
        self._timeout = timeout

    def read(self, size: int) -> bytes:
        """Return 1 to ``size`` bytes as soon as there are any, or none at the end."""
        if self.failure is not None:
            return b""
        try:
            data = self._response.read1(size)
        except TimeoutError:
            self.failure = f"nothing came for {self._timeout:g} s"
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.failure = f"the connection broke: {str(error) or type(error).__name__}"
        else:
            self.count += len(data)
            if not data and self.length is not None and self.count < self.length:
                self.failure = f"the server closed the connection after {self.count} of {self.length} bytes"
            return data
        return b""

    def close(self) -> None:
        """Hang up."""
        self._response.close()


def connect(url: str, timeout: float, opened: Opened) -> Connection:
    """Ask for an address and return the answer, redirects followed.

    Args:
        url: ``http`` or ``https``; ``user:password@`` is sent as basic authentication.
        timeout: of the connection and of every read, in seconds.
        opened: is given each socket that is opened.

    Raises:
        StreamError: there is no such host, nobody answers, or the answer is an error.
    """
    address = urllib.parse.urlsplit(url)
    host = address.netloc.rpartition("@")[2]
    path, query = (urllib.parse.quote(part, safe="/?%:=&~+!$,;'@()*") for part in (address.path, address.query))
    clean = urllib.parse.urlunsplit((address.scheme, host, path, query, ""))
    request = urllib.request.Request(clean, headers={"Icy-MetaData": "1", "User-Agent": "moodstream", "Accept": "*/*"})
    if address.username is not None:
        user = f"{urllib.parse.unquote(address.username)}:{urllib.parse.unquote(address.password or '')}"
        request.add_unredirected_header("Authorization", "Basic " + base64.b64encode(user.encode()).decode())
    opener = urllib.request.build_opener(_HttpHandler(opened), _HttpsHandler(opened))
    try:
        response = opener.open(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        error.close()
        raise StreamError(f"{bare(url)} answered {error.code} {masked(str(error.reason))}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise StreamError(f"{bare(url)} cannot be reached: {masked(_reason(error, timeout))}") from None
    return Connection(response.geturl(), response.headers, response, timeout)


def check_address(url: str) -> None:
    """See that an address can be asked for at all.

    Raises:
        UsageError: it cannot.
    """
    if not is_address(url):
        raise UsageError(f"{masked_address(url)!r} is no http:// or https:// address")


def _reason(error: BaseException, timeout: float) -> str:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    match cause:
        case socket.gaierror():
            text = "the host is not known"
        case TimeoutError():
            text = f"no answer within {timeout:g} s"
        case ConnectionRefusedError():
            text = "connection refused"
        case ssl.SSLCertVerificationError():
            text = f"its certificate is not trusted: {cause.verify_message}"
        case http.client.HTTPException():
            text = "it does not speak HTTP"
        case OSError() if cause.strerror:
            text = cause.strerror
        case _:
            text = str(cause)
    return text


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.strip().isdecimal() else None


class _StatusLine(io.BufferedReader):
    """An answer whose first line is put into HTTP's words."""

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        return b"HTTP/1.0" + line[3:] if line.startswith(b"ICY ") else line


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = _StatusLine(sock.makefile("rb", buffering=0))


class _HttpConnection(http.client.HTTPConnection):
    response_class = _Response
    opened: Opened

    def connect(self) -> None:
        super().connect()
        self.opened(self.sock)


class _HttpsConnection(http.client.HTTPSConnection):
    response_class = _Response
    opened: Opened

    def connect(self) -> None:
        super().connect()
        self.opened(self.sock)


def _connecting(
    kind: type[_HttpConnection] | type[_HttpsConnection], opened: Opened
) -> Callable[..., http.client.HTTPConnection]:
    """Return what makes a connection that tells of its socket."""

    def factory(host: str, /, **kwargs: Any) -> http.client.HTTPConnection:
        connection = kind(host, **kwargs)
        connection.opened = opened
        return connection

    return factory


class _HttpHandler(urllib.request.HTTPHandler):
    def __init__(self, opened: Opened) -> None:
        super().__init__()
        self._opened = opened

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_connecting(_HttpConnection, self._opened), req)


class _HttpsHandler(urllib.request.HTTPSHandler):
    def __init__(self, opened: Opened) -> None:
        super().__init__()
        self._opened = opened

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_connecting(_HttpsConnection, self._opened), req)
