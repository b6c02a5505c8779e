from __future__ import annotations

import itertools
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from stream.audio import AudioChunk
from stream.errors import StreamError, UsageError
from stream.sources.backoff import Backoff
from stream.sources.files import FileSource
from stream.sources.icy import parse_title
from stream.sources.playlist import parse_playlist
from stream.sources.url import UrlSource
from stream.stop import Stop
from tests.stream.sources.sounds import (
    CODECS,
    chunks_of,
    decode,
    end_of,
    music,
    samples_of,
    statuses_of,
    write,
    write_kind,
)
from tests.stream.sources.web import Handler, body, hang_up, in_turn, serving, station, with_titles


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


def listen(url: str, until: Callable[[list], bool] = lambda _: False, timeout: float = 30.0) -> list:
    """Listen until the end, or until a condition on what was heard so far holds."""
    stop = Stop()
    items: list = []
    source = UrlSource(url, stop, timeout=timeout, backoff=Backoff(0.01, 0.05))
    for item in source:
        items.append(item)
        if until(items):
            stop.request()
    source.close()
    return items


def kinds(items: list) -> list[str]:
    return [status.kind for status in statuses_of(items)]


def chunks_after(kind: str, times: int = 1) -> Callable[[list], bool]:
    """Some sound was heard after the so-and-so-manyth status of a kind."""
    return lambda items: kinds(items).count(kind) >= times and isinstance(items[-1], AudioChunk)


def mp3(directory: Path, seconds: float = 4.0, rate: int = 44100, channels: int = 2, seed: int = 0) -> bytes:
    """Bare frames as a station sends them, without tags."""
    path = directory / "bare.mp3"
    options = {"write_xing": "0", "id3v2_version": "0"}
    write(path, music(seconds, rate, channels, seed), rate, "libmp3lame", options=options)
    return path.read_bytes()


@pytest.mark.parametrize("name", CODECS)
def test_a_plain_file_is_heard_to_its_end(tmp_path, name):
    path = write_kind(tmp_path, name)
    with serving({"/song": body("application/octet-stream", path.read_bytes())}) as address:
        items = listen(f"{address}/song")
    heard, whole = samples_of(items), samples_of(FileSource(path, Stop()))
    np.testing.assert_array_equal(heard, whole)
    assert end_of(items).error is None
    assert kinds(items) == ["up"]
    assert all(chunk.captured_at is not None for chunk in chunks_of(items))


