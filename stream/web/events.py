"""``/events``: the live page's data, as server-sent events.

    Route("/events", EventStream(feed), methods=["GET"])

    curl -N http://127.0.0.1:9108/events                    # all streams in short
    curl -N http://127.0.0.1:9108/events?stream=mic         # one in full

First comes a ``snapshot``, then an ``update`` whenever something changed, four times a second at most; ``level`` is how
loud a watched stream is, and a ``beat`` comes after some seconds without other events. Snapshots and updates have an
id: a client that sends it back (``Last-Event-ID``, or ``?after=``) gets only what is newer, as long as the same process
answers. The format: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from stream.web.feed import Cursor, LiveFeed

MOST_CLIENTS = 50
TICK_SECONDS = 0.25
BEAT_SECONDS = 5.0
_RETRY_MILLISECONDS = 1000


class EventStream:
    """The endpoint, an ASGI app."""

    def __init__(
        self,
        feed: LiveFeed,
        most_clients: int = MOST_CLIENTS,
        tick_seconds: float = TICK_SECONDS,
        beat_seconds: float = BEAT_SECONDS,
    ) -> None:
        """Serve a feed.

        Args:
            feed: what is sent.
            most_clients: at once; one more gets status 503.
            tick_seconds: how often the feed is looked at.
            beat_seconds: the longest time without an event.
        """
        self._feed = feed
        self._most_clients = most_clients
        self._tick_seconds = tick_seconds
        self._beat_seconds = beat_seconds
        self.clients = 0
        """How many are connected now."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request until its client goes, or is cut off because it does not read, or the feed is closed."""
        request = Request(scope)
        if self.clients >= self._most_clients:
            full = f"{self._most_clients} pages are open already; close one of them\n"
            await PlainTextResponse(full, 503, {"retry-after": "5"})(scope, receive, send)
            return
        head = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        if request.method == "GET":
            await self._send_events(request, receive, send)
        await send({"type": "http.response.body", "body": b""})

    async def _send_events(self, request: Request, receive: Receive, send: Send) -> None:
        query = request.query_params
        cursor = Cursor.parse(request.headers.get("last-event-id") or query.get("after", ""))
        client = _Client(self._feed, query.get("stream"), cursor)
        gone = asyncio.create_task(_disconnected(receive))
        self.clients += 1
        try:
            with self._feed.watch(client.stream):
                while not (gone.done() or self._feed.closed):
                    if news := client.news(self._beat_seconds):
                        # Waits while the client is slow to read; the server disconnects it after a time (`server.py`).
                        await send({"type": "http.response.body", "body": news, "more_body": True})
                    await asyncio.wait({gone}, timeout=self._tick_seconds)
        finally:
            self.clients -= 1
            gone.cancel()


class _Client:
    """What one client has been sent so far."""

    def __init__(self, feed: LiveFeed, stream: str | None, cursor: Cursor | None) -> None:
        self.stream = stream
        self._feed = feed
        self._cursor = cursor
        self._level: float | None = None
        self._said_at = 0.0

    def news(self, beat_seconds: float) -> bytes:
        """Return the events to send now; empty if there are none."""
        now = asyncio.get_running_loop().time()
        said = b"" if self._said_at else b"retry: %d\n\n" % _RETRY_MILLISECONDS
        message = self._feed.since(self._cursor, self.stream)
        if message is not None:
            self._cursor = message.cursor
            said += _event(message.kind, message.data, str(message.cursor))
        level = self._feed.level(self.stream)
        if level is not None and level != self._level:
            self._level = level
            said += _event("level", level)
        if not said and now - self._said_at >= beat_seconds:
            said = _event("beat", None)
        if said:
            self._said_at = now
        return said


def _event(kind: str, data: Any, number: str | None = None) -> bytes:
    # JSON has no line breaks of its own, so the data is one line whatever a stream is called.
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    name = "" if number is None else f"id: {number}\n"
    return f"{name}event: {kind}\ndata: {text}\n\n".encode()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
