"""Internet radio and other sound on the web.

    for item in UrlSource("https://radio.example/listen.pls", stop): ...

Icecast and SHOUTcast stations with their titles (each begins a track), M3U and PLS playlists, HTTP Live Streaming, and
plain files. After an outage it connects again, with growing waits. Nobody knows how much a station played meanwhile, so
the clock says: from the last sound before the outage to the first after it is a jump in the sample index. An answer
without a length is taken for a station: whether it ended or broke off cannot be told.
"""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import time
from collections.abc import Generator, Iterator

from stream.common.errors import StreamError, UsageError
from stream.common.retry import Backoff
from stream.common.stop import Stop
from stream.common.text import bare, masked, stream_name
from stream.sources.chunker import Chunker
from stream.sources.connection import Connection, Opened, check_address, connect
from stream.sources.decode import Block, Decoder, Form, UndecodableError
from stream.sources.icy import IcyReader, is_hls, is_playlist, parse_playlist
from stream.sources.pump import Pump
from stream.tagging.audio import AudioChunk, SourceItem, SourceStatus, StreamEnd

_MAX_DEPTH = 4
_MAX_ENTRIES = 10
_MAX_PLAYLIST_BYTES = 1 << 20


@dataclasses.dataclass(frozen=True, slots=True)
class Segments:
    """The address of an HTTP Live Streaming playlist."""

    url: str


def tune_in(url: str, timeout: float, opened: Opened, depth: int = 0) -> Connection | Segments:
    """Return the sound at an address.

    A playlist's entries are tried in turn.

    Args:
        url: of the station, or of a playlist.
        timeout: of a connection and of every read, in seconds.
        opened: is given each socket that is opened.
        depth: how many playlists led here.

    Raises:
        StreamError: it cannot be reached, or is a page or a playlist without an end.
    """
    connection = connect(url, timeout, opened)
    if is_playlist(connection.url, connection.content_type):
        text = _read_text(connection)
        if is_hls(text):
            return Segments(connection.url)
        if depth == _MAX_DEPTH:
            raise StreamError(f"{bare(url)} is a playlist of playlists without end")
        return _first_of(parse_playlist(text, connection.url), url, timeout, opened, depth)
    if connection.content_type.startswith(("text/", "application/xhtml", "application/json")):
        connection.close()
        what = "a web page" if "html" in connection.content_type else f"text ({connection.content_type})"
        raise StreamError(f"{bare(url)} is {what}, not sound: give the address of the stream itself or of its playlist")
    return connection


def _first_of(entries: list[str], url: str, timeout: float, opened: Opened, depth: int) -> Connection | Segments:
    failure = StreamError(f"the playlist {bare(url)} has no addresses in it")
    for entry in entries[:_MAX_ENTRIES]:
        try:
            check_address(entry)
            return tune_in(entry, timeout, opened, depth + 1)
        except UsageError as error:
            failure = StreamError(f"the playlist {bare(url)} leads nowhere: {error}")
        except StreamError as error:
            failure = error
    raise failure


def _read_text(connection: Connection) -> str:
    data = b""
    while len(data) < _MAX_PLAYLIST_BYTES and (piece := connection.read(65536)):
        data += piece
    connection.close()
    if connection.failure is not None:
        raise StreamError(f"the playlist {bare(connection.url)} cannot be read: {connection.failure}")
    return data.decode("utf-8", "replace")


_QUEUE_CHUNKS = 100
"""Ten seconds; a full queue leaves the sound with the server (TCP holds it back)."""


class UrlSource:
    """The sound at an address."""

    live = True

    def __init__(
        self,
        url: str,
        stop: Stop,
        *,
        stream: str | None = None,
        timeout: float = 10.0,
        backoff: Backoff | None = None,
    ) -> None:
        """Make a source; the connection is made when it is iterated over.

        Args:
            url: ``http`` or ``https``.
            stop: ends the stream.
            stream: name of the stream; None takes the address, without what is secret in it.
            timeout: of a connection; and a server that sends nothing for so long has stalled, in seconds.
            backoff: waits between attempts to connect again.

        Raises:
            UsageError: it is no such address.
        """
        check_address(url)
        self.url = url
        self.stream = stream if stream is not None else stream_name(url)
        self._timeout = timeout
        self._backoff = backoff if backoff is not None else Backoff()
        self._socket: socket.socket | None = None
        self._pump = Pump(self._receive, stop, _QUEUE_CHUNKS, self._hang_up)

    def __iter__(self) -> Iterator[SourceItem]:
        """Yield sound and news, once.

        Raises:
            StreamError: the first connection failed, or there is no sound at the address.
        """
        for item, queued in self._pump:
            yield dataclasses.replace(item, queued=queued) if isinstance(item, AudioChunk) else item

    def close(self) -> None:
        """Hang up."""
        self._pump.close()

    def _receive(self, halt: Stop) -> Generator[SourceItem]:
        return RadioConnection(self.stream, self.url, self._timeout, self._backoff, self._opened).listen(halt)

    def _opened(self, connected: socket.socket) -> None:
        self._socket = connected

    def _hang_up(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):  # it has gone already
                self._socket.shutdown(socket.SHUT_RDWR)


