"""Where sound comes from: the sources, and the settings that belong to them, of every command that takes sound.

    class Settings(SoundOptions, CommandSettings): ...
    choose_source(gathered.given, missing="nothing to publish: give --mic, ...")
    settings.source                        # "mic"
    SOURCES["mic"].live                    # True

A source is made from its settings in `stream/run/sources.py`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from stream.common.errors import UsageError
from stream.settings import table
from stream.settings.table import Given, options_under

SourceName = Literal["mic", "file", "stdin", "url", "demo", "kafka"]


@dataclasses.dataclass(frozen=True, slots=True)
class SourceEntry:
    """What the settings know of a source.

    Attributes:
        field: the setting that chooses it.
        live: it has a clock of its own: HTTP is on unless told otherwise.
        options: the settings that are for it and not for every source.
    """

    field: str
    live: bool
    options: tuple[str, ...] = ()


SOURCES: dict[SourceName, SourceEntry] = {
    "mic": SourceEntry("mic", live=True, options=("device", "samplerate", "channels")),
    "file": SourceEntry("paths", live=False, options=("realtime", "jobs")),
    "stdin": SourceEntry("stdin", live=False, options=("samplerate", "channels", "format")),
    "url": SourceEntry("url", live=True, options=("url_timeout",)),
    "demo": SourceEntry("demo", live=True, options=("realtime",)),
    "kafka": SourceEntry("kafka", live=True),
}
"""Every source, in the order of the help."""

RAW_FORMATS = (
    "u8",
    "s8",
    *(f"{kind}{order}" for kind in ("s16", "s24", "s32", "f32", "f64") for order in ("le", "be")),
)
"""Formats of raw PCM, named as in ffmpeg: unsigned, signed and floating, their bits, little- and big-endian."""

_source, _sound = options_under("Source"), options_under("Sound")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SourceOptions:
    """The choice of a source."""

    mic: bool = _source(False, table.boolean(), "a microphone or other sound input")
    paths: tuple[Path, ...] = _source(
        (), table.path("paths", "PATH", many=True), "files, each a stream of its own; folders are walked", name="file"
    )
    stdin: bool = _source(False, table.boolean(), "standard input: an audio file, or raw PCM")
    url: str | None = _source(None, table.web_address(), "internet radio, or an audio file on the web")
    demo: bool = _source(False, table.boolean(), "the built-in music, played in real time")

    @property
    def source(self) -> SourceName | None:
        """Name of the one source, or None if the action needs none and none was given."""
        return next((name for name, each in SOURCES.items() if getattr(self, each.field, None)), None)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FormatOptions(SourceOptions):
    """How sound is captured."""

    device: str | None = _sound(
        None, table.text("a device's number or part of its name", "DEVICE"), "its number or part of its name"
    )
    samplerate: int | None = _sound(
        None, table.integer(8_000, 192_000, "a rate in Hz", "HZ"), "of --mic, or of raw PCM on --stdin"
    )
    channels: int | None = _sound(
        None, table.integer(1, 64, "a number of channels"), "of --mic, or of raw PCM on --stdin (1 there unless given)"
    )
    format: str | None = _sound(
        None,
        table.choice(*RAW_FORMATS, metavar="FORMAT"),
        "of raw PCM on --stdin: u8, s8, or s16, s24, s32, f32, f64 with le or be (s16le unless given)",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class SoundOptions(FormatOptions):
    """All that a source is made from."""

    realtime: bool | None = _sound(
        None,
        table.boolean(),
        "play files at their own speed",
        flags={"--realtime": "true", "--as-fast-as-possible": "false"},
    )
    jobs: int = _sound(1, table.integer(1, 256, "a number of files"), "files to read at the same time")
    url_timeout: float = _sound(10.0, table.seconds(0.1), "seconds without data before the connection counts as lost")

    @property
    def paced(self) -> bool:
        """Whether to play files and the demo at their own speed: the demo does unless told otherwise, files do not."""
        return self.demo if self.realtime is None else self.realtime


class NoSourceError(UsageError):
    """Nothing says where sound comes from."""


def choose_source(given: dict[str, Given], missing: str | None) -> None:
    """Keep the source of the strongest layer that names one.

    Args:
        given: what the layers say, by field name; the sources that lose are taken out.
        missing: what to say where there is none; None where none is needed.

    Raises:
        NoSourceError: there is none.
        UsageError: the layer names several.
    """
    named = {
        each.field: given[each.field] for each in SOURCES.values() if each.field in given and given[each.field].value
    }
    if not named:
        if missing:
            raise NoSourceError(missing)
        return
    strongest = max(each.origin.strength for each in named.values())
    chosen = [field for field, each in named.items() if each.origin.strength == strongest]
    if len(chosen) > 1:
        places = " and ".join(str(named[field].origin) for field in chosen)
        raise UsageError(f"exactly one source is needed, not {len(chosen)}: {places}")
    for field in named:
        if field not in chosen:
            del given[field]


def check_source(
    settings: SoundOptions, flags: Mapping[str, Given], only: Mapping[str, Sequence[SourceName]] = {}
) -> None:
    """Check the settings of sound against the source.

    A flag that would do nothing is an error, for whoever typed it expects something; a line of a YAML file or a
    variable is for many runs and may go unused.

    Args:
        settings: what the command was told.
        flags: what the command line said, by field name.
        only: further settings and the sources that they are for.

    Raises:
        UsageError: something does not fit; one line.
    """
    names = {option for entry in SOURCES.values() for option in entry.options}
    for name in flags:
        sources = only.get(name) or [each for each, entry in SOURCES.items() if name in entry.options]
        if (name in names or name in only) and settings.source not in sources:
            allowed = " or ".join(f"--{source}" for source in sources)
            raise UsageError(f"{flags[name].origin.place} is for {allowed}, not for --{settings.source}")
    if settings.source == "stdin" and settings.samplerate is None and (settings.format or settings.channels):
        raise UsageError("raw PCM on --stdin needs its rate: --samplerate HZ")
