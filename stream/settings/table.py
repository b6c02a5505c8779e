"""Options: one declaration each, read from flags, the environment and YAML, with where each value came from.

    events = options_under("Events")

    class Settings:
        threshold: float = events(0.5, number(0, 1, "a probability", "P"), "a mood begins at this probability")

    options = options_of(Settings)
    given = merge(read_environment(os.environ, options), read_flags(namespace, options))

``threshold`` is then ``--threshold``, ``MOODSTREAM_THRESHOLD`` and ``threshold:``. All of them give text, so a value
takes one way, wherever it came from: its kind (``number``, ``choice``, ``path`` …) parses it and says what is wanted.
An unknown name is an error that names the nearest known one. YAML is read in `yaml_file.py`.
"""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import functools
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from stream.common.errors import UsageError
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


PREFIX = "MOODSTREAM_"
_FOR_TESTS = PREFIX + "TEST_"  # what the tests are told, not the program

_SERVICE_LINK = re.compile(
    PREFIX + r"(\w+_)?(SERVICE_HOST=.*|SERVICE_PORT(_\w+)?=\d+|PORT(_\d+_(TCP|UDP|SCTP))?=\w+://.*"
    r"|PORT_\d+_(TCP|UDP|SCTP)_(PROTO|PORT|ADDR)=.*)"
)
"""What Kubernetes tells every container of services whose names begin with moodstream."""

Layer = Literal["default", "YAML", "environment variable", "flag"]
_STRENGTH: dict[Layer, int] = {"default": 0, "YAML": 1, "environment variable": 2, "flag": 3}


@dataclasses.dataclass(frozen=True, slots=True)
class Option:
    """One setting: a field of a settings class, and its names elsewhere.

    Attributes:
        name: of the field.
        key: in YAML, with its section before a dot.
        flags: each flag with the text it stands for, or None where the text follows it.
        kind: what values it takes.
        default: the value if nothing gives one.
        group: under which heading the help shows it.
        help: one line for people.
        secret: never shown.
    """

    name: str
    key: str
    flags: Mapping[str, str | None]
    kind: Kind
    default: Any
    group: str
    help: str
    secret: bool

    @property
    def variable(self) -> str:
        """Name of its environment variable."""
        return PREFIX + self.key.upper().replace(".", "__")

    def accept(self, texts: str | Sequence[str], origin: Origin) -> Given:
        """Turn a text, or several, into the option's value.

        Raises:
            UsageError: it is none; the message says where it stands and what is needed.
        """
        try:
            value = self.kind.parse(texts) if isinstance(texts, str) else tuple(map(self.kind.parse, texts))
        except ValueError as error:
            shown = self.kind.shown(texts if isinstance(texts, str) else " ".join(texts))
            name = f"{origin.place}: {self.key}" if origin.layer == "YAML" else origin.place
            raise UsageError(
                f"{name} needs {self.kind.wanted}" + ("" if self.secret else f", not {shown!r}")
            ) from error
        return Given(value, origin)


