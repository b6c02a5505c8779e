r"""Names, times and moods as text that is safe to show.

plain(title)                # one line without control characters, whatever a stranger named their song
single_line(title)          # the same name, but for control characters and line separators
escaped(message)            # one line in which every character that does not print is spelt out: \x1b, \n
clock(95.04)                # "01:35.0"
ago(95.04)                  # "1 min"
top(running, 3)             # the three highest, highest first
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
import urllib.parse
from collections.abc import Mapping
from datetime import UTC, datetime

_LOGIN = re.compile(r"(?<=://)[^/\s?#]+@")
_QUERY = re.compile(r"(://[^\s?#]*\?)[^\s#]*[^\s#<>\"'.,:;)]")  # what ends a sentence or a quotation stays


def is_address(text: str) -> bool:
    """Return whether this is an http or https address that can be asked for."""
    try:
        address = urllib.parse.urlsplit(text)
        usable = address.scheme in ("http", "https") and bool(address.hostname) and address.port != 0
    except ValueError:
        return False
    return usable and not any(character.isspace() for character in text)


def masked(text: str) -> str:
    """Return a text with ``***`` for users, passwords and queries of the addresses in it."""
    return _QUERY.sub(r"\1***", _LOGIN.sub("***@", text))


def masked_address(text: str) -> str:
    """Return what was meant as an address with ``***`` for user, password and query.

    Of one that cannot be used nobody knows where the password ends: all before the last ``@`` goes, and if that may be
    one of a query, all behind it, too.
    """
    if is_address(text):
        return masked(text)
    before, at, rest = text.rpartition("@")
    scheme = re.match(r"\w+://", before)
    login = f"{scheme[0] if scheme else ''}***" if at else ""
    if "?" in before:
        return login
    place, mark, _ = rest.partition("?")
    return f"{login}{at}{place}{mark and '?***'}"


def bare(url: str) -> str:
    """Return an address without user, password, query and fragment."""
    address = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit((address.scheme, address.netloc.rpartition("@")[2], address.path, "", ""))


def stream_name(url: str) -> str:
    """Return what a stream from an address is called: the bare address, and a number where it has a query.

    The number is a digest of the query, so that stations that differ in nothing else keep streams of their own.
    """
    query = urllib.parse.urlsplit(url).query
    return f"{bare(url)}#{hashlib.sha256(query.encode()).hexdigest()[:8]}" if query else bare(url)


def utf8(text: str) -> str:
    """Return the text with what UTF-8 cannot hold (lone surrogates, from undecodable file names) as ``?``."""
    return text.encode("utf-8", "replace").decode("utf-8")


def plain(text: str) -> str:
    """Return the text as one line that is safe on a terminal.

    Escape and other control characters become U+FFFD, white space a single space; invisible characters that reorder or
    hide text are left out.
    """
    kept = []
    for char in utf8(text):
        category = unicodedata.category(char)
        if char.isspace() or category in ("Zl", "Zp"):
            kept.append(" ")
        elif category == "Cc":
            kept.append("\N{REPLACEMENT CHARACTER}")
        elif category != "Cf":
            kept.append(char)
    return " ".join("".join(kept).split())


def single_line(text: str) -> str:
    """Return the text with control characters and line separators as U+FFFD, and nothing else changed."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char for char in utf8(text)
    )


def escaped(text: str) -> str:
    r"""Return the text as one line in which every character that does not print is spelt as Python does: ``\x1b``."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def rfc3339(when: datetime) -> str:
    """Return a moment as RFC 3339 in UTC with milliseconds: ``2026-01-01T00:00:38.916Z``."""
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def clock(seconds: float) -> str:
    """Return a position in a stream: ``00:35.9``, ``1:02:03.4``."""
    tenths = int(seconds * 10)  # rounding would show a time that has not come yet
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    start = f"{hours}:{minutes:02}" if hours else f"{minutes:02}"
    return f"{start}:{tenths // 10:02}.{tenths % 10}"


def ago(seconds: float) -> str:
    """Return how long ago something was, in at most six characters: ``2 s``, ``14 min``, ``3 h``, ``9 d``."""
    for most, unit, length in ((120, "s", 1), (7200, "min", 60), (172_800, "h", 3600)):
        if seconds < most:
            return f"{int(seconds // length)} {unit}"
    return f"{min(9999, int(seconds // 86_400))} d"


def top(moods: Mapping[str, float], count: int | None = None) -> list[tuple[str, float]]:
    """Return the ``count`` highest moods (all for None), highest first, equals in the model's order."""
    return sorted(moods.items(), key=lambda item: -item[1])[:count]


def count_of(number: int, noun: str) -> str:
    """Return ``1 window``, ``2 windows``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
