"""Answers a scrape: ``/metrics``.

    Route("/metrics", Scrape(metrics), methods=["GET"])

The format is the one that the client asks for (Prometheus text or OpenMetrics), compressed if it takes gzip;
``?name[]=moodstream_source_up`` asks for some metrics only. Imported with the HTTP side only.
"""

from __future__ import annotations

import gzip

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Send
from starlette.types import Scope as Connection

from stream.metrics.exposition import encoder_for
from stream.metrics.metrics import Metrics

_LEVEL = 1  # a scrape is nothing but repetition: more work makes it hardly smaller


class Scrape:
    """An ASGI app that shows these metrics, after the series of streams that ended long ago are swept away."""

    def __init__(self, metrics: Metrics) -> None:
        """Take what is shown."""
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
