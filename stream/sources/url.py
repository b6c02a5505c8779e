"""Internet radio and other sound on the web.

    UrlSource("https://radio.example/listen.pls", stop)

Icecast and SHOUTcast stations with their titles (each begins a track), M3U and PLS playlists, HTTP Live Streaming, and
plain files. After an outage it connects again, with growing waits; what was missed is a jump in the sample index. An
answer without a length is taken for a station: whether it ended or broke off cannot be told.
"""

from __future__ import annotations

import contextlib
import dataclasses
import socket
from collections.abc import Generator, Iterator

from stream.common.stop import Stop
from stream.common.text import stream_name
from stream.sources.backoff import Backoff
from stream.sources.connection import check_address
from stream.sources.pump import Pump
from stream.tagging.audio import AudioChunk, SourceItem

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
        from stream.sources.reception import Reception  # noqa: PLC0415  (PyAV is slow to import)

        return Reception(self.stream, self.url, self._timeout, self._backoff, self._opened).listen(halt)

    def _opened(self, connected: socket.socket) -> None:
        self._socket = connected

    def _hang_up(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):  # it has gone already
                self._socket.shutdown(socket.SHUT_RDWR)
