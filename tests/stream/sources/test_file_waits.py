from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from stream.common.errors import StreamError
from stream.common.stop import Stop
from stream.sources.files import FileSource
from stream.tagging.audio import AudioChunk, StreamEnd
from tests.stream.sources.sounds import end_of, samples_of, write_kind


def listen(path: Path) -> list:
    return list(FileSource(path, Stop()))


def test_a_pipe_is_read_as_it_comes_and_stopped_while_it_waits(tmp_path):
    path = write_kind(tmp_path, "a.flac")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(path.read_bytes()))
    writer.start()
    np.testing.assert_array_equal(samples_of(listen(pipe)), samples_of(listen(path)))
    writer.join()
    stop = Stop()
    listener = threading.Thread(target=lambda: list(FileSource(pipe, stop)))
    listener.start()
    with pipe.open("wb"):  # opens as soon as the listener has
        stop.request()
        listener.join(10)
        assert not listener.is_alive()


def test_a_fifo_without_a_writer_is_waited_on_until_a_stop(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    stop = Stop()
    items: list = []
    listener = threading.Thread(target=lambda: items.extend(FileSource(pipe, stop)), daemon=True)
    listener.start()
    stop.request()
    listener.join(10)
    assert not listener.is_alive()
    assert items == []


def test_a_fifo_is_read_from_the_first_writer_to_its_end(tmp_path):
    path = write_kind(tmp_path, "a.flac")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    items: list = []
    listener = threading.Thread(target=lambda: items.extend(listen(pipe)), daemon=True)
    listener.start()
    pipe.write_bytes(path.read_bytes())  # opens when the listener has, who by then has waited
    listener.join(60)
    np.testing.assert_array_equal(samples_of(items), samples_of(listen(path)))
    assert end_of(items).error is None


def test_a_fifo_into_which_nothing_is_written_is_empty(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.open("wb").close())
    writer.start()
    with pytest.raises(StreamError, match="is empty"):
        listen(pipe)
    writer.join()


def test_a_stop_ends_the_stream_without_an_error(tmp_path):
    stop = Stop()
    items = iter(FileSource(write_kind(tmp_path, "a.flac"), stop))
    next(items)
    stop.request()
    assert list(items) == []


def test_realtime_holds_chunks_until_they_are_due(tmp_path, monkeypatch):
    """By a clock of its own that only waiting moves: a slow machine changes nothing."""
    now = 1000.0
    monkeypatch.setattr("stream.sources.files.time.monotonic", lambda: now)

    class Clock(Stop):
        def wait(self, seconds: float) -> bool:
            nonlocal now
            now += max(0.0, seconds)
            return False

    for chunk in FileSource(write_kind(tmp_path, "a.flac"), Clock(), realtime=True):
        if isinstance(chunk, StreamEnd):
            break
        assert isinstance(chunk, AudioChunk)
        assert now - 1000.0 == pytest.approx((chunk.first_sample + len(chunk.samples)) / chunk.samplerate)
    assert now == pytest.approx(1006.0)


def test_a_stop_is_honoured_while_realtime_waits(tmp_path):
    stop = Stop()
    source = FileSource(write_kind(tmp_path, "a.wav", seconds=60.0), stop, realtime=True)
    heard = threading.Event()

    def listen_on() -> None:
        for _ in source:
            heard.set()

    thread = threading.Thread(target=listen_on)
    thread.start()
    assert heard.wait(10)
    stop.request()
    thread.join(10)
    assert not thread.is_alive()


def test_paced_sound_is_captured_when_it_comes_and_other_sound_never(tmp_path):
    path = write_kind(tmp_path, "a.flac")
    before = time.time()
    paced = [item for item in FileSource(path, Stop(), realtime=True) if isinstance(item, AudioChunk)]
    assert all(before <= chunk.captured_at <= time.time() for chunk in paced)
    at_once = [item for item in FileSource(path, Stop()) if isinstance(item, AudioChunk)]
    assert {chunk.captured_at for chunk in at_once} == {None}
