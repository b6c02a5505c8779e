from __future__ import annotations

import pytest

from stream.common.errors import StreamError, UsageError
from stream.common.stop import Stop
from stream.sources.icy import parse_playlist
from stream.sources.radio import UrlSource
from tests.stream.sources.sounds import (
    chunks_of,
    end_of,
    statuses_of,
)
from tests.stream.sources.stations import listen, mp3
from tests.stream.sources.web import Handler, body, hang_up, serving, station


@pytest.mark.parametrize(
    ("content_type", "path", "text"),
    [
        ("audio/x-mpegurl", "/listen", "#EXTM3U\n#EXTINF:-1,A station\n/gone.mp3\r\n/live\n"),
        (
            "audio/x-scpls; charset=utf-8",
            "/listen",
            "[playlist]\nNumberOfEntries=2\nFile1={}/gone\nTitle1=x\nFile2={}/live\n",
        ),
        ("text/plain", "/listen.m3u", "{}/live\n"),
        ("application/octet-stream", "/listen.pls", "[Playlist]\r\nfile1 = live\r\n"),
    ],
)
def test_a_playlist_leads_to_its_first_station_that_answers(tmp_path, content_type, path, text):
    data = mp3(tmp_path)
    answers = {"/live": station(data)}
    with serving(answers) as address:
        answers[path] = body(content_type, text.replace("{}", address).encode())
        items = listen(f"{address}{path}", until=lambda items: len(chunks_of(items)) > 5)
    assert len(chunks_of(items)) > 5


def test_playlists_without_a_station_are_errors():
    with serving(
        {"/a.m3u": body("audio/mpegurl", b"/a.m3u\n"), "/b.m3u": body("audio/mpegurl", b"# none\n")}
    ) as address:
        with pytest.raises(StreamError, match="without end"):
            listen(f"{address}/a.m3u")
        with pytest.raises(StreamError, match="no addresses"):
            listen(f"{address}/b.m3u")


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (body("text/html; charset=utf-8", b"<html>Listen to us!</html>"), "is a web page, not sound"),
        (body("text/plain", b"hello"), "is text"),
        (body("audio/mpeg", b"These are words, and not music.\n" * 400), "no sound"),
        (body("audio/mpeg", b""), "the server sent nothing"),
        (lambda handler: handler.send_error(403), "answered 403"),
        (lambda handler: handler.wfile.write(b"SSH-2.0-OpenSSH\r\n"), "does not speak HTTP"),
        (hang_up, "does not speak HTTP|Remote end closed"),
        (Handler.stall, "no answer within 2 s"),
        (station(b""), "nothing came for 2 s"),
    ],
)
def test_what_is_no_station_is_refused_at_once_in_one_line(answer, complaint):
    with serving({"/live": answer}) as address, pytest.raises(StreamError, match=complaint) as caught:
        listen(f"{address}/live", timeout=2.0)
    assert "\n" not in str(caught.value)
    assert "/live" in str(caught.value)


def test_nobody_there():
    with serving({}) as address, pytest.raises(StreamError, match="answered 404"):
        listen(f"{address}/live")
    with pytest.raises(StreamError, match="connection refused"):
        listen(f"{address}/live")
    with pytest.raises(StreamError, match=r"http://station.invalid/ cannot be reached"):
        listen("http://station.invalid/")


@pytest.mark.parametrize("url", ["radio", "ftp://example.org/a.mp3", "file:///etc/passwd", "http://", "http://a b/"])
def test_what_is_no_address_is_a_usage_error(url):
    with pytest.raises(UsageError, match="address"):
        UrlSource(url, Stop())


def test_an_address_may_hold_any_letters(tmp_path):
    with serving({"/caf%C3%A9?name=caf%C3%A9&of=50%25": body("audio/mpeg", mp3(tmp_path))}) as address:
        assert end_of(listen(f"{address}/café?name=café&of=50%25")).error is None


def test_redirects_and_passwords(tmp_path):
    data = mp3(tmp_path)

    def guarded(handler: Handler) -> None:
        if handler.headers["Authorization"] != "Basic YW5uOnNlY3JldA==":
            handler.send_error(401)
            return
        body("audio/mpeg", data)(handler)

    def moved(handler: Handler) -> None:
        handler.begin("text/html", 302, Location="/song")

    with serving({"/guarded": guarded, "/moved": moved, "/song": body("audio/mpeg", data)}) as address:
        assert end_of(listen(f"{address}/moved")).error is None
        secret = address.replace("http://", "http://ann:secret@")
        items = listen(f"{secret}/guarded")
        assert end_of(items).error is None
        assert "secret" not in str([chunk.stream for chunk in chunks_of(items)]) + str(statuses_of(items))
        with pytest.raises(StreamError, match="answered 401"):
            listen(f"{address}/guarded")


def test_a_key_in_the_query_is_asked_with_and_not_told(tmp_path):
    data = mp3(tmp_path)
    answers = {"/live?k=secret": body("audio/mpeg", data), "/page?secret": body("text/html", b"<p>")}
    answers |= {
        "/list.m3u?secret": body("audio/mpegurl", b"http://h h/?secret"),
        "/cut.m3u?secret": lambda handler: handler.begin("audio/mpegurl", Content_Length=9),
        "/away?secret": lambda handler: handler.begin("text/html", 302, Location="ftp://ann:secret@h/x?secret"),
    }
    with serving(answers) as address:
        items = listen(f"{address}/live?k=secret")
        assert end_of(items).error is None
        assert "secret" not in str([chunk.stream for chunk in chunks_of(items)]) + str(statuses_of(items))
        for path in (*(path for path in answers if "live" not in path), "/none?secret"):
            with pytest.raises(StreamError) as caught:
                listen(f"{address}{path}")
            assert "secret" not in str(caught.value), path


def test_playlists():
    assert parse_playlist("\ufeff#EXTM3U\r\n\r\n a.mp3 \r\n", "http://x/y/l.m3u") == ["http://x/y/a.mp3"]
    assert parse_playlist("[playlist]\nFile1=http://a/\nTitle1=t\nFile2=b", "http://x/y/l.pls") == [
        "http://a/",
        "http://x/y/b",
    ]
