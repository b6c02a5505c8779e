"""The settings of ``stream.listen``: what the command line, the environment and a YAML file say, checked.

    settings = parse(sys.argv[1:], os.environ)       # UsageError: one line that says what is wrong
    settings.source, settings.paths, settings.threshold, settings.metrics_port
    print(settings.to_yaml(), end="")                # --print-config

Every setting is declared once, below, and is then a flag, an environment variable and a YAML key (see ``options.py``).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, cast

from stream import kinds
from stream.config_file import read_yaml, to_yaml
from stream.errors import UsageError
from stream.help import GROUPS, make_parser, unknown_argument
from stream.options import (
    DEFAULT,
    PREFIX,
    Given,
    Origin,
    add_arguments,
    merge,
    option,
    options_of,
    read_environment,
    read_flags,
)
from stream.pcm import RAW_FORMATS

SourceName = Literal["mic", "file", "stdin", "url", "demo"]
Action = Literal["listen", "list-devices", "benchmark", "print-config"]

FRAME_SECONDS = 0.016
DEFAULT_PORT = 9108
_LIVE: tuple[SourceName, ...] = ("mic", "url", "demo")


class NoSourceError(UsageError):
    """Nothing says what to listen to."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings of a run, checked; units are in the help texts.

    ``action`` is what to do: the actions other than ``listen`` and ``print-config`` need no source.
    """

    action: Action = "listen"
    origins: Mapping[str, Origin] = dataclasses.field(default_factory=dict, repr=False, compare=False)

    mic: bool = option(False, kinds.boolean(), "Source", "a microphone or other sound input")
    paths: tuple[Path, ...] = option(
        (),
        kinds.path("paths", "PATH", many=True),
        "Source",
        "files, each a stream of its own; folders are walked",
        key="file",
    )
    stdin: bool = option(False, kinds.boolean(), "Source", "standard input: an audio file, or raw PCM")
    url: str | None = option(None, kinds.web_address(), "Source", "internet radio, or an audio file on the web")
    demo: bool = option(False, kinds.boolean(), "Source", "the built-in music, played in real time")

    device: str | None = option(
        None, kinds.text("a device's number or part of its name", "DEVICE"), "Sound", "its number or part of its name"
    )
    samplerate: int | None = option(
        None, kinds.integer(8_000, 192_000, "a rate in Hz", "HZ"), "Sound", "of --mic, or of raw PCM on --stdin"
    )
    channels: int | None = option(
        None, kinds.integer(1, 64, "a number of channels"), "Sound", "of --mic, or of raw PCM on --stdin"
    )
    format: str | None = option(
        None,
        kinds.choice(*RAW_FORMATS, metavar="FORMAT"),
        "Sound",
        "of raw PCM on --stdin: u8, s8, or s16, s24, s32, f32, f64 with le or be (s16le unless given)",
    )
    channel: int | None = option(None, kinds.channel(64), "Sound", "which channel to hear; N counts from 1")
    realtime: bool | None = option(
        None,
        kinds.boolean(),
        "Sound",
        "play files at their own speed",
        flags={"--realtime": "true", "--as-fast-as-possible": "false"},
    )
    jobs: int = option(1, kinds.integer(1, 256, "a number of files"), "Sound", "files side by side")
    url_timeout: float = option(10.0, kinds.seconds(0.1), "Sound", "so much silence of a server is a lost connection")

    model: Path | None = option(
        None, kinds.path("the path of an ONNX file", "FILE"), "Mood", "an ONNX model (the built-in one unless given)"
    )
    hop_seconds: float = option(
        187 * FRAME_SECONDS, kinds.seconds(FRAME_SECONDS), "Mood", "from window to window, in whole frames of 16 ms"
    )
    average: Literal["mean", "ema", "none"] = option(
        "mean", kinds.choice("mean", "ema", "none"), "Mood", "running average over a track's windows"
    )
    half_life: float = option(
        30.0, kinds.seconds(0, 86_400, above=True), "Mood", "of --average ema: a window counts half after it"
    )
    min_rms: float = option(
        -60.0, kinds.number(-120, 0, "a level in dBFS", "DBFS"), "Mood", "a window below is silence, and not scored"
    )
    reset_after_silence: float = option(
        3.0, kinds.seconds(0), "Mood", "of live sources: so much silence ends the track; 0: never"
    )

    threshold: float = option(
        0.5, kinds.number(0, 1, "a probability", "P"), "Events", "a mood begins at this probability"
    )
    threshold_off_choice: float | None = option(
        None,
        kinds.number(0, 1, "a probability", "P"),
        "Events",
        "and ends below this one; 0.8 of --threshold unless given",
        key="threshold_off",
    )
    min_duration: float = option(5.0, kinds.seconds(0), "Events", "both must last so long")

    output: Literal["screen", "jsonl", "csv"] = option(
        "screen", kinds.choice("screen", "jsonl", "csv"), "Output", "a live screen, or records on standard output"
    )
    output_file: Path | None = option(
        None,
        kinds.path("the path of a file", "FILE"),
        "Output",
        "write the records here too: CSV if it ends in .csv, else JSON lines",
    )
    top_k: int | None = option(
        None,
        kinds.integer(1, 1000, "a number of moods", "K"),
        "Output",
        "moods to show, strongest first (all on the screen, 3 in lines)",
    )

    metrics_port_choice: int | Literal["auto", "off"] = option(
        "auto",
        kinds.port(),
        "HTTP",
        f"a port, off, or auto: {DEFAULT_PORT} or the next free one for live sources, else off",
        key="metrics.port",
    )
    metrics_host: str = option(
        "127.0.0.1", kinds.text("an address of this machine", "HOST"), "HTTP", "address to bind", key="metrics.host"
    )
    max_stream_labels: int = option(
        100,
        kinds.integer(1, 100_000, "a number of streams"),
        "HTTP",
        "streams with series of their own; the rest are 'other'",
        key="metrics.max_stream_labels",
        flags="--max-stream-labels",
    )

    log_level: Literal["debug", "info", "warning", "error"] = option(
        "info", kinds.choice("debug", "info", "warning", "error"), "Log", "the least that is logged", key="log.level"
    )
    log_format: Literal["text", "json"] = option(
        "text", kinds.choice("text", "json"), "Log", "on standard error, one line an event", key="log.format"
    )

    @property
    def source(self) -> SourceName | None:
        """Name of the one source, or None if the action needs none and none was given."""
        return next((name for name, field in _SOURCES.items() if getattr(self, field)), None)

    @property
    def paced(self) -> bool:
        """Whether to play files and the demo at their own speed: the demo does unless told otherwise, files do not."""
        return self.demo if self.realtime is None else self.realtime

    @property
    def hop_frames(self) -> int:
        """``hop_seconds`` in whole frames."""
        return max(1, round(self.hop_seconds / FRAME_SECONDS))

    @property
    def threshold_off(self) -> float:
        """Probability below which a mood ends."""
        return round(0.8 * self.threshold, 6) if self.threshold_off_choice is None else self.threshold_off_choice

    @property
    def metrics_port(self) -> int | None:
        """Port of the HTTP side (0: any free one), or None for no HTTP."""
        if isinstance(self.metrics_port_choice, int):
            return self.metrics_port_choice
        return DEFAULT_PORT if self.metrics_port_choice == "auto" and self.source in _LIVE else None

    @property
    def metrics_port_given(self) -> bool:
        """Whether a user chose the port: in use, it is then an error; a default one moves to the next."""
        return isinstance(self.metrics_port_choice, int)

    def to_yaml(self) -> str:
        """Return the settings as YAML, each with where it came from; as a ``--config`` file it gives them again."""
        return to_yaml(OPTIONS, {each.name: getattr(self, each.name) for each in OPTIONS}, self.origins)


OPTIONS = options_of(Settings)
_SOURCES: dict[SourceName, str] = {"mic": "mic", "file": "paths", "stdin": "stdin", "url": "url", "demo": "demo"}
_FLAGS = {each.name: next(iter(each.flags)) for each in OPTIONS}

_ONLY_WITH: dict[str, tuple[SourceName, ...]] = {
    "device": ("mic",),
    "samplerate": ("mic", "stdin"),
    "channels": ("mic", "stdin"),
    "format": ("stdin",),
    "realtime": ("file", "demo"),
    "jobs": ("file",),
    "url_timeout": ("url",),
}


def parse(argv: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """Return the settings: a flag wins over an environment variable, that over the YAML file, that over the default.

    Prints and raises ``SystemExit(0)`` for ``--help`` and ``--version``.

    Args:
        argv: the command line without the program's name.
        environ: the environment.

    Raises:
        NoSourceError: an action that needs a source has none.
        UsageError: anything else that is wrong with the settings, in one line.
    """
    parser = make_parser()
    add_arguments(parser, OPTIONS, GROUPS)
    namespace, unknown = parser.parse_known_args(argv)
    if unknown:
        raise UsageError(unknown_argument(unknown, parser))
    environ = dict(environ)
    config = environ.pop(PREFIX + "CONFIG", "")
    config = namespace.config or config
    flags = read_flags(namespace, OPTIONS)
    given = merge(
        read_yaml(Path(config), OPTIONS) if config else {},
        read_environment(environ, OPTIONS),
        flags,
    )
    action = cast("Action", namespace.action)
    _choose_source(given, needed=action == "listen")
    values = {each.name: given.get(each.name, Given(each.default, DEFAULT)).value for each in OPTIONS}
    settings = Settings(action=action, origins={name: each.origin for name, each in given.items()}, **values)
    _check(settings, flags)
    return settings


def _choose_source(given: dict[str, Given], *, needed: bool) -> None:
    """Keep the source of the strongest layer that names one."""
    named = {field: given[field] for field in _SOURCES.values() if field in given and given[field].value}
    if not named:
        if needed:
            raise NoSourceError(
                "nothing to listen to: give --mic, --file PATH, --stdin, --url URL or --demo (see --help)"
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


def _check(settings: Settings, flags: Mapping[str, Given]) -> None:
    """Check what concerns more than one setting.

    A flag that would do nothing is an error, for whoever typed it expects something; a line of a YAML file or a
    variable is for many runs and may go unused.
    """
    if settings.threshold_off > settings.threshold:
        raise UsageError(
            f"--threshold-off must not exceed --threshold: {settings.threshold_off} is above {settings.threshold}"
        )
    if settings.channel is not None and settings.channels is not None and settings.channel >= settings.channels:
        raise UsageError(f"--channel {settings.channel + 1} needs more than --channels {settings.channels}")
    if "half_life" in flags and settings.average != "ema":
        raise UsageError("--half-life needs --average ema")
    if settings.source is None:
        return
    for name, sources in _ONLY_WITH.items():
        if name in flags and settings.source not in sources:
            only = " or ".join(f"--{source}" for source in sources)
            raise UsageError(f"{flags[name].origin.place} is for {only}, not for --{settings.source}")
    if settings.source == "stdin" and settings.samplerate is None and (settings.format or settings.channels):
        raise UsageError("raw PCM on --stdin needs its rate: --samplerate HZ")
