from __future__ import annotations

import os
import socket
import threading

import numpy as np
import pytest

from stream.common.stop import Stop
from stream.sources.files import FileSource
from stream.sources.icy import parse_title
from stream.sources.radio import UrlSource
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
from tests.stream.sources.stations import kinds, listen, mp3
from tests.stream.sources.web import Handler, body, hang_up, serving, station, with_titles


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


def test_damage_in_a_station_is_a_warning_and_a_gap(tmp_path):
    data = bytearray(mp3(tmp_path, seconds=8.0))
    data[len(data) // 2 : len(data) // 2 + 8000] = bytes(8000)
    with serving({"/live": station(bytes(data), then=hang_up)}) as address:
        items = listen(f"{address}/live", until=lambda items: "down" in kinds(items))
    assert kinds(items) == ["up", "warning", "down"]
    lost = statuses_of(items)[1].lost_seconds
    assert lost == pytest.approx(0.5, abs=0.05)
    last = chunks_of(items)[-1]
    heard = len(samples_of(items)) / 44100
    assert (last.first_sample + len(last.samples)) / 44100 == pytest.approx(heard + lost, abs=1e-4)


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
