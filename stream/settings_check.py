"""How the settings of ``stream.listen`` must fit together: one source, and no flag that would do nothing.

choose_source(given, needed=True)        # before the settings object is made
check(settings, flags)                   # after it
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from stream.common.errors import UsageError, need_kafka
from stream.kafka.options import ConnectionOptions, ConsumerOptions, TopicOptions
from stream.options import Given

if TYPE_CHECKING:
    from stream.settings import Settings

SourceName = Literal["mic", "file", "stdin", "url", "demo", "kafka"]
SOURCES: dict[SourceName, str] = {
    "mic": "mic",
    "file": "paths",
    "stdin": "stdin",
    "url": "url",
    "demo": "demo",
    "kafka": "kafka",
}
"""Each source and the setting that chooses it."""

SOUND_ONLY_WITH: dict[str, tuple[SourceName, ...]] = {
    "device": ("mic",),
    "samplerate": ("mic", "stdin"),
    "channels": ("mic", "stdin"),
    "format": ("stdin",),
    "realtime": ("file", "demo"),
    "jobs": ("file",),
    "url_timeout": ("url",),
}
"""Settings of sound and the sources that they are for: of every command that takes these sources."""

_ONLY_WITH: dict[str, tuple[SourceName, ...]] = {
    **SOUND_ONLY_WITH,
    **{
        field.name: ("kafka",)
        for mixin in (ConnectionOptions, TopicOptions, ConsumerOptions)
        for field in dataclasses.fields(mixin)
    },
}


class NoSourceError(UsageError):
    """Nothing says what to listen to."""


def choose_source(given: dict[str, Given], *, needed: bool) -> None:
    """Keep the source of the strongest layer that names one.

    Args:
        given: what the layers say, by field name; the sources that lose are taken out.
        needed: whether there must be one.

    Raises:
        NoSourceError: there is none.
        UsageError: the layer names several.
    """
    named = {field: given[field] for field in SOURCES.values() if field in given and given[field].value}
    if not named:
        if needed:
            raise NoSourceError(
                "nothing to listen to: give --mic, --file PATH, --stdin, --url URL, --kafka or --demo (see --help)"
            )
        return
    strongest = max(each.origin.strength for each in named.values())
    chosen = [field for field, each in named.items() if each.origin.strength == strongest]
    if len(chosen) > 1:
        places = " and ".join(str(named[field].origin) for field in chosen)
        raise UsageError(f"exactly one source is needed, not {len(chosen)}: {places}")
    for field in named:
        if field not in chosen:
            del given[field]


def check(settings: Settings, flags: Mapping[str, Given]) -> None:
    """Check what concerns more than one setting.

    A flag that would do nothing is an error, for whoever typed it expects something; a line of a YAML file or a
    variable is for many runs and may go unused.

    Raises:
        UsageError: something does not fit; one line.
        StreamError: a package is not installed.
    """
    if settings.threshold_off > settings.threshold:
        raise UsageError(
            f"--threshold-off must not exceed --threshold: {settings.threshold_off} is above {settings.threshold}"
        )
    if settings.channel is not None and settings.channels is not None and settings.channel >= settings.channels:
        raise UsageError(f"--channel {settings.channel + 1} needs more than --channels {settings.channels}")
    if "half_life" in flags and settings.average != "ema":
        raise UsageError("--half-life needs --average ema")
    for name in ("rotate_mb", "rotate_minutes"):
        if name in flags and settings.output_file is None:
            raise UsageError(f"{flags[name].origin.place} needs --output-file")
    if settings.source is None:
        return
    for name, sources in _ONLY_WITH.items():
        if name in flags and settings.source not in sources:
            only = " or ".join(f"--{source}" for source in sources)
            raise UsageError(f"{flags[name].origin.place} is for {only}, not for --{settings.source}")
    if settings.source == "stdin" and settings.samplerate is None and (settings.format or settings.channels):
        raise UsageError("raw PCM on --stdin needs its rate: --samplerate HZ")
    if settings.source == "kafka":
        _check_kafka(settings, flags)
        if settings.action == "listen":
            need_kafka()


def _check_kafka(settings: Settings, flags: Mapping[str, Given]) -> None:
    if "reset_after_silence" in flags:
        raise UsageError("--reset-after-silence does nothing with --kafka: the records say where a track begins")
    topics = [settings.topic, settings.output_topic, settings.dlq_topic, settings.state_topic]
    if len(set(topics)) < len(topics):
        raise UsageError(f"four different topics are needed, not {', '.join(topics)}")
    if settings.max_poll_interval < settings.session_timeout:
        raise UsageError(
            f"--max-poll-interval must not be below --session-timeout: {settings.max_poll_interval:g} is below "
            f"{settings.session_timeout:g}"
        )
