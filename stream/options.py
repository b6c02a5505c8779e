"""Options: one declaration each, read from flags and the environment, with where each value came from.

    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Settings:
        threshold: float = option(0.5, number(0, 1, ...), "Events", "probability at which a mood begins")
        metrics_host: str = option("127.0.0.1", text(...), "HTTP", "address to bind", key="metrics.host")

    options = options_of(Settings)
    given = merge(read_yaml(path, options), read_environment(os.environ, options), read_flags(namespace, options))

``threshold`` is then ``--threshold``, ``MOODSTREAM_THRESHOLD`` and ``threshold:``; ``metrics.host`` is
``--metrics-host``, ``MOODSTREAM_METRICS__HOST`` and ``host:`` in the section ``metrics:``. An unknown name is an error
that names the nearest known one. YAML has a file of its own, ``config_file.py``.
"""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from stream.common.errors import UsageError
from stream.kinds import Kind

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


def option(
    default: Any,
    kind: Kind,
    group: str,
    summary: str,
    *,
    key: str | None = None,
    flags: Mapping[str, str | None] | str | None = None,
    secret: bool = False,
) -> Any:
    """Declare a field of a settings class as an :class:`Option`; ``key`` and ``flags`` follow from its name."""
    declared = {"kind": kind, "group": group, "help": summary, "key": key, "flags": flags, "secret": secret}
    return dataclasses.field(default=default, repr=not secret, metadata={"option": declared})


def options_of(settings: type) -> tuple[Option, ...]:
    """Return the options that a settings class declares, in its order."""
    found = []
    for field in dataclasses.fields(settings):
        if declared := field.metadata.get("option"):
            key = declared["key"] or field.name
            flags = declared["flags"] or "--" + key.replace(".", "-").replace("_", "-")
            if isinstance(flags, str):
                flags = {flags: None if declared["kind"].metavar else "true"}
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
