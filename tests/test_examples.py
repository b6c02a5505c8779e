"""The calls that module docstrings show can be made as they are written: names, methods, arguments, commands."""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
import re
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("stream", "model", "train", "docker")
FILES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")) if path.read_text()]


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def statements(docstring: str) -> Iterator[ast.stmt]:
    """The statements that a docstring shows: its indented blocks, or lines without prose, that are Python."""
    lines = [line.split("  #")[0].rstrip() for line in textwrap.dedent(docstring).splitlines()]
    for start, line in enumerate(lines):
        for end in range(min(start + 4, len(lines)), start, -1):
            text = textwrap.dedent("\n".join(lines[start:end]))
            text = text + " ..." if text.rstrip().endswith(":") else text
            try:
                found = ast.parse(text).body
            except SyntaxError:
                continue
            if line.strip() and any(isinstance(each, ast.Call | ast.ImportFrom) for each in ast.walk(ast.parse(text))):
                yield from found
            break


class Example:
    """Follows the statements of one docstring: which names stand for what."""

    def __init__(self, module: ModuleType, elsewhere: dict[str, Any]) -> None:
        self.names: dict[str, Any] = elsewhere | vars(builtins) | vars(module)
        self.made: dict[str, type] = {}
        self.wrong: list[str] = []

    def follow(self, statement: ast.stmt) -> None:
        for node in ast.walk(statement):
            match node:
                case ast.ImportFrom(module=str(place), names=names):
                    self._imported(place, names)
                case ast.Assign(targets=[ast.Name(name)], value=ast.Call() as call):
                    self._keep(name, call)
                case ast.Name(name, ctx=ast.Store()):
                    self.names.setdefault(name, None)
                case ast.withitem(context_expr=ast.Call() as call, optional_vars=ast.Name(name)):
                    self._keep(name, call)
        for node in ast.walk(statement):
            if isinstance(node, ast.Call):
                self._check(node)

    def _imported(self, place: str, names: list[ast.alias]) -> None:
        try:
            module = importlib.import_module(place)
        except ImportError:
            self.wrong.append(f"there is no module {place}")
            return
        for each in names:
            if not hasattr(module, each.name):
                self.wrong.append(f"{place} has no {each.name}")
            self.names[each.asname or each.name] = getattr(module, each.name, None)

    def _keep(self, name: str, call: ast.Call) -> None:
        if isinstance(call.func, ast.Name) and inspect.isclass(made := self.names.get(call.func.id)):
            self.made[name] = made

    def _check(self, call: ast.Call) -> None:
        match call.func:
            case ast.Name(name) if name not in self.names:
                self.wrong.append(f"{name} is not there")
            case ast.Name(name):
                self._bind(name, self.names[name], call, bound=True)
            case ast.Attribute(value=ast.Name(owner), attr=attribute) if owner in self.made:
                if not hasattr(self.made[owner], attribute):
                    self.wrong.append(f"{self.made[owner].__name__} has no {attribute}")
                else:
                    self._bind(attribute, getattr(self.made[owner], attribute), call, bound=False)

    def _bind(self, name: str, called: Any, call: ast.Call, *, bound: bool) -> None:
        open_ended = [isinstance(each, ast.Starred) or is_ellipsis(each) for each in call.args]
        if any(open_ended) or any(each.arg is None for each in call.keywords) or not callable(called):
            return
        if vars(builtins).get(name) is called:
            return
        try:
            signature = inspect.signature(called)
        except ValueError:
            return
        positional = [None] * (len(call.args) + (not bound))
        try:
            signature.bind(*positional, **{str(each.arg): None for each in call.keywords})
        except TypeError as error:
            self.wrong.append(f"{name}: {error}: {ast.unparse(call)}")


def is_ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


@pytest.fixture(scope="module")
def public() -> dict[str, Any]:
    """What the project's modules define and import, by name: an example may use a class of another module."""
    modules = [importlib.import_module(name_of(path)) for path in FILES if path.stem != "__main__"]
    return {name: value for module in modules for name, value in vars(module).items() if callable(value)}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_docstrings_calls_can_be_made(path: Path, public: dict[str, Any]) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    if name_of(path).endswith("__main__"):
        return
    example = Example(importlib.import_module(name_of(path)), public)
    for statement in statements(docstring):
        example.follow(statement)
    assert example.wrong == []


def test_the_commands_that_docstrings_and_pages_show_are_there() -> None:
    texts = [*FILES, *(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "ARCHITECTURE.md", ROOT / "Makefile"]
    asked = {name for path in texts for name in re.findall(r"python -m ([a-z_]+(?:\.[a-z_]+)+)", path.read_text())}
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    ours = {name for name in asked if name.split(".")[0] in (*PACKAGES, "tests", "docs")}
    there = {path.removesuffix(".py").removesuffix("/__main__").replace("/", ".") for path in tracked}
    assert ours - there == set()
