"""A web server of the test's own.

    with serving({"/live": answer}) as address: ...      # answer(handler) is called for each request, in a thread

Every other path is answered with 404.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        answer = self.server.answers.get(self.path)
        if answer is None:
            self.send_error(404)
            return
        with contextlib.suppress(OSError):  # the listener has gone
            answer(self)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def begin(self, content_type: str, status: int = 200, **headers: object) -> None:
        """Send the head of an answer; underscores in names become hyphens."""
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def stall(self) -> None:
        """Send nothing until the server ends."""
        self.server.over.wait()


class Server(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self, answers: dict[str, Answer]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = answers
        self.over = threading.Event()


@contextlib.contextmanager
def serving(answers: dict[str, Answer]) -> Iterator[str]:
    """Serve until the end of the block; yields ``http://127.0.0.1:PORT``."""
    with Server(answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.over.set()
            server.shutdown()
            thread.join()


def body(content_type: str, data: bytes, status: int = 200) -> Answer:
    """An answer with a length."""

    def answer(handler: Handler) -> None:
        handler.begin(content_type, status, Content_Length=len(data))
        handler.wfile.write(data)

    return answer


def with_titles(data: bytes, interval: int, titles: dict[int, str]) -> bytes:
    """Put ICY metadata into sound: ``titles`` gives the number of the block before which one is sent."""
    out = b""
    for index, begin in enumerate(range(0, len(data), interval)):
        piece = data[begin : begin + interval]
        out += piece
        if len(piece) == interval:
            text = f"StreamTitle='{titles[index]}';StreamUrl='';".encode() if index in titles else b""
            text += bytes(-len(text) % 16)
            out += bytes([len(text) // 16]) + text
    return out


def station(data: bytes, interval: int | None = None, then: Callable[[Handler], None] = Handler.stall) -> Answer:
    """A radio station that sends ``data`` (with its metadata in it) and then does something: stalls, or returns."""

    def answer(handler: Handler) -> None:
        extra = {"icy_metaint": interval} if interval and handler.headers["Icy-MetaData"] == "1" else {}
        handler.begin("audio/mpeg", icy_name="A station", **extra)
        handler.wfile.write(data)
        then(handler)

    return answer


def hang_up(_: Handler) -> None:
    """What a station does that closes the connection."""


def in_turn(*answers: Answer) -> Answer:
    """Each request gets the next answer; the last is repeated."""
    left = list(answers)
    lock = threading.Lock()

    def answer(handler: Handler) -> None:
        with lock:
            chosen = left.pop(0) if len(left) > 1 else left[0]
        chosen(handler)

    return answer
