"""The live page's server, and a plain client of its events.

with served(feed) as server, Events(server, "?stream=mic") as events:
    events.next("snapshot").data
"""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from stream.metrics.metrics import Metrics
from stream.web.app import create_app
from stream.web.board import Board
from stream.web.events import EventStream
from stream.web.feed import LiveFeed
from stream.web.server import Server, serve


@contextmanager
def served(feed: LiveFeed, port: int = 0) -> Iterator[Server]:
    """The whole HTTP side."""
    server = serve(create_app(Metrics(), Board(), feed), "127.0.0.1", port, exact=True)
    try:
        yield server
    finally:
        feed.close()
        server.stop()


@contextmanager
def served_events(feed: LiveFeed, idle_seconds: float = 20.0, **options: Any) -> Iterator[tuple[Server, EventStream]]:
    """The events alone, faster than a page needs them."""
    events = EventStream(feed, **{"tick_seconds": 0.01, **options})
    app = Starlette(routes=[Route("/events", events, methods=["GET"])])
    server = serve(app, "127.0.0.1", 0, exact=True, idle_seconds=idle_seconds)
    try:
        yield server, events
    finally:
        feed.close()
        server.stop()


@dataclass(frozen=True)
class Told:
    """One event."""

    kind: str
    data: Any
    id: str | None


class Events:
    """Reads /events as the standard says."""

    def __init__(self, server: Server, query: str = "", last: str | None = None) -> None:
        self._connection = http.client.HTTPConnection(server.host, server.port, timeout=20)
        self._connection.request("GET", f"/events{query}", headers={} if last is None else {"Last-Event-ID": last})
        self.answer = self._connection.getresponse()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.answer.close()
        self._connection.close()

    def __iter__(self) -> Iterator[Told]:
        fields: dict[str, str] = {}
        while line := self.answer.readline():
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name:
                fields[name] = value
            elif "data" in fields:
                yield Told(fields["event"], json.loads(fields["data"]), fields.get("id"))
                fields = {}

    def next(self, kind: str) -> Told:
        """The next of its kind."""
        return next(told for told in self if told.kind == kind)


def wait_until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """Ask again and again; fails after so long."""
    pause = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if holds():
            return
        pause.wait(0.02)
    pytest.fail("did not come about")
