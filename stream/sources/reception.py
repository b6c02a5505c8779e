"""One station over many connections: titles, outages, and the time that an outage took.

    reception = Reception("radio", url, timeout=10.0, backoff=Backoff(), opened=sockets.append)
    for item in reception.listen(halt): ...      # blocks: it runs in a thread (see `url.py`)

Nobody knows how much a station played while it was not heard, so the clock says: from the last sound before an outage
to the first after it.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator

from stream.common.errors import StreamError
from stream.common.stop import Stop
from stream.common.text import bare, masked
from stream.sources.backoff import Backoff
from stream.sources.block import Block, Form
from stream.sources.chunker import Chunker
from stream.sources.connection import Connection, Opened
from stream.sources.decode import Decoder, UndecodableError
from stream.sources.icy import IcyReader
from stream.sources.station import Segments, tune_in
from stream.tagging.audio import SourceItem, SourceStatus, StreamEnd

_CHUNK_SECONDS = 0.1
_QUICK = {"formatprobesize": "16384"}
"""MP3 and AAC that begin in the middle of a frame make ffmpeg look at five seconds before it believes them."""

_STEADY_SECONDS = 10.0
"""A connection that lasted this long was good: the next outage begins with short waits again."""


class Reception:
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
