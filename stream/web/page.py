"""The files of the live page, as they lie beside this module.

routes = page_routes()          # "/" and "/static/NAME"; nothing else can be asked for
"""

from __future__ import annotations

from importlib import resources
from pathlib import PurePath

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

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