_CHUNK_SECONDS = 0.1
_QUICK = {"formatprobesize": "16384"}
"""MP3 and AAC that begin in the middle of a frame make ffmpeg look at five seconds before it believes them."""

_STEADY_SECONDS = 10.0
"""A connection that lasted this long was good: the next outage begins with short waits again."""


class RadioConnection:
    """What is known of a station from one connection to the next."""

    def __init__(self, stream: str, url: str, timeout: float, backoff: Backoff, opened: Opened) -> None:
        self._stream = stream
        self._url = url
        self._name = bare(url)
        self._timeout = timeout
        self._backoff = backoff
        self._opened = opened
        self._chunker = Chunker(stream, _CHUNK_SECONDS, live=True)
        self._form: Form | None = None
        self._title: str | None = None
        self._last_heard: float | None = None
        self._is_down = True

    def listen(self, halt: Stop) -> Generator[SourceItem]:
        """Yield the station's sound and news, until it ends or ``halt`` is requested.

        Raises:
            StreamError: the first connection failed, or brought no sound.
        """
        while not halt.requested:
            try:
                error = yield from self._connection(halt)
            except StreamError as outage:
                if self._last_heard is None:
                    raise
                yield from self._chunker.flush()
                if not self._is_down:
                    self._is_down = True
                    yield SourceStatus(self._stream, "down", f"{outage}; trying again")
                halt.wait(self._backoff.next())
            else:
                if not halt.requested:
                    yield from self._chunker.flush()
                    yield StreamEnd(self._stream, error)
                return

    def _connection(self, halt: Stop) -> Generator[SourceItem, None, str | None]:
        """Yield what one connection brings.

        Returns:
            At the end of something finite, why it was not whole, or None.

        Raises:
            StreamError: the connection failed or ended, though the station has not.
        """
        station = tune_in(self._url, self._timeout, self._opened)
        if isinstance(station, Segments):
            return (yield from self._segments(station, halt))
        try:
            body = IcyReader(station.read, station.metadata_interval)
            body.read_ahead()
            is_endless = station.length is None or station.is_radio
            with Decoder(body, form=self._form, options=_QUICK if is_endless else None) as decoder:
                for block in decoder:
                    yield from self._news(decoder)
                    yield from self._titles(body, block)
                    yield from self._sound(decoder, block)
                    if halt.requested:
                        return None
        except UndecodableError as reason:
            raise StreamError(f"{self._name}: {_why_no_sound(station, reason)}") from None
        finally:
            station.close()
        if is_endless:
            raise StreamError(f"{self._name}: {station.failure or 'the server closed the connection'}")
        return station.failure or decoder.damage

    def _segments(self, station: Segments, halt: Stop) -> Generator[SourceItem, None, str | None]:
        try:
            with Decoder(station.url, form=self._form, timeout=self._timeout) as decoder:
                for block in decoder:
                    yield from self._news(decoder)
                    yield from self._sound(decoder, block)
                    if halt.requested:
                        return None
                if decoder.header_seconds is not None:  # a recording: its playlist has an end
                    return decoder.damage
        except (UndecodableError, OSError) as reason:
            raise StreamError(f"{self._name} cannot be heard: {masked(str(reason))}") from None
        raise StreamError(f"{self._name}: the stream broke off")

    def _news(self, decoder: Decoder) -> Iterator[SourceItem]:
        """At the first block of a connection: how long there was none."""
        now = time.monotonic()
        if self._is_down:
            self._is_down = False
            self._form = decoder.form
            assert decoder.form is not None  # a block has come
            lost = now - self._last_heard if self._last_heard is not None else 0.0
            if self._last_heard is not None:
                yield from self._chunker.lose(round(lost * decoder.form.samplerate))
            yield SourceStatus(self._stream, "up", f"connected to {self._name}", lost)
        self._last_heard = now

    def _titles(self, body: IcyReader, block: Block) -> Iterator[SourceItem]:
        while body.titles and (block.position is None or body.titles[0][0] <= block.position):
            _, title = body.titles.popleft()
            if title != self._title:
                self._title = title
                yield from self._chunker.begin_track(title)

    def _sound(self, decoder: Decoder, block: Block) -> Iterator[SourceItem]:
        assert decoder.form is not None  # a block has come
        yield from self._chunker.take(block, decoder.form.samplerate)
        if decoder.seconds > _STEADY_SECONDS:
            self._backoff.reset()


def _why_no_sound(connection: Connection, reason: UndecodableError) -> str:
    if connection.failure is not None:
        return connection.failure
    if not connection.count:
        return "the server sent nothing"
    return f"{reason}; it was sent as {connection.content_type or 'something without a type'}"
