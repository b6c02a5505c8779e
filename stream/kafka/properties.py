"""A client.properties file, as Kafka's own tools read it.

    found = read_properties(Path("client.properties"))       # {"bootstrap.servers": "broker:9092", ...}
    jaas = parse_jaas(found["sasl.jaas.config"])             # Jaas("PlainLoginModule", {"username": ..., ...})

Only the text is taken apart here; what the keys mean is for ``credentials.py``.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from stream.common.errors import StreamError

_LONGEST = 1_000_000
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_KEY = re.compile(r"((?:\\.|[^\\=:\s])*)\s*[=:]?\s*(.*)", re.DOTALL)
_JAAS = re.compile(r"""\s*([\w.$]+)\s+(?:required|requisite|sufficient|optional)\b(.*?);?\s*""", re.DOTALL)
_PAIR = re.compile(r"""\s*([\w.]+)\s*=\s*(?:"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'|([^\s;"']+))""", re.DOTALL)


def read_properties(path: Path) -> dict[str, str]:
    """Return the keys and values of a Java properties file in UTF-8; of a key given twice, the last value.

    Raises:
        StreamError: it cannot be read.
    """
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_LONGEST + 1)
    except OSError as error:
        raise StreamError(f"--kafka-properties {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise StreamError(f"--kafka-properties {path}: it is not UTF-8 text") from None
    if len(text) > _LONGEST:
        raise StreamError(f"--kafka-properties {path}: more than {_LONGEST} characters is no properties file")
    found = {}
    for line in _logical_lines(text):
        if match := _KEY.fullmatch(line):
            found[_unescaped(match[1])] = _unescaped(match[2]).rstrip()
    return found


@dataclasses.dataclass(frozen=True, slots=True)
class Jaas:
    """A ``sasl.jaas.config``: who logs in and how.

    Attributes:
        module: the login module's class without its package.
        options: what it is given; may hold a password.
    """

    module: str
    options: Mapping[str, str] = dataclasses.field(repr=False)


def parse_jaas(text: str) -> Jaas | None:
    """Return a ``sasl.jaas.config`` taken apart, or None where it is none."""
    match = _JAAS.fullmatch(text)
    if match is None:
        return None
    options, at = {}, 0
    while pair := _PAIR.match(match[2], at):
        quoted = pair[2] if pair[2] is not None else pair[3]
        options[pair[1]] = pair[4] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        at = pair.end()
    return None if match[2][at:].strip() else Jaas(match[1].rpartition(".")[2], options)


def _logical_lines(text: str) -> Iterator[str]:
    """Yield the lines that say something, continuations joined."""
    held = ""
    for line in re.split(r"\r\n|\n|\r", text):
        stripped = line.lstrip()
        if not held and (not stripped or stripped[0] in "#!"):
            continue
        backslashes = len(stripped) - len(stripped.rstrip("\\"))
        if backslashes % 2:
            held += stripped[:-1]
            continue
        yield held + stripped
        held = ""
    if held:
        yield held


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)) if match[1] else _ESCAPES.get(match[2], match[2]), text)
