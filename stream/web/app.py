"""The HTTP side: the live page, metrics for Prometheus, health for a supervisor, status for programs.

app = create_app(metrics, board, feed)
server = serve(app, "127.0.0.1", 9108, exact=False)         # stream/web/server.py
feed.close(); server.stop()                                 # the feed first: open pages would hold the server up

``/`` (the live page, fed by ``/events``), ``/metrics`` (Prometheus or OpenMetrics text, as the client asks),
``/healthz`` (the process answers), ``/readyz`` (503 until the board's conditions hold: the model is loaded, sound is
fresh, ...), ``/status`` (JSON, per stream). Nothing can be changed over HTTP. Imports starlette and prometheus_client,
so it is imported only where HTTP is wanted.
"""

from __future__ import annotations

import gzip
from importlib import resources
from pathlib import PurePath

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Send
from starlette.types import Scope as Connection

from stream.metrics.exposition import encoder_for
from stream.metrics.metrics import Metrics
from stream.web.board import Board
from stream.web.events import EventStream
from stream.web.feed import LiveFeed

_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_INDEX = "index.html"


def page_files() -> dict[str, bytes]:
    """Return the page's files by name."""
    folder = resources.files("stream.web").joinpath("static")
    return {each.name: each.read_bytes() for each in folder.iterdir() if PurePath(each.name).suffix in _TYPES}


def page_routes() -> list[Route]:
    """Return the routes that serve the page, read once."""
    files = page_files()
    paths = {"/" if name == _INDEX else f"/static/{name}": name for name in files}
    return [_route(path, files[name], _TYPES[PurePath(name).suffix]) for path, name in paths.items()]


def _route(path: str, body: bytes, kind: str) -> Route:
    async def answer(_: Request) -> Response:
        return Response(body, media_type=kind)

    return Route(path, answer)


_LEVEL = 1  # a scrape repeats itself so much that higher levels make it hardly smaller


class Scrape:
    """An ASGI app that serves the metrics, after removing the series of streams that ended long ago."""

    def __init__(self, metrics: Metrics) -> None:
        """Serve these metrics."""
        self._metrics = metrics

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        self._metrics.sweep()
        encoder = encoder_for(",".join(request.headers.getlist("accept")))
        names = request.query_params.getlist("name[]")
        registry = self._metrics.registry.restricted_registry(names) if names else self._metrics.registry
        body, headers = encoder.encode(registry), {"content-type": encoder.content_type}
        if "gzip" in request.headers.get("accept-encoding", ""):
            body, headers["content-encoding"] = gzip.compress(body, _LEVEL), "gzip"
        await Response(body, headers=headers)(scope, receive, send)


def create_app(metrics: Metrics, board: Board, feed: LiveFeed) -> Starlette:
    """Return the app that serves these three."""

    async def healthz(_: Request) -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> JSONResponse:
        ready, conditions = board.readiness()
        body = {"ready": ready, "conditions": conditions}
        return JSONResponse(body, status_code=200 if ready else 503)

    async def status(_: Request) -> JSONResponse:
        return JSONResponse(board.snapshot())

    return Starlette(
        routes=[
            *page_routes(),
            Route("/events", EventStream(feed), methods=["GET"]),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/status", status),
            Route("/metrics", Scrape(metrics), methods=["GET"]),
        ]
    )
