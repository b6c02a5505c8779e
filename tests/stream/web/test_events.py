"""/events over a real socket, read by a plain HTTP client."""

from __future__ import annotations

import http.client
import socket
import threading

import numpy as np
import pytest

from stream.tagging.audio import AudioChunk
from stream.web.feed import LiveFeed
from stream.web.server import Server
from tests.stream.sinks import records
from tests.stream.web.client import Events, served, served_events, wait_until


def sound(value: float) -> AudioChunk:
    return AudioChunk("mic", np.full((160, 1), value, np.float32), 16_000, 0)


def windows(feed: LiveFeed, *numbers: int) -> None:
    for number in numbers:
        feed.emit(records.estimate(window=number, end_s=3.0 * number))


def test_a_snapshot_then_what_changes() -> None:
    feed = LiveFeed()
    feed.model(records.MODEL)
    windows(feed, 1, 2)
    with served(feed) as server, Events(server) as all_of_them, Events(server, "?stream=mic") as one:
        assert all_of_them.answer.getheader("content-type") == "text/event-stream; charset=utf-8"
        assert all_of_them.answer.getheader("cache-control") == "no-store"
        assert [row["key"] for row in all_of_them.next("snapshot").data["streams"]] == ["mic"]
        full = one.next("snapshot").data
        assert full["model"] == {"name": "demo", "version": "1.0"}
        assert [point[0] for point in full["detail"]["points"]] == [3.0, 6.0]
        feed.emit(records.estimate(stream="radio"))
        assert [row["key"] for row in all_of_them.next("update").data["streams"]] == ["radio"]
        assert one.next("update").data["count"] == 2
        windows(feed, 3)
        assert [point[0] for point in one.next("update").data["detail"]["points"]] == [9.0]


@pytest.mark.parametrize("how", ["header", "query"])
def test_who_comes_back_is_sent_only_what_was_missed(how: str) -> None:
    feed = LiveFeed()
    windows(feed, 1, 2)
    with served(feed) as server:
        with Events(server, "?stream=mic") as before:
            last = before.next("snapshot").id
        windows(feed, 3, 4)
        query = "?stream=mic" if how == "header" else f"?stream=mic&after={last}"
        with Events(server, query, last if how == "header" else None) as after:
            told = next(iter(after))
        assert told.kind == "update"
        assert told.id != last
        assert not told.data["detail"]["reset"]
        assert [point[0] for point in told.data["detail"]["points"]] == [9.0, 12.0]
        assert told.data["detail"]["notes"] == []


def test_who_comes_back_to_another_process_is_sent_everything() -> None:
    first, second = LiveFeed(), LiveFeed()
    windows(first, 1)
    windows(second, 7)
    with served(first) as server, Events(server) as before:
        last = before.next("snapshot").id
    with served(second) as server, Events(server, "?stream=mic", last) as after:
        told = next(iter(after))
    assert told.kind == "snapshot"
    assert told.data["detail"]["reset"]
    assert [point[0] for point in told.data["detail"]["points"]] == [21.0]


def test_how_loud_a_watched_stream_is() -> None:
    feed = LiveFeed()
    with served_events(feed) as (server, _), Events(server, "?stream=mic") as events:
        events.next("snapshot")  # from now on it is watched
        feed.audio(sound(0.1))
        assert events.next("level").data == -20.0
        feed.audio(sound(0.0))
        told = events.next("level")
        assert (told.data, told.id) == (-120.0, None)


def test_a_beat_where_nothing_happens() -> None:
    with served_events(LiveFeed(), beat_seconds=0.02) as (server, _), Events(server) as events:
        assert [next(iter(events)).kind for _ in range(3)] == ["snapshot", "beat", "beat"]


def test_one_page_too_many_is_sent_away_until_one_is_closed() -> None:
    with served_events(LiveFeed(), most_clients=2) as (server, events):
        with Events(server) as one, Events(server) as two, Events(server) as three:
            assert (one.answer.status, two.answer.status, three.answer.status) == (200, 200, 503)
            assert three.answer.getheader("retry-after") == "5"
            assert three.answer.read() == b"2 pages are open already; close one of them\n"
        wait_until(lambda: events.clients == 0)
        with Events(server) as four:
            assert four.answer.status == 200


def test_open_pages_do_not_keep_the_server_from_stopping(capfd: pytest.CaptureFixture[str]) -> None:
    feed = LiveFeed()
    with served(feed) as server:
        events = Events(server)
        events.next("snapshot")
    with events:
        assert list(events) == []  # ended, not broken off
    assert capfd.readouterr() == ("", "")


def test_a_client_that_does_not_read_is_cut_off_and_nobody_waits_for_it(capfd: pytest.CaptureFixture[str]) -> None:
    feed = LiveFeed()
    seen: list[str] = []

    def read(server: Server) -> None:
        with Events(server) as events:
            seen.extend(row["key"] for told in events if told.kind == "update" for row in told.data["streams"])

    def lazy_is_cut_off() -> bool:
        for number in range(500):
            feed.emit(records.estimate(stream=f"{number} {'x' * 100}", track="y" * 200))
        return events.clients == 1

    with served_events(feed, idle_seconds=0.3) as (server, events), socket.socket() as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.connect((server.host, server.port))
        lazy.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        reader = threading.Thread(target=read, args=(server,))
        reader.start()
        wait_until(lambda: events.clients == 2)
        wait_until(lazy_is_cut_off)
        feed.emit(records.estimate(stream="the last"))
        with Events(server, "?stream=the+last") as fresh:
            assert fresh.next("snapshot").data["stream"]["key"] == "the last"
        wait_until(lambda: "the last" in seen)
        feed.close()
        reader.join()
    assert capfd.readouterr() == ("", "")


def test_head_is_answered_at_once() -> None:
    with served(LiveFeed()) as server:
        connection = http.client.HTTPConnection(server.host, server.port, timeout=20)
        connection.request("HEAD", "/events")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"")
        connection.close()


@pytest.mark.parametrize("name", records.HOSTILE)
def test_no_name_breaks_the_format(name: str) -> None:
    feed = LiveFeed()
    feed.emit(records.estimate(stream=name, track=name))
    with served(feed) as server, Events(server) as events:
        assert len(events.next("snapshot").data["streams"]) == 1
