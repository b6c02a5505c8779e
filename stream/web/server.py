"""Serves the HTTP side from a thread of its own.

server = serve(app, "127.0.0.1", 9108, exact=False)
server.port                                             # where it went: 9109 if 9108 was taken
server.stop()

Every answer has security headers (`HEADERS`). Bound to loopback, it answers only requests whose ``Host`` names this
machine (`LoopbackOnly`). A client that does not finish its request, or does not read its answer, is disconnected
(`protocol_with_timeout`).

Imports uvicorn, so it is imported only where HTTP is wanted.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import logging
import socket
import threading

import uvicorn
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from stream.common.errors import StreamError

_REFUSAL = (
    "refused: this server listens on loopback and answers only to localhost and loopback addresses. Ask it by one of "
    "them, have the proxy send one as Host, or bind another address with --metrics-host\n"
)


class LoopbackOnly:
    """Lets requests through whose ``Host`` is this machine."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an app."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse with status 421 (RFC 9110, 15.5.20)."""
        host = Headers(scope=scope).get("host", "") if scope["type"] == "http" else ""
        if not host or names_this_machine(host):
            await self._app(scope, receive, send)
        else:
            await PlainTextResponse(_REFUSAL, 421)(scope, receive, send)


def names_this_machine(host: str) -> bool:
    """Return whether a ``Host`` header (``localhost:9108``, ``127.0.0.1``, ``[::1]:9108``) is of loopback."""
    name, bracket, _ = host.removeprefix("[").partition("]") if host.startswith("[") else host.partition(":")
    if host.startswith("[") and not bracket:
        return False
    name = name.lower().removesuffix(".")
    return name == "localhost" or name.endswith(".localhost") or is_loopback(name)


def is_loopback(address: str) -> bool:
    """Return whether this is an address of the loopback interface."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


HEADERS = {
    "cache-control": "no-store",
    # Scripts, styles and pictures are files of ours; no text becomes markup (trusted types), no site frames the page.
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_RAW = [(name.encode(), value.encode()) for name, value in HEADERS.items()]


class WithHeaders:
    """Adds the headers to every answer of an app."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an app."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and its answer with the headers."""

        async def send_with(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_RAW]
            await send(message)

        await self._app(scope, receive, send_with)


def protocol_with_timeout(seconds: float, most: int) -> type[H11Protocol]:
    """Return uvicorn's protocol with timeouts for slow clients.

    Args:
        seconds: a client is disconnected when its request is not complete, or its answer not read, after so long.
        most: connections at once; one more is closed.
    """

    class TimeoutProtocol(H11Protocol):
        _write_timer: asyncio.TimerHandle | None = None
        _request_timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if len(self.connections) > most:
                transport.abort()
            else:
                self._start_request_timer()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.cycle is None or self.cycle.response_complete:
                self._start_request_timer()
            else:
                self._cancel_request_timer()

        def pause_writing(self) -> None:
            super().pause_writing()
            self._write_timer = self.loop.call_later(seconds, self.transport.abort)

        def resume_writing(self) -> None:
            self._cancel_write_timer()
            super().resume_writing()

        def connection_lost(self, exc: Exception | None) -> None:
            self._cancel_write_timer()
            self._cancel_request_timer()
            super().connection_lost(exc)

        def _start_request_timer(self) -> None:
            # One timer a request: if each byte started it again, a byte now and then would keep it open for ever.
            # Between two requests uvicorn's own timeout counts.
            if self._request_timer is None:
                self._request_timer = self.loop.call_later(seconds, self.transport.abort)

        def _cancel_request_timer(self) -> None:
            if self._request_timer is not None:
                self._request_timer.cancel()
                self._request_timer = None

        def _cancel_write_timer(self) -> None:
            if self._write_timer is not None:
                self._write_timer.cancel()
                self._write_timer = None

    return TimeoutProtocol


_LAST_PORT = 65_535
_PORTS_TRIED = 100
_BACKLOG = 128
_SHUTDOWN_SECONDS = 2
_IDLE_SECONDS = 20.0
_MOST_CONNECTIONS = 200  # of 1,024 descriptors, which is what a process gets on many systems


class Server:
    """A running server; made by :func:`serve`."""

    def __init__(self, app: ASGIApp, listener: socket.socket, idle_seconds: float = _IDLE_SECONDS) -> None:
        """Serve from a socket that listens already; closed by :meth:`stop`."""
        self.host, self.port = listener.getsockname()[:2]
        config = uvicorn.Config(
            WithHeaders(LoopbackOnly(app) if is_loopback(self.host) else app),
            loop="asyncio",
            http=protocol_with_timeout(idle_seconds, _MOST_CONNECTIONS),
            ws="none",
            lifespan="off",
            log_config=None,  # the program's own logging, which goes to stderr, stays as it is
            log_level=logging.WARNING,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        )
        self._listener = listener
        self._server = uvicorn.Server(config)
        # Off the main thread uvicorn leaves signal handlers alone.
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Return the address to open in a browser."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/"

    def stop(self) -> None:
        """Finish the requests under way, close every connection and the socket. Safe to call twice."""
        self._server.should_exit = True
        self._thread.join()

    def _run(self) -> None:
        with contextlib.closing(self._listener):
            self._server.run(sockets=[self._listener])


def serve(app: ASGIApp, host: str, port: int, *, exact: bool, idle_seconds: float = _IDLE_SECONDS) -> Server:
    """Serve ``app`` in a thread until :meth:`Server.stop`.

    Args:
        app: what answers.
        host: name or address to bind to.
        port: 1-65535, or 0 for any that is free.
        exact: fail if the port is in use; otherwise take the next free one.
        idle_seconds: how long a client may take to finish its request, or to read its answer.

    Raises:
        StreamError: the port is in use, may not be used, or the host is not one of this machine.
    """
    if not 0 <= port <= _LAST_PORT:
        raise StreamError(f"there is no port {port}; give --metrics-port one from 1 to {_LAST_PORT}, or 0 for any")
    last = port if exact or port == 0 else min(port + _PORTS_TRIED - 1, _LAST_PORT)
    for candidate in range(port, last + 1):
        try:
            return Server(app, _listen(host, candidate), idle_seconds)
        except (OSError, UnicodeError) as error:
            if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
                if candidate < last:
                    continue
                taken = f"port {port} is" if last == port else f"ports {port} to {last} are"
                raise StreamError(f"{taken} in use on {host}; choose another with --metrics-port") from None
            reason = getattr(error, "strerror", None) or str(error)
            raise StreamError(
                f"cannot serve HTTP on {host} port {candidate}: {reason}; see --metrics-host and --metrics-port"
            ) from None
    raise AssertionError("the loop returns or raises")


def _listen(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port just left is free
        listener.bind(address)
        listener.listen(_BACKLOG)  # from here on requests wait in line, even before the thread runs
    except BaseException:  # whatever it was: nobody else will close the socket
        listener.close()
        raise
    return listener
