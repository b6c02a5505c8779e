"""The YAML side of the options: read a file, and write the settings in force with where each came from.

given = read_yaml(Path("config/listen.yaml"), options)       # {"threshold": Given(0.5, Origin("YAML", "...:3"))}
print(to_yaml(options, values, origins))                     # which read_yaml reads back
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from stream.common.errors import UsageError
from stream.settings.table import DEFAULT, Given, Option, Origin, nearest

_LONGEST = 1_000_000
_NAME = re.compile(r" '[^'<]{2,}'")
"""What PyYAML quotes of a text, an alias's name; single characters and tokens (``<stream end>``) it needs."""


def read_yaml(
    path: Path, options: Sequence[Option], elsewhere: Callable[[], Sequence[Option]] = tuple
) -> dict[str, Given]:
    """Return what a YAML file gives, by field name; ``null`` counts as not given.

    Args:
        path: of the file.
        options: what it may give.
        elsewhere: returns what other programs that read the same file know: those keys are passed over.

    Raises:
        UsageError: the file cannot be read, is no YAML mapping, has an unknown or doubled key, or a value is not
            acceptable; the message has the file and the line.
    """
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_LONGEST + 1)
        if len(text) > _LONGEST:
            raise UsageError(f"--config {path}: more than {_LONGEST} characters is no settings file")
        # Composed, not constructed: as safe as safe_load, and every key keeps its line.
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except OSError as error:
        raise UsageError(f"--config {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"--config {path}: it is not UTF-8 text") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise UsageError(f"--config {path}: it is not YAML: {_trouble(error)}") from None
    by_key = {each.key: each for each in options}
    seen: dict[str, str] = {}
    given: dict[str, Given] = {}
    for key, line, node in _entries(root, path, by_key):
        place = f"{path}:{line}"
        if key in seen:
            raise UsageError(f"{place}: {key} was already given at {seen[key]}")
        if key not in by_key and not _is_known(key, node, elsewhere()):
            raise UsageError(f"{place}: {key} is unknown; {nearest(key, by_key)}")
        seen[key] = place
        if key not in by_key:
            continue
        each = by_key[key]
        if not _is_null(node):
            given[each.name] = each.accept(_texts(node, each, place), Origin("YAML", place))
    return given


def to_yaml(options: Iterable[Option], values: Mapping[str, Any], origins: Mapping[str, Origin]) -> str:
    """Return the settings as YAML with the origin of each behind it; one with a secret in it is a comment."""
    lines: list[tuple[str, str]] = []
    section = ""
    # Options without a section come first, for in YAML a section has no other end than the next key.
    for each in sorted(options, key=lambda each: each.key.rpartition(".")[0]):
        before, _, key = each.key.rpartition(".")
        if before != section:
            lines.append((f"{before}:", ""))
            section = before
        value, mark = _shown(each, values[each.name])
        indent = "  " if section else ""
        lines.append((f"{indent}{mark}{key}: {value}", f"# {origins.get(each.name, DEFAULT)}"))
    width = max(len(line) for line, _ in lines if len(line) <= 40)
    return "".join(f"{line:<{width}}  {origin}".rstrip() + "\n" for line, origin in lines)


def _shown(each: Option, value: Any) -> tuple[str, str]:
    """Return what may be shown of a value, and what stands before the line: a mark of a comment if that is not all."""
    if each.secret:
        return "(secret)", "# "
    shown = each.kind.shown(value)
    return _written(each, shown), "" if shown == value else "# "


def _written(each: Option, value: Any) -> str:
    if each.kind.many:
        return "[" + ", ".join(_scalar(each.kind.show(item)) for item in value) + "]"
    return _scalar(each.kind.show(value))


def _scalar(value: Any) -> str:
    style = '"' if isinstance(value, str) else None
    dumped: str = yaml.safe_dump(value, default_style=style, allow_unicode=True, width=float("inf"))
    return dumped.removesuffix("...\n").strip()


def _entries(root: yaml.Node | None, path: Path, known: Iterable[str]) -> Iterator[tuple[str, int, yaml.Node]]:
    """Yield key (``section.name`` inside a section), line and value of each entry."""
    sections = {key.split(".")[0] for key in known if "." in key}
    for key, line, node in _pairs(root, path, "the file"):
        if _is_null(node) and key in sections:
            continue
        # An unknown section is looked into as well: its keys have nearer neighbours than its name.
        if key in sections or (key not in known and isinstance(node, yaml.MappingNode) and node.value):
            yield from ((f"{key}.{name}", at, value) for name, at, value in _pairs(node, path, key))
        else:
            yield key, line, node


def _is_known(key: str, node: yaml.Node, options: Sequence[Option]) -> bool:
    """Say whether a key, or a section with nothing in it, is one of the options'."""
    known = {each.key for each in options}
    return key in known or (_is_null(node) and any(each.startswith(f"{key}.") for each in known))


def _pairs(node: yaml.Node | None, path: Path, what: str) -> Iterator[tuple[str, int, yaml.Node]]:
    if node is None or _is_null(node):
        return
    if not isinstance(node, yaml.MappingNode):
        raise UsageError(f"{path}:{node.start_mark.line + 1}: {what} needs keys with values (key: value)")
    for key, value in node.value:
        yield key.value if isinstance(key, yaml.ScalarNode) else "?", key.start_mark.line + 1, value


def _texts(node: yaml.Node, each: Option, place: str) -> str | list[str]:
    items = node.value if each.kind.many and isinstance(node, yaml.SequenceNode) else [node]
    for item in items:
        if not isinstance(item, yaml.ScalarNode):
            shape = "a list" if isinstance(item, yaml.SequenceNode) else "a section"
            raise UsageError(f"{place}: {each.key} needs {each.kind.wanted}, not {shape}")
    texts = [str(item.value) for item in items]
    return texts if each.kind.many else texts[0]


def _is_null(node: yaml.Node) -> bool:
    return bool(node.tag == "tag:yaml.org,2002:null")


def _trouble(error: Exception) -> str:
    """Return why a text is no YAML and in which line, without quoting it: the line may hold a password."""
    told = [getattr(error, name, None) for name in ("context", "problem", "reason")]
    why = ", ".join(part for part in told if part) or "it is nested too deeply"
    mark = getattr(error, "problem_mark", None)
    place = "" if mark is None else f" (line {mark.line + 1})"
    return f"{_NAME.sub('', why)}{place}"
