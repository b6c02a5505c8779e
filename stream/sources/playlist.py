"""Playlists that stand before a radio station: M3U and PLS.

if is_playlist(connection):
    addresses = parse_playlist(text, connection.url)     # each a way to the same station
"""

from __future__ import annotations

import re
import urllib.parse
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
