"""Options: one declaration each, read from flags, the environment and YAML, with where each value came from.

    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Settings:
        threshold: float = option(0.5, number(0, 1, ...), "Events", "probability at which a mood begins")
        metrics_host: str = option("127.0.0.1", text(...), "HTTP", "address to bind", key="metrics.host")

    options = options_of(Settings)
    given = merge(read_yaml(path, options), read_environment(os.environ, options), read_flags(namespace, options))

``threshold`` is then ``--threshold``, ``MOODSTREAM_THRESHOLD`` and ``threshold:``; ``metrics.host`` is ``--metrics-host``,
``MOODSTREAM_METRICS__HOST`` and ``host:`` in the section ``metrics:``. An unknown name is an error that names the nearest.
"""

from __future__ import annotations

import argparse
import dataclasses
import difflib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml

from stream.errors import UsageError
from stream.kinds import Kind

PREFIX = "MOODSTREAM_"
_NOT_SETTINGS = PREFIX + "TEST_"  # what the tests are told, not the program

Layer = Literal["default", "yaml", "environment", "flag"]
_STRENGTH: dict[Layer, int] = {"default": 0, "yaml": 1, "environment": 2, "flag": 3}


@dataclasses.dataclass(frozen=True, slots=True)
class Option:
    """One setting: a field of a settings class and its names elsewhere.

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
    secret: bool = False

    @property
    def variable(self) -> str:
        """Name of its environment variable."""
        return PREFIX + self.key.upper().replace(".", "__")


@dataclasses.dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from: the layer, and the flag, variable or file and line in it."""

    layer: Layer
    place: str = ""

    @property
    def strength(self) -> int:
        """Order of the layers: the stronger wins."""
        return _STRENGTH[self.layer]

    def __str__(self) -> str:
        words = {"default": "default", "yaml": "", "environment": "environment variable", "flag": "flag"}
        return f"{words[self.layer]} {self.place}".strip()


DEFAULT = Origin("default")


@dataclasses.dataclass(frozen=True, slots=True)
class Given:
    """A value and its origin."""

    value: Any
    origin: Origin


def option(  # noqa: D417 - the arguments are Option's attributes
    default: Any,
    kind: Kind,
    group: str,
    help: str,  # noqa: A002 - argparse's name for it
    *,
    key: str | None = None,
    flags: Mapping[str, str | None] | str | None = None,
    secret: bool = False,
) -> Any:
    """Declare a field of a settings class as an option; ``key`` and ``flags`` follow from its name if not given."""
    given = {"kind": kind, "group": group, "help": help, "key": key, "flags": flags, "secret": secret}
    return dataclasses.field(default=default, repr=not secret, metadata={"option": given})


def options_of(settings: type) -> tuple[Option, ...]:
    """Return the options that a settings class declares, in its order."""
    found = []
    for field in dataclasses.fields(settings):
        if declared := field.metadata.get("option"):
            key = declared["key"] or field.name
            flags = declared["flags"] or "--" + key.replace(".", "-").replace("_", "-")
            if isinstance(flags, str):
                flags = {flags: None if declared["kind"].metavar else "true"}
            found.append(
                Option(
                    name=field.name,
                    key=key,
                    flags=flags,
                    kind=declared["kind"],
                    default=field.default,
                    group=declared["group"],
                    help=declared["help"],
                    secret=declared["secret"],
                )
            )
    return tuple(found)


def read_flags(namespace: argparse.Namespace, options: Iterable[Option]) -> dict[str, Given]:
    """Return what the command line gave, by field name, from argparse's result (see :func:`add_arguments`)."""
    given = {}
    for option_ in options:
        if (texts := getattr(namespace, option_.name, None)) is not None:
            flag = next((flag for flag, stands_for in option_.flags.items() if stands_for == texts), "")
            flag = flag or next(iter(option_.flags))
            given[option_.name] = _value(option_, texts, Origin("flag", flag))
    return given


def read_environment(environ: Mapping[str, str], options: Iterable[Option]) -> dict[str, Given]:
    """Return what the environment gave, by field name; an empty variable counts as not set.

    Raises:
        UsageError: a variable with the project's prefix is no setting, or its value is not acceptable.
    """
    by_variable = {option_.variable: option_ for option_ in options}
    given = {}
    for variable, text in environ.items():
        if not variable.startswith(PREFIX) or variable.startswith(_NOT_SETTINGS) or not text:
            continue
        if variable not in by_variable:
            raise UsageError(f"environment variable {variable} is unknown; {nearest(variable, by_variable)}")
        option_ = by_variable[variable]
        given[option_.name] = _value(
            option_, [text] if option_.kind.many else text, Origin("environment", variable)
        )
    return given


