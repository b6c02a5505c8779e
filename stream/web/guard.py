"""Keeps strangers' web sites from reading what is served to this machine alone.

    app = LoopbackGuard(app)            # where the server is bound to loopback

A site whose name is made to point at 127.0.0.1 after it was loaded ("DNS rebinding") could ask the server in the name
of the user who visits it. Its requests still name the site in ``Host``, so those that do not name this machine are
refused. A request without ``Host`` comes from no browser, and is let through.
"""

from __future__ import annotations

import ipaddress

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_REFUSAL = (
    "refused: this server listens on loopback and answers only to localhost and loopback addresses. Ask it by one of "
    "them, have the proxy send one as Host, or bind another address with --metrics-host\n"
)


class LoopbackGuard:
    """Lets requests through whose ``Host`` is this machine."""

    def __init__(self, app: ASGIApp) -> None:
        """Guard an app."""
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
