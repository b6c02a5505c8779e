"""ICY: the titles that internet radio sends between the bytes of its sound.

    body = IcyReader(connection.read, connection.metadata_interval)
    body.read_ahead()             # to the first title
    data = body.read(4096)        # sound only
    body.titles                   # [(0, "Artist - Title"), (160000, "Artist - Next")]: from which byte of sound on

After every ``interval`` bytes of sound the server sends one byte n and 16 n bytes of text, padded with zeros:
``StreamTitle='Artist - Title';StreamUrl='';``. Mostly n is 0.
"""

from __future__ import annotations

import re
import urllib.parse
from collections import deque
from collections.abc import Callable
from pathlib import PurePosixPath

_TYPES = {
    "application/pls+xml",
    "application/vnd.apple.mpegurl",
    "application/x-mpegurl",
    "audio/mpegurl",
    "audio/scpls",
    "audio/x-mpegurl",
    "audio/x-scpls",
}
_SUFFIXES = {".m3u", ".m3u8", ".pls"}


def is_playlist(url: str, content_type: str) -> bool:
    """Say whether an answer is a playlist: by its type or, where that is none of sound, by its name."""
    if content_type in _TYPES:
        return True
    suffix = PurePosixPath(urllib.parse.urlsplit(url).path).suffix.lower()
    return suffix in _SUFFIXES and not content_type.startswith(("audio/", "video/", "text/html"))


def is_hls(text: str) -> bool:
    """Say whether a playlist is one of segments (HTTP Live Streaming), which ffmpeg plays by itself."""
    return "#EXT-X-" in text


def parse_playlist(text: str, base: str) -> list[str]:
    """Return the addresses in an M3U or PLS playlist, in its order, relative ones made absolute."""
    if text.lstrip("\ufeff \t\r\n").lower().startswith("[playlist]"):
        entries = re.findall(r"^\s*file\d+\s*=\s*(\S.*?)\s*$", text, re.IGNORECASE | re.MULTILINE)
    else:
        lines = (line.strip("\ufeff \t") for line in text.splitlines())
        entries = [line for line in lines if line and not line.startswith("#")]
    return [urllib.parse.urljoin(base, entry) for entry in entries]


_MAX_AHEAD = 65536
_MAX_TITLES = 64


class IcyReader:
    """Takes the metadata out of a body."""

    def __init__(self, read: Callable[[int], bytes], interval: int | None) -> None:
        """Make a reader.

        Args:
            read: returns 1 to n bytes of the body, or none at its end.
            interval: bytes of sound between two blocks of metadata; None if there are none.
        """
        self.titles: deque[tuple[int, str | None]] = deque(maxlen=_MAX_TITLES)
        """Titles not taken yet, each with the byte of sound at which it begins; None is an empty title."""
        self._read = read
        self._interval = interval
        self._left = interval or 0
        self._position = 0  # bytes of sound taken from the body
        self._ahead = b""
        self._blocks = 0

    def read(self, size: int) -> bytes:
        """Return 1 to ``size`` bytes of sound, or none at the end."""
        if self._ahead:
            data, self._ahead = self._ahead[:size], self._ahead[size:]
            return data
        return self._pull(size)

    def read_ahead(self) -> None:
        """Read as far as the first title, so that the first sound already has it."""
        if self._interval is None or self._interval > _MAX_AHEAD:
            return
        while not self._blocks and (data := self._pull(self._interval)):
            self._ahead += data
            if not self._left:
                self._metadata()
        if self.titles:
            self.titles[0] = (0, self.titles[0][1])

    def _pull(self, size: int) -> bytes:
        if self._interval is None:
            data = self._read(size)
        else:
            if not self._left and not self._metadata():
                return b""
            data = self._read(min(size, self._left))
            self._left -= len(data)
        self._position += len(data)
        return data

    def _metadata(self) -> bool:
        """Read a block of metadata; False if the body ended in it."""
        length = self._read(1)
        if not length:
            return False
        block = b""
        while len(block) < 16 * length[0]:
            data = self._read(16 * length[0] - len(block))
            if not data:
                return False
            block += data
        self._left = self._interval or 0
        self._blocks += 1
        found, title = parse_title(block)
        if found:
            self.titles.append((self._position, title))
        return True


def parse_title(block: bytes) -> tuple[bool, str | None]:
    """Return whether a block of metadata holds a title, and the title (None if it is empty)."""
    match = re.search(rb"StreamTitle='(.*?)'(?:;|\0|$)", block, re.DOTALL)
    if match is None:
        return False, None
    try:
        text = match[1].decode()
    except UnicodeDecodeError:
        text = match[1].decode("latin-1")
    return True, " ".join(text.split()) or None
