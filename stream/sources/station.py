"""From an address to bytes of sound: playlists followed, pages and errors told apart from music.

match tune_in("http://radio.example/listen.pls", timeout=10.0, opened=sockets.append):
    case Connection() as connection: ...     # the sound itself
    case Segments(url): ...                  # HTTP Live Streaming: ffmpeg fetches it
"""

from __future__ import annotations

import dataclasses

from stream.common.errors import StreamError, UsageError
from stream.common.text import bare
from stream.sources.connection import Connection, Opened, check_address, connect
from stream.sources.playlist import is_hls, is_playlist, parse_playlist

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