@dataclasses.dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from: the layer, and in it the flag, the variable, or the file and line."""

    layer: Layer
    place: str = ""

    @property
    def strength(self) -> int:
        """Rank of the layer: the stronger wins."""
        return _STRENGTH[self.layer]

    def __str__(self) -> str:
        return self.place if self.layer == "YAML" else f"{self.layer} {self.place}".rstrip()


DEFAULT = Origin("default")


@dataclasses.dataclass(frozen=True, slots=True)
class Given:
    """A value and its origin."""

    value: Any
    origin: Origin


def options_under(group: str, section: str = "") -> Callable[..., Any]:
    """Return what declares the options under one heading of the help and in one section of the YAML file."""
    return functools.partial(option, group=group, section=section)


def option(
    default: Any,
    kind: Kind,
    summary: str,
    *,
    group: str,
    section: str = "",
    name: str | None = None,
    key: str | None = None,
    flags: Mapping[str, str | None] | None = None,
    secret: bool = False,
) -> Any:
    """Declare a field of a settings class as an :class:`Option`; its flag and its key follow from its name.

    ``log_level`` in the section ``log`` is ``--log-level`` and ``log.level``.

    Args:
        default: the value if nothing gives one.
        kind: what values it takes.
        summary: one line for people.
        group: under which heading the help shows it.
        section: of the YAML file.
        name: what people call it, where that is not the field's name.
        key: in YAML, where it does not follow from the name.
        flags: each flag with the text it stands for, where there is more than one.
        secret: never shown.
    """
    declared = {"kind": kind, "group": group, "help": summary, "flags": flags, "secret": secret}
    names = {"section": section, "name": name, "key": key}
    return dataclasses.field(default=default, repr=not secret, metadata={"option": declared, "names": names})


def options_of(settings: type) -> tuple[Option, ...]:
    """Return the options that a settings class declares, in its order."""
    found = []
    for field in dataclasses.fields(settings):
        if declared := field.metadata.get("option"):
            names = field.metadata["names"]
            name = names["name"] or field.name
            section = names["section"] + "." if names["section"] else ""
            key = names["key"] or section + name.removeprefix(names["section"] + "_" if section else "")
            flags = declared["flags"] or {"--" + name.replace("_", "-"): None if declared["kind"].metavar else "true"}
            found.append(Option(name=field.name, default=field.default, **{**declared, "key": key, "flags": flags}))
    return tuple(found)


def add_arguments(parser: argparse.ArgumentParser, options: Iterable[Option], groups: Mapping[str, str | None]) -> None:
    """Add the options to a parser under their headings; what is not given stays out of the namespace."""
    made = {title: parser.add_argument_group(title, description) for title, description in groups.items()}
    for each in options:
        summary = each.help
        if not each.kind.many and (default := each.kind.show(each.default)) not in (None, False):
            summary += f" (default {default})"
        for flag, stands_for in each.flags.items():
            arguments: dict[str, Any] = {"dest": each.name, "default": argparse.SUPPRESS, "help": summary}
            if stands_for is not None:
                arguments |= {"action": "store_const", "const": stands_for}
            elif each.kind.many:
                arguments |= {"action": "extend", "nargs": "+", "metavar": each.kind.metavar}
            else:
                arguments |= {"metavar": each.kind.metavar}
            made[each.group].add_argument(flag, **arguments)
            summary = f"the opposite of {flag}"


def read_flags(namespace: argparse.Namespace, options: Iterable[Option]) -> dict[str, Given]:
    """Return what the command line gave, by field name, from the result of a parser with :func:`add_arguments`.

    Raises:
        UsageError: a value is not acceptable.
    """
    given = {}
    for each in options:
        if (texts := getattr(namespace, each.name, None)) is not None:
            flag = next((flag for flag, stands_for in each.flags.items() if stands_for in (None, texts)))
            given[each.name] = each.accept(texts, Origin("flag", flag))
    return given


def read_environment(
    environ: Mapping[str, str], options: Iterable[Option], elsewhere: Callable[[], Sequence[Option]] = tuple
) -> dict[str, Given]:
    """Return what the environment gave, by field name; an empty variable counts as not set.

    Args:
        environ: the environment.
        options: what it may give.
        elsewhere: returns what other programs that read the same environment know: those variables are passed over.

    Raises:
        UsageError: a variable with the project's prefix is no setting, or its value is not acceptable.
    """
    by_variable = {each.variable: each for each in options}
    given = {}
    for variable, text in sorted(environ.items()):
        if not variable.startswith(PREFIX) or variable.startswith(_FOR_TESTS) or not text:
            continue
        if variable not in by_variable:
            if _SERVICE_LINK.fullmatch(f"{variable}={text}") or variable in {each.variable for each in elsewhere()}:
                continue
            raise UsageError(f"environment variable {variable} is unknown; {nearest(variable, by_variable)}")
        each = by_variable[variable]
        texts = [text] if each.kind.many else text
        given[each.name] = each.accept(texts, Origin("environment variable", variable))
    return given


def merge(*layers: Mapping[str, Given]) -> dict[str, Given]:
    """Return the value of each option from the last of the layers that gives it."""
    return {name: given for layer in layers for name, given in layer.items()}


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the hint about an unknown name: which known one is most like it."""
    return "the nearest known one is " + difflib.get_close_matches(name, list(known), n=1, cutoff=0.0)[0]
