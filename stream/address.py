"""What may be shown of a web address: neither who asks for it nor what it is asked with.

    masked("no answer from http://ann:s3cret@host/live?key=42")    # "no answer from http://***@host/live?***"
    masked_address("ann:s3 cret@host")                             # "***@host": typed, and perhaps wrong
    bare("http://ann:s3cret@host/live?key=42")                     # "http://host/live"
    stream_name("http://ann:s3cret@host/live?key=42")              # "http://host/live#89946659"

A listener's key stands in the query, with a name before it or without, so all of the query goes.
"""

from __future__ import annotations

import hashlib
import re
import urllib.parse

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
