"""Bound to loopback, the server answers only those who ask for this machine."""

from __future__ import annotations

import http.client

import pytest

from stream.metrics.metrics import Metrics
from stream.web.app import create_app
from stream.web.board import Board
from stream.web.feed import LiveFeed
from stream.web.server import serve
from tests.stream.web.client import served

OURS = ["localhost", "LOCALHOST:9108", "localhost.", "tagger.localhost:80", "127.0.0.1", "127.0.0.1:9108", "127.8.9.1"]
OURS += ["[::1]", "[::1]:9108"]
STRANGE = ["evil.example", "evil.example:9108", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "[::2]"]
STRANGE += ["[::1", "notlocalhost", "0.0.0.0", "localhost@evil.example", "127.1"]


def ask(host: str, port: int, path: str, name: str | None) -> tuple[int, str]:
    connection = http.client.HTTPConnection(host, port, timeout=20)
    connection.putrequest("GET", path, skip_host=True)
    if name is not None:
        connection.putheader("Host", name)
    connection.endheaders()
    answer = connection.getresponse()
    said = answer.status, answer.read(2000).decode() if path != "/events" or answer.status != 200 else ""
    answer.close()
    connection.close()
    return said


@pytest.mark.parametrize("path", ["/", "/events", "/status", "/metrics"])
def test_a_site_that_points_its_name_here_learns_nothing(path: str) -> None:
    with served(LiveFeed()) as server:
        for name in STRANGE:
            code, said = ask(server.host, server.port, path, name)
            assert code == 421, name
            assert said.startswith("refused: ") and said.count("\n") == 1
        for name in OURS:
            assert ask(server.host, server.port, path, name)[0] == 200, name


def test_where_everybody_may_ask_any_name_will_do() -> None:
    server = serve(create_app(Metrics(), Board(), LiveFeed()), "0.0.0.0", 0, exact=True)
    assert ask("127.0.0.1", server.port, "/healthz", "tagger.example")[0] == 200
    server.stop()


@pytest.mark.parametrize(
    ("method", "path", "host", "code"),
    [
        *(("GET", path, "localhost", 200) for path in ("/", "/static/main.js", "/status", "/metrics", "/events")),
        ("GET", "/none", "localhost", 404),
        ("POST", "/healthz", "localhost", 405),
        ("GET", "/", "evil.example", 421),
    ],
)
def test_nothing_is_kept_and_nothing_is_run_that_is_not_ours(method: str, path: str, host: str, code: int) -> None:
    with served(LiveFeed()) as server:
        connection = http.client.HTTPConnection(server.host, server.port, timeout=20)
        connection.request(method, path, headers={"Host": host})
        answer = connection.getresponse()
        assert answer.status == code
        policy = answer.getheader("content-security-policy", "")
        assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
        assert answer.getheader("cache-control") == "no-store"
        assert answer.getheader("cross-origin-resource-policy") == "same-origin"
        assert answer.getheader("x-content-type-options") == "nosniff"
        assert answer.getheader("set-cookie") is None
        answer.close()
        connection.close()


@pytest.mark.parametrize("name", ["", "app.py", "../app.py", "%2e%2e/app.py", "/etc/passwd", "index.html", "x.js"])
def test_no_other_file_is_there(name: str) -> None:
    with served(LiveFeed()) as server:
        assert ask(server.host, server.port, f"/static/{name}", "localhost")[0] == 404
