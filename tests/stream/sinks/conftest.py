"""A terminal that is the same whoever runs the tests, and from where."""

from __future__ import annotations

import pytest

_OF_THE_CALLER = ("COLORTERM", "COLUMNS", "FORCE_COLOR", "LINES", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE")


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the caller's terminal: rich draws nothing on a dumb one, and no colours where they are not wanted."""
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in _OF_THE_CALLER:
        monkeypatch.delenv(name, raising=False)