def read_yaml(path: Path, options: Iterable[Option]) -> dict[str, Given]:
    """Return what a YAML file gave, by field name; ``null`` counts as not given.

    Raises:
        UsageError: the file cannot be read, is no YAML mapping, has an unknown or doubled key, or a value is not
            acceptable; the message has the file and line.
    """
    try:
        # Composed, not constructed: as safe as safe_load, and every value keeps its line.
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError(f"--config {path}: {reason}") from error
    except yaml.YAMLError as error:
        raise UsageError(f"--config {path}: not YAML: {' '.join(str(error).split())}") from error
    by_key = {option_.key: option_ for option_ in options}
    given: dict[str, Given] = {}
    if root is None:
        return given
    for key, node in _walk(root, path, {key.split(".")[0] for key in by_key if "." in key}):
        place = _place(path, node)
        if key not in by_key:
            raise UsageError(f"{place}: {key} is unknown; {nearest(key, by_key)}")
        option_ = by_key[key]
        if option_.name in given:
            raise UsageError(f"{place}: {key} was already given at {given[option_.name].origin.place}")
        if (texts := _texts(node, option_, place)) is not None:
            given[option_.name] = _value(option_, texts, Origin("yaml", place))
        else:
            given[option_.name] = Given(option_.default, DEFAULT)
    return given


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the hint of an unknown name: the known one most like it."""
    return "the nearest known one is " + difflib.get_close_matches(name, list(known), n=1, cutoff=0.0)[0]


def merge(*layers: Mapping[str, Given]) -> dict[str, Given]:
    """Return the strongest value of each option."""
    merged: dict[str, Given] = {}
    for layer in layers:
        for name, given in layer.items():
            if name not in merged or given.origin.strength >= merged[name].origin.strength:
                merged[name] = given
    return merged


def add_arguments(parser: argparse.ArgumentParser, options: Iterable[Option], groups: Mapping[str, str]) -> None:
    """Add the options to a parser under their headings; what is not given stays out of the namespace."""
    made = {title: parser.add_argument_group(title, description) for title, description in groups.items()}
    for option_ in options:
        help_ = option_.help
        if option_.default not in (None, (), False):
            help_ += f" (default {option_.kind.show(option_.default)})"
        for flag, stands_for in option_.flags.items():
            arguments: dict[str, Any] = {"dest": option_.name, "default": argparse.SUPPRESS, "help": help_}
            if stands_for is not None:
                arguments |= {"action": "store_const", "const": stands_for}
            elif option_.kind.many:
                arguments |= {"action": "extend", "nargs": "+", "metavar": option_.kind.metavar}
            else:
                arguments |= {"metavar": option_.kind.metavar}
            made[option_.group].add_argument(flag, **arguments)
            help_ = f"the opposite of {flag}"


def to_yaml(options: Iterable[Option], values: Mapping[str, Any], origins: Mapping[str, Origin]) -> str:
    """Return the settings as YAML with the origin of each behind it; :func:`read_yaml` reads it back."""
    lines: list[tuple[str, str]] = []
    section = ""
    # Options without a section come first: in YAML a section goes on until its indentation ends.
    for option_ in sorted(options, key=lambda option_: option_.key.rpartition(".")[0]):
        inside, _, key = option_.key.rpartition(".")
        if inside != section:
            section = inside
            lines.append((f"{section}:", ""))
        indent = "  " if inside else ""
        value = "(secret)" if option_.secret else _scalars(option_.kind, values[option_.name])
        mark = "# " if option_.secret else ""
        lines.append((f"{indent}{mark}{key}: {value}", str(origins.get(option_.name, DEFAULT))))
    width = max(len(text) for text, origin in lines if origin and len(text) <= 40)
    return "".join(f"{text:<{width}}  # {origin}\n" if origin else f"{text}\n" for text, origin in lines)


def _scalars(kind: Kind, value: Any) -> str:
    if value is None and kind.show(None) is None:
        return "null"
    if kind.many:
        return "[" + ", ".join(_scalar(kind.show(item)) for item in value) + "]"
    return _scalar(kind.show(value))


def _scalar(value: Any) -> str:
    style = '"' if isinstance(value, str) else None
    dumped: str = yaml.safe_dump(value, default_style=style, allow_unicode=True, width=float("inf"))
    return dumped.removesuffix("...\n").strip()


def _value(option_: Option, texts: str | Sequence[str], origin: Origin) -> Given:
    shown = texts if isinstance(texts, str) else " ".join(texts)
    try:
        if isinstance(texts, str):
            return Given(option_.kind.parse(texts), origin)
        return Given(tuple(option_.kind.parse(text) for text in texts), origin)
    except ValueError as error:
        shown = "(secret)" if option_.secret else repr(shown)
        name = f"{origin.place}: {option_.key}" if origin.layer == "yaml" else origin.place
        raise UsageError(f"{name} needs {option_.kind.wanted}, not {shown}") from error


def _walk(root: yaml.Node, path: Path, sections: set[str]) -> Iterable[tuple[str, yaml.Node]]:
    for key, node in _pairs(root, path, "the file"):
        if isinstance(node, yaml.MappingNode) or (key in sections and not _is_null(node)):
            inside = list(_pairs(node, path, key))
            yield from ((f"{key}.{name}", value) for name, value in inside)
            if not inside and key not in sections:
                yield key, node
        elif key not in sections:
            yield key, node


def _pairs(node: yaml.Node, path: Path, what: str) -> Iterable[tuple[str, yaml.Node]]:
    if not isinstance(node, yaml.MappingNode):
        raise UsageError(f"{_place(path, node)}: {what} needs keys with values (key: value)")
    for key, value in node.value:
        yield (key.value if isinstance(key, yaml.ScalarNode) else "(not a word)"), value


def _texts(node: yaml.Node, option_: Option, place: str) -> str | list[str] | None:
    if _is_null(node):
        return None
    if isinstance(node, yaml.ScalarNode):
        return [node.value] if option_.kind.many else str(node.value)
    if option_.kind.many and isinstance(node, yaml.SequenceNode):
        if all(isinstance(item, yaml.ScalarNode) for item in node.value):
            return [item.value for item in node.value]
    shape = "a list" if isinstance(node, yaml.SequenceNode) else "a mapping"
    raise UsageError(f"{place}: {option_.key} needs {option_.kind.wanted}, not {shape}")


def _is_null(node: yaml.Node) -> bool:
    return node.tag == "tag:yaml.org,2002:null"


def _place(path: Path, node: yaml.Node) -> str:
    return f"{path}:{node.start_mark.line + 1}"
