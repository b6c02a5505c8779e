"""The HTTP side: the live page, metrics for Prometheus, health for a supervisor, status for programs.

app = create_app(metrics, board, feed)
server = serve(app, "127.0.0.1", 9108, exact=False)         # stream/web/server.py
feed.close(); server.stop()                                 # pages that are open would keep it waiting

``/`` (the live page, told by ``/events``), ``/metrics`` (Prometheus or OpenMetrics text, as the client asks),
``/healthz`` (the process answers), ``/readyz`` (503 until the board's conditions hold: the model is loaded, sound is
fresh, ...), ``/status`` (JSON, per stream). All of it is to be read only. Imports starlette and prometheus_client, so
it is imported only where HTTP is wanted.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from stream.metrics.metrics import Metrics
from stream.web.board import Board
from stream.web.events import EventStream
from stream.web.feed import LiveFeed
from stream.web.page import page_routes
from stream.web.scrape import Scrape


def create_app(metrics: Metrics, board: Board, feed: LiveFeed) -> Starlette:
    """Return the app that shows these three."""

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
