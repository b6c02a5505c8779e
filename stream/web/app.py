"""The HTTP side: metrics for Prometheus, health for a supervisor, status for people.

app = create_app(metrics, board)
server = serve(app, "127.0.0.1", 9108, exact=False)         # stream/web/server.py

``/metrics`` (Prometheus or OpenMetrics text, as the client asks), ``/healthz`` (the process answers), ``/readyz`` (503
until the board's conditions hold: the model is loaded, sound is fresh, ...), ``/status`` (JSON, per stream), ``/``
(links to these). All of it is to be read only. Imports starlette and prometheus_client, so it is imported only where
HTTP is wanted.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse
from starlette.routing import Route

from stream.sinks.metrics import Metrics
from stream.web.board import Board
from stream.web.scrape import Scrape

_SAFE = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    "x-content-type-options": "nosniff",
}

_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>moodstream</title>
<style>
:root { color-scheme: light dark }
body { font: 1rem/1.6 system-ui, sans-serif; max-width: 40rem; margin: 4rem auto; padding: 0 1rem }
code { font-size: 1.1em }
</style>
<h1>moodstream</h1>
<p>The mood of what is playing, as it plays.</p>
<ul>
<li><a href="/status"><code>/status</code></a> each stream: its last window, running average, level and counts
<li><a href="/metrics"><code>/metrics</code></a> for Prometheus
<li><a href="/readyz"><code>/readyz</code></a> is the model loaded, is sound coming in?
<li><a href="/healthz"><code>/healthz</code></a> does the process answer?
</ul>
</html>
"""


def create_app(metrics: Metrics, board: Board) -> Starlette:
    """Return the app that shows these two."""

    async def index(_: Request) -> HTMLResponse:
        return HTMLResponse(_PAGE, headers=_SAFE)

    async def healthz(_: Request) -> PlainTextResponse:
        return PlainTextResponse("ok\n", headers=_SAFE)

    async def readyz(_: Request) -> JSONResponse:
        ready, conditions = board.readiness()
        body = {"ready": ready, "conditions": conditions}
        return JSONResponse(body, status_code=200 if ready else 503, headers=_SAFE)

    async def status(_: Request) -> JSONResponse:
        return JSONResponse(board.snapshot(), headers=_SAFE)

    return Starlette(
        routes=[
            Route("/", index),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/status", status),
            Route("/metrics", Scrape(metrics), methods=["GET"]),
        ]
    )
