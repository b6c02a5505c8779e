"""Kinds of setting: how a text becomes a value, and what to say where it cannot.

    kind = number(0, 1, "a probability", "P")
    kind.parse("0.5")                      # 0.5
    kind.parse("7")                        # ValueError; kind.wanted is "a probability from 0 to 1"

Flags, environment variables and YAML all give text, so every value takes this one way, wherever it came from.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stream.common.text import masked_address


@dataclasses.dataclass(frozen=True, slots=True)
class Kind:
    """A kind of setting.

    Attributes:
        wanted: what is accepted, with its range and unit, as the end of the sentence "needs ...".
        parse: text to value; raises ValueError.
        metavar: what stands for the value in the help; "" for a flag that takes none.
        show: value to what YAML writes, the inverse of ``parse``.
        many: the value is a tuple of such values.
        shown: text, or value that is a text, to what people may see of it.
    """

    wanted: str
    parse: Callable[[str], Any]
    metavar: str
    show: Callable[[Any], Any] = lambda value: value
    many: bool = False
    shown: Callable[[Any], Any] = lambda value: value


def number(low: float, high: float, what: str, metavar: str, *, above: bool = False) -> Kind:
    """Return the kind of a float from ``low`` (or above it) to ``high``; ``what`` names it with its unit."""
    wanted = f"{what} above {low:g}, at most {high:g}" if above else f"{what} from {low:g} to {high:g}"

    def parse(value: str) -> float:
        found = float(value)
        if not math.isfinite(found) or not low <= found <= high or (above and found == low):
            raise ValueError(wanted)
        return found

    return Kind(wanted, parse, metavar)


def seconds(low: float, high: float = 3600, *, above: bool = False) -> Kind:
    """Return the kind of a duration in seconds from ``low`` (or above it) to ``high``."""
    return number(low, high, "seconds", "SECONDS", above=above)


def integer(low: int, high: int, what: str, metavar: str = "N") -> Kind:
    """Return the kind of an int from ``low`` to ``high``; ``what`` names it with its unit."""
    wanted = f"{what} from {low} to {high}"

    def parse(value: str) -> int:
        found = int(value)
        if not low <= found <= high:
            raise ValueError(wanted)
        return found

    return Kind(wanted, parse, metavar)


def choice(*names: str, metavar: str = "") -> Kind:
    """Return the kind of one of a few words."""

    def parse(value: str) -> str:
        if value not in names:
            raise ValueError(value)
        return value

    return Kind("one of " + ", ".join(names), parse, metavar or "{" + ",".join(names) + "}")


def text(wanted: str, metavar: str) -> Kind:
    """Return the kind of any text but the empty one."""

    def parse(value: str) -> str:
        if not value:
            raise ValueError(wanted)
        return value

    return Kind(wanted, parse, metavar)


def path(wanted: str, metavar: str, *, many: bool = False) -> Kind:
    """Return the kind of a path, or of several; whether it exists is for its user to find out."""

    def parse(value: str) -> Path:
        if not value:
            raise ValueError(wanted)
        return Path(value)

    return Kind(wanted, parse, metavar, show=lambda value: None if value is None else str(value), many=many)


_TRUE = {"true", "yes", "on", "1"}
_FALSE = {"false", "no", "off", "0"}


def boolean() -> Kind:
    """Return the kind of a yes or no; on the command line the flag alone says yes."""

    def parse(value: str) -> bool:
        word = value.lower()
        if word not in _TRUE | _FALSE:
            raise ValueError(value)
        return word in _TRUE

    return Kind("true or false", parse, "")


def web_address() -> Kind:
    """Return the kind of an http or https URL; a password or a query in it is not shown."""

    def parse(value: str) -> str:
        scheme, separator, rest = value.partition("://")
        if scheme.lower() not in {"http", "https"} or not separator or not rest.strip("/"):
            raise ValueError(value)
        return value

    def shown(value: str | None) -> str | None:
        return None if value is None else masked_address(value)

    return Kind("an address that begins with http:// or https://", parse, "URL", shown=shown)


_CHANNELS = ("left", "right")


def channel(highest: int) -> Kind:
    """Return the kind of a channel: ``mix`` (None), ``left`` (0), ``right`` (1), or N counted from 1 (N - 1)."""
    wanted = f"mix, left, right, or a channel's number from 1 to {highest}"

    def parse(value: str) -> int | None:
        if value == "mix":
            return None
        found = _CHANNELS.index(value) + 1 if value in _CHANNELS else int(value)
        if not 1 <= found <= highest:
            raise ValueError(wanted)
        return found - 1

    def show(value: int | None) -> str | int:
        if value is None:
            return "mix"
        return _CHANNELS[value] if value < len(_CHANNELS) else value + 1

    return Kind(wanted, parse, "{mix,left,right,N}", show)


def port() -> Kind:
    """Return the kind of a TCP port: a number (0: any free one), ``off``, or ``auto``."""
    wanted = "a port from 1 to 65535, 0 (any free one), off or auto"

    def parse(value: str) -> int | str:
        if value in {"auto", "off"}:
            return value
        found = int(value)
        if not 0 <= found <= 65535:
            raise ValueError(wanted)
        return found

    return Kind(wanted, parse, "PORT")