def test_a_plain_file_that_breaks_off_says_so(tmp_path):
    data = mp3(tmp_path)

    def broken(handler: Handler) -> None:
        handler.begin("audio/mpeg", Content_Length=len(data))
        handler.wfile.write(data[: len(data) // 2])

    with serving({"/song.mp3": broken}) as address:
        items = listen(f"{address}/song.mp3")
    assert len(samples_of(items)) > 44100
    assert f"of {len(data)} bytes" in str(end_of(items).error)


def test_metadata_is_taken_out_and_titles_begin_tracks_where_they_stand(tmp_path):
    data = mp3(tmp_path, seconds=8.0)
    interval = 8000
    titles = {0: "Ann - First", 3: "Ann - First", 7: "Bob - Don't; Stop"}
    sound = with_titles(data, interval, titles)
    with serving({"/live": station(sound, interval, then=hang_up)}) as address:
        items = listen(f"{address}/live", until=lambda items: "down" in kinds(items))
    (tmp_path / "bare.mp3").write_bytes(data)
    whole, rate = decode(tmp_path / "bare.mp3")
    heard = samples_of(items)
    np.testing.assert_array_equal(heard, whole[: len(heard)])
    assert len(whole) - len(heard) <= 2304
    starts = [(chunk.track, chunk.first_sample / rate) for chunk in chunks_of(items) if chunk.starts_track]
    assert [title for title, _ in starts] == ["Ann - First", "Bob - Don't; Stop"]
    assert starts[0][1] == 0
    assert starts[1][1] == pytest.approx(8 * interval / len(data) * 8.0, abs=0.1)


def test_a_server_that_speaks_icy(tmp_path):
    data = mp3(tmp_path)

    def shoutcast(handler: Handler) -> None:
        handler.wfile.write(
            b"ICY 200 OK\r\nicy-notice1: hello\r\nicy-metaint: 4096\r\ncontent-type: audio/mpeg\r\n\r\n"
        )
        handler.wfile.write(with_titles(data, 4096, {0: "A title"}))
        handler.stall()

    with serving({"/": shoutcast}) as address:
        items = listen(f"{address}/", until=lambda items: len(chunks_of(items)) > 20)
    assert chunks_of(items)[0].track == "A title"


@pytest.mark.parametrize("name", ["a.mp3", "a.aac", "a.opus", "a.flac"])
def test_a_station_of_each_codec_that_one_tunes_in_to_in_the_middle(tmp_path, name):
    data = write_kind(tmp_path, name, seconds=10.0).read_bytes()
    if name in ("a.mp3", "a.aac"):  # these have no head, and begin anywhere
        data = data[len(data) // 3 + 17 :]
    with serving({"/live": station(data)}) as address:
        items = listen(f"{address}/live", until=lambda items: len(chunks_of(items)) > 30)
    assert np.abs(samples_of(items)).max() > 0.1


def test_a_server_that_closes_again_and_again_is_connected_to_again(tmp_path):
    with serving({"/live": station(mp3(tmp_path, 2.0), then=hang_up)}) as address:
        items = listen(f"{address}/live", until=chunks_after("up", 4))
    assert kinds(items) == ["up", "down", "up", "down", "up", "down", "up"]
    assert "closed the connection" in statuses_of(items)[1].detail
    assert_gaps_are_flagged(items, 3)


def assert_gaps_are_flagged(items: list, count: int) -> None:
    """The index jumps where the source was down, by what it says was lost, and nowhere else."""
    lost = [status.lost_seconds for status in statuses_of(items) if status.kind == "up"][1:]
    jumps = []
    for before, after in itertools.pairwise(chunks_of(items)):
        jump = after.first_sample - before.first_sample - len(before.samples)
        assert after.discontinuity == (jump > 0)
        if jump:
            jumps.append(jump / after.samplerate)
    assert len(jumps) == count
    assert jumps == pytest.approx(lost, abs=1e-4)


def test_a_server_that_stalls_is_connected_to_again(tmp_path):
    with serving({"/live": station(mp3(tmp_path))}) as address:
        items = listen(f"{address}/live", until=chunks_after("up", 2), timeout=0.5)
    assert kinds(items) == ["up", "down", "up"]
    assert "nothing came for 0.5 s" in statuses_of(items)[1].detail
    assert_gaps_are_flagged(items, 1)


def test_errors_after_the_first_connection_are_outlived(tmp_path):
    sound = station(mp3(tmp_path), then=hang_up)
    page = body("text/html", b"<html>Back soon</html>")
    with serving({"/live": in_turn(sound, lambda handler: handler.send_error(503), page, hang_up, sound)}) as address:
        items = listen(f"{address}/live", until=chunks_after("up", 2))
    assert kinds(items) == ["up", "down", "up"]


def test_a_title_goes_on_over_an_outage_and_a_new_one_begins_a_track(tmp_path):
    data = mp3(tmp_path)
    first, second = (with_titles(data, 4000, {0: title}) for title in ("One", "Two"))
    stations = [station(sound, 4000, then=hang_up) for sound in (first, first, second)]
    with serving({"/live": in_turn(*stations)}) as address:
        items = listen(f"{address}/live", until=chunks_after("up", 3))
    assert [chunk.track for chunk in chunks_of(items) if chunk.starts_track] == ["One", "Two"]


def test_another_rate_after_an_outage_is_converted_to_the_first(tmp_path):
    high, low = mp3(tmp_path), mp3(tmp_path, rate=22050, channels=1)
    with serving({"/live": in_turn(station(high, then=hang_up), station(low))}) as address:
        items = listen(f"{address}/live", until=chunks_after("up", 2))
    assert {(chunk.samplerate, chunk.samples.shape[1]) for chunk in chunks_of(items)} == {(44100, 2)}


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


def test_segments_are_played_to_the_end_of_their_playlist(tmp_path):
    sound = music(6.0)
    write(tmp_path / "live.m3u8", sound, 44100, "aac", format="hls", options={"hls_time": "2", "hls_list_size": "0"})
    answers = {f"/{path.name}": body("video/mp2t", path.read_bytes()) for path in tmp_path.glob("*.ts")}
    answers["/live.m3u8"] = body("application/vnd.apple.mpegurl", (tmp_path / "live.m3u8").read_bytes())
    assert len(answers) > 2
    with serving(answers) as address:
        items = listen(f"{address}/live.m3u8")
    assert len(samples_of(items)) == pytest.approx(len(sound), abs=4096)
    assert end_of(items).error is None


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
        (Handler.stall, "no answer within 0.5 s"),
        (station(b""), "nothing came for 0.5 s"),
    ],
)
def test_what_is_no_station_is_refused_at_once_in_one_line(answer, complaint):
    with serving({"/live": answer}) as address, pytest.raises(StreamError, match=complaint) as caught:
        listen(f"{address}/live", timeout=0.5)
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


def test_a_stop_is_honoured_while_the_server_is_silent(tmp_path):
    data = mp3(tmp_path)
    stop = Stop()
    with serving({"/live": station(data)}) as address:
        heard = threading.Event()
        source = UrlSource(f"{address}/live", stop, timeout=300)
        thread = threading.Thread(target=lambda: [heard.set() for _ in source])
        thread.start()
        assert heard.wait(10)
        stop.request()
        thread.join(10)
        assert not thread.is_alive()


def test_a_stop_is_honoured_while_nobody_answers():
    stop = Stop()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        source = UrlSource(f"http://127.0.0.1:{silent.getsockname()[1]}/", stop, timeout=300)
        items: list = []
        thread = threading.Thread(target=lambda: items.extend(source))
        thread.start()
        with silent.accept()[0]:
            stop.request()
            thread.join(10)
            assert not thread.is_alive()
        assert items == []


def test_a_fast_server_fills_no_memory(tmp_path):
    """Sound that nobody takes stays with the server: it can send no more than the buffers hold."""
    data = mp3(tmp_path, 10.0)
    sent = 0
    blocked = threading.Event()

    def endless(handler: Handler) -> None:
        nonlocal sent
        handler.begin("audio/mpeg")
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        handler.connection.settimeout(1.0)
        try:
            while True:
                handler.wfile.write(data)
                sent += len(data)
        except TimeoutError:  # nobody took anything for a second
            blocked.set()

    stop = Stop()
    with serving({"/live": endless}) as address:
        items = iter(UrlSource(f"{address}/live", stop))
        next(items)
        assert blocked.wait(60)
        stop.request()
        assert list(items) == []
    assert sent < 20_000_000


def test_titles():
    assert parse_title(b"StreamTitle='Bj\xf6rk - J\xf3ga';\0\0") == (True, "Björk - Jóga")
    assert parse_title("StreamTitle='Björk - Jóga';".encode()) == (True, "Björk - Jóga")
    assert parse_title(b"StreamTitle='';StreamUrl='http://x/';\0") == (True, None)
    assert parse_title(b"StreamUrl='http://x/';") == (False, None)
    assert parse_title(b"StreamTitle='cut off") == (False, None)
    assert parse_title(os.urandom(64))[0] is False


def test_playlists():
    assert parse_playlist("\ufeff#EXTM3U\r\n\r\n a.mp3 \r\n", "http://x/y/l.m3u") == ["http://x/y/a.mp3"]
    assert parse_playlist("[playlist]\nFile1=http://a/\nTitle1=t\nFile2=b", "http://x/y/l.pls") == [
        "http://a/",
        "http://x/y/b",
    ]
