"""The HTTP side over real sockets."""

from __future__ import annotations

import json
import signal
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from starlette.applications import Starlette

from stream.common.errors import StreamError
from stream.metrics.metrics import Metrics
from stream.tagging.audio import AudioChunk
from stream.web.app import create_app
from stream.web.board import Board
from stream.web.feed import LiveFeed
from stream.web.server import Server, serve
from tests.stream.sinks import records


def app() -> Starlette:
    return create_app(Metrics(), Board(), LiveFeed())


@contextmanager
def running(metrics: Metrics | None = None, board: Board | None = None) -> Iterator[Server]:
    server = serve(create_app(metrics or Metrics(), board or Board(), LiveFeed()), "127.0.0.1", 0, exact=True)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def occupied() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def get(server: Server, path: str, **headers: str) -> tuple[int, str, str]:
    """Return status, content type and body."""
    request = urllib.request.Request(server.url.rstrip("/") + path, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.headers["content-type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["content-type"], error.read().decode()


def chunk() -> AudioChunk:
    return AudioChunk("mic", np.zeros((160, 1), np.float32), 16_000, 0)


def test_metrics_in_the_format_that_the_client_asks_for():
    metrics = Metrics()
    metrics.audio(chunk())
    with running(metrics) as server:
        code, kind, body = get(server, "/metrics")
        assert (code, kind.split(";")[0]) == (200, "text/plain")
        assert "\nmoodstream_audio_samples_total 160.0\n" in body
        _, kind, body = get(server, "/metrics", Accept="application/openmetrics-text; version=1.0.0")
        assert kind.startswith("application/openmetrics-text")
        assert body.endswith("# EOF\n")


def test_a_scrape_no_longer_shows_a_stream_that_ended_long_ago():
    now = 1_000.0
    metrics = Metrics(idle_seconds=60, clock=lambda: now)
    metrics.audio(chunk())
    metrics.stream_ended("mic")
    with running(metrics) as server:
        assert 'stream="mic"' in get(server, "/metrics")[2]
        now += 60
        assert 'stream="mic"' not in get(server, "/metrics")[2]


def test_health_and_readiness():
    board = Board()
    with running(board=board) as server:
        assert get(server, "/healthz")[::2] == (200, "ok\n")
        code, _, body = get(server, "/readyz")
        assert code == 503
        assert {name: one["ok"] for name, one in json.loads(body)["conditions"].items()} == {
            "model_loaded": False,
            "audio_fresh": False,
        }
        board.model(records.MODEL)
        board.audio(chunk())
        code, kind, body = get(server, "/readyz")
        assert (code, kind, json.loads(body)["ready"]) == (200, "application/json", True)


def test_status_is_the_board():
    board = Board()
    board.emit(records.estimate(track="\udcff <script>"))
    with running(board=board) as server:
        code, kind, body = get(server, "/status")
    assert (code, kind) == (200, "application/json")
    assert json.loads(body) == board.snapshot()


def test_the_page_links_what_there_is():
    with running() as server:
        code, kind, body = get(server, "/")
        assert (code, kind) == (200, "text/html; charset=utf-8")
        for path in ("/status", "/metrics", "/readyz", "/healthz"):
            assert f'href="{path}"' in body
            assert get(server, path)[0] in (200, 503)


def test_nothing_else_is_there():
    with running() as server:
        assert get(server, "/../pyproject.toml")[0] == 404
        post = urllib.request.Request(server.url, data=b"x")
        with pytest.raises(urllib.error.HTTPError, match="405") as refused:
            urllib.request.urlopen(post, timeout=10)
        refused.value.close()


def test_a_port_in_use_moves_on_unless_it_was_asked_for():
    with occupied() as port:
        server = serve(app(), "127.0.0.1", port, exact=False)
        assert server.port > port
        assert get(server, "/healthz")[0] == 200
        server.stop()
        with pytest.raises(
            StreamError, match=f"port {port} is in use on 127.0.0.1; choose another with --metrics-port"
        ):
            serve(app(), "127.0.0.1", port, exact=True)


@pytest.mark.parametrize(("host", "port"), [("no.such.host.invalid", 0), ("192.0.2.1", 0)])
def test_an_address_that_cannot_be_is_one_line(host: str, port: int):
    with pytest.raises(StreamError, match=f"cannot serve HTTP on {host} port {port}: .*; see --metrics-host") as caught:
        serve(app(), host, port, exact=True)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("port", [-1, 65_536, 70_000])
@pytest.mark.parametrize("exact", [True, False])
def test_a_port_that_does_not_exist_is_one_line(port: int, exact: bool):
    with pytest.raises(StreamError, match=f"there is no port {port}"):
        serve(app(), "127.0.0.1", port, exact=exact)


def test_ipv6_where_there_is_any():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this system has no IPv6 loopback")
    server = serve(app(), "::1", 0, exact=True)
    assert get(server, "/healthz")[0] == 200
    server.stop()


def test_it_is_bound_to_the_given_address_only():
    with running() as server:
        listening = Path("/proc/net/tcp")
        if not listening.exists():
            pytest.skip("no /proc/net/tcp on this system")
        local = [line.split()[1] for line in listening.read_text().splitlines()[1:] if line.split()[3] == "0A"]
        assert [address for address in local if address.endswith(f":{server.port:04X}")] == [
            f"0100007F:{server.port:04X}"
        ]


def test_stopping_frees_the_port_and_leaves_no_thread(capfd: pytest.CaptureFixture[str]):
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    threads = set(threading.enumerate())
    with running() as server:
        with socket.create_connection((server.host, server.port)):  # a client that never asks anything
            assert get(server, "/healthz")[0] == 200
            assert {number: signal.getsignal(number) for number in handlers} == handlers
            server.stop()
        server.stop()
    assert set(threading.enumerate()) == threads
    again = serve(app(), "127.0.0.1", server.port, exact=True)
    again.stop()
    assert capfd.readouterr() == ("", "")


def test_many_clients_at_once_while_records_come():
    metrics, board = Metrics(), Board()
    answers: list[int] = []
    with running(metrics, board) as server:

        def ask() -> None:
            answers.extend(get(server, path)[0] for path in ("/status", "/metrics", "/healthz") * 5)

        threads = [threading.Thread(target=ask) for _ in range(6)]
        for thread in threads:
            thread.start()
        for window in range(500):
            board.emit(records.estimate(stream=str(window % 7), window=window))
            metrics.emit(records.estimate(stream=str(window % 7), window=window))
        for thread in threads:
            thread.join()
    assert answers == [200] * 90


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"GET /healthz HTTP/1.1\r\nHost: loc", id="half a question"),
        pytest.param(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /hea", id="one and a half"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n1", id="half a body"),
    ],
)
def test_a_client_that_does_not_finish_its_question_is_cut_off(said: bytes) -> None:
    server = serve(app(), "127.0.0.1", 0, exact=True, idle_seconds=0.3)
    try:
        with socket.create_connection((server.host, server.port), timeout=30) as slow, suppress(ConnectionResetError):
            slow.sendall(said)
            while slow.recv(4096):  # what was asked whole is answered
                pass
    finally:
        server.stop()


def test_more_connections_than_there_may_be_are_closed_and_the_others_answered() -> None:
    with running() as server, ExitStack() as held:

        def connected() -> socket.socket:
            return held.enter_context(socket.create_connection((server.host, server.port), timeout=30))

        first, *_ = (connected() for _ in range(200))
        with suppress(ConnectionResetError):
            assert connected().recv(1) == b""
        first.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert first.recv(4096).startswith(b"HTTP/1.1 200 OK")
