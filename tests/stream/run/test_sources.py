"""The registries: what the settings know can be made, and a source that the registry lacks is an error."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from stream.common.errors import StreamError
from stream.common.stop import Stop
from stream.run import sources
from stream.run.assembly import OUTPUTS
from stream.run.sources import MAKERS, make_source
from stream.settings.listen import OPTIONS, Settings
from stream.settings.source import SOURCES
from stream.sources.demo import DemoSource


def test_every_source_of_the_settings_can_be_run() -> None:
    runs_of_their_own = {"file", "kafka"}
    assert set(MAKERS) | runs_of_their_own == set(SOURCES)


def test_a_source_that_the_registry_lacks_is_an_error_and_never_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sources.MAKERS, "url")
    with pytest.raises(StreamError, match="the source url is not in the registry"):
        make_source(Settings(url="http://radio.example"), Stop())


def test_a_source_is_one_line_of_the_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Settings(sources.SoundOptions):
        source: Any = "tape"

    monkeypatch.setitem(sources.MAKERS, "tape", lambda settings, stop: DemoSource(stop, realtime=settings.paced))
    assert isinstance(make_source(Settings(), Stop()), DemoSource)


def test_every_output_of_the_settings_can_be_made() -> None:
    (output,) = [each for each in OPTIONS if each.name == "output"]
    assert all(output.kind.parse(name) == name for name in OUTPUTS)
    assert output.kind.wanted == "one of " + ", ".join(OUTPUTS)
