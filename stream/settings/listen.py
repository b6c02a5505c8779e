"""What ``python -m stream.listen --help`` says around the options.

settings = gather(Settings, LISTEN, argv, environ)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from model.frontend import FrontEnd
from stream.common.errors import UsageError, need_kafka
from stream.settings import table as kinds
from stream.settings.command import PRINT_CONFIG, CommandSettings, Help, gather
from stream.settings.kafka import GROUP, SECURITY, ConnectionOptions, ConsumerOptions, TopicOptions
from stream.settings.table import Given, option, options_of
from stream.sources.stdin import RAW_FORMATS

_USAGE = """python -m stream.listen SOURCE [OPTION...]
       SOURCE is --mic | --file PATH... | --stdin | --url URL
                 | --kafka | --demo"""

_DESCRIPTION = """\
Listens to music and says its mood, live: a probability of each mood for every
window (2.992 s with the built-in model), and their running average over the
track."""

_EPILOG = """\
Examples:
  python -m stream.listen --demo
  python -m stream.listen --mic --device USB --channel left
  python -m stream.listen --file album/ --jobs 2 --output jsonl > moods.jsonl
  python -m stream.listen --url https://radio.example/stream --average ema
  arecord -f S16_LE -r 44100 -c 2 | python -m stream.listen --stdin \\
      --format s16le --samplerate 44100 --channels 2
  python -m stream.listen --kafka --bootstrap-servers broker:9092

Environment and YAML:
  Every option is an environment variable and a YAML key as well:
    --hop-seconds 1      MOODSTREAM_HOP_SECONDS=1        hop_seconds: 1
    --metrics-port 80    MOODSTREAM_METRICS__PORT=80     metrics: {port: 80}
    --log-level debug    MOODSTREAM_LOG__LEVEL=debug     log: {level: debug}
    --topic NAME         MOODSTREAM_KAFKA__TOPIC=NAME    kafka: {topic: NAME}
    --kafka              MOODSTREAM_KAFKA__ENABLED=true  kafka: {enabled: true}
    --mic                MOODSTREAM_MIC=true             mic: true
    --config FILE        MOODSTREAM_CONFIG=FILE
  A flag wins over a variable, a variable over the file, the file over the
  default. --print-config shows what won, as YAML for --config.

Exit codes: 0 all well, 1 something could not be heard or written, 2 the call
was wrong; 129, 130 and 143 stopped by its terminal's end, Ctrl-C and SIGTERM,
after the final records.
With --kafka also: 3 another process has its identity, 4 it hung in a call; a
supervisor may start it again after 1 and 4. docs/kafka.md is the guide.
"""

LISTEN = Help(
    usage=_USAGE,
    description=_DESCRIPTION,
    epilog=_EPILOG,
    groups={
        "Source": "exactly one of them",
        "Sound": None,
        "Mood": None,
        "Events": "that a mood began or ended",
        "Output": None,
        "HTTP": "/metrics, /healthz, /readyz, /status; YAML section metrics",
        GROUP: "of --kafka; YAML section kafka",
        SECURITY: "of --kafka; YAML section kafka; secrets are never shown",
        "Log": "YAML section log",
    },
    actions={
        "list-devices": "show the sound inputs and exit",
        "benchmark": "measure what a window costs on this machine and exit",
        "print-config": PRINT_CONFIG,
    },
    otherwise="listen",
    lone="did you mean --file {}?",
)
"""The command's headings, in order, and actions."""


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


__all__ = ["OPTIONS", "Action", "NoSourceError", "Settings", "SourceName", "parse"]

Action = Literal["listen", "list-devices", "benchmark", "print-config"]

FRAME_SECONDS = 0.016
DEFAULT_PORT = 9108
_LIVE: tuple[SourceName, ...] = ("mic", "url", "demo", "kafka")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(ConsumerOptions, TopicOptions, ConnectionOptions, CommandSettings):
    """All settings of a run, checked; units are in the help texts.

    ``action`` is what to do: the actions other than ``listen`` and ``print-config`` need no source.
    """

    action: Action = "listen"

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
    kafka: bool = option(
        False, kinds.boolean(), "Source", "the streams of a Kafka topic", key="kafka.enabled", flags="--kafka"
    )

    device: str | None = option(
        None, kinds.text("a device's number or part of its name", "DEVICE"), "Sound", "its number or part of its name"
    )
    samplerate: int | None = option(
        None, kinds.integer(8_000, 192_000, "a rate in Hz", "HZ"), "Sound", "of --mic, or of raw PCM on --stdin"
    )
    channels: int | None = option(
        None,
        kinds.integer(1, 64, "a number of channels"),
        "Sound",
        "of --mic, or of raw PCM on --stdin (1 there unless given)",
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
        None,
        kinds.path("the path of an ONNX file", "FILE"),
        "Mood",
        "an ONNX model, or a folder of Essentia's heads (the built-in one unless given); replaced, it is taken anew",
    )
    shadow_model: Path | None = option(
        None,
        kinds.path("the path of an ONNX file", "FILE"),
        "Mood",
        "a second model: scores the same windows, touches no result; metrics say how far both agree",
    )
    hop_seconds: float | None = option(
        None,
        kinds.seconds(FRAME_SECONDS),
        "Mood",
        "from window to window, in whole frames (of 16 ms); one whole window of the model unless given",
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
        "write the records here too: CSV if it ends in .csv, Parquet if in .parquet, else JSON lines; one of before is "
        "renamed",
    )
    rotate_mb: float | None = option(
        None,
        kinds.number(0.001, 1_000_000, "a size in MB", "MB"),
        "Output",
        "of --output-file: begin another file at this size, with time and number in its name",
    )
    rotate_minutes: float | None = option(
        None,
        kinds.number(0.001, 1_000_000, "a time in minutes", "MINUTES"),
        "Output",
        "of --output-file: begin another file after this time",
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

    @property
    def source(self) -> SourceName | None:
        """Name of the one source, or None if the action needs none and none was given."""
        return next((name for name, field in SOURCES.items() if getattr(self, field)), None)

    @property
    def paced(self) -> bool:
        """Whether to play files and the demo at their own speed: the demo does unless told otherwise, files do not."""
        return self.demo if self.realtime is None else self.realtime

    def hop_frames(self, frontend: FrontEnd = FrontEnd()) -> int:
        """Return ``hop_seconds`` in whole frames of the model's front-end: a window, so that none overlap, by default.

        The mean over windows that do not overlap is the papers' score of a song.
        """
        if self.hop_seconds is None:
            return frontend.patch
        return max(1, round(self.hop_seconds * frontend.frames_per_second))

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


OPTIONS = options_of(Settings)


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
    gathered = gather(Settings, LISTEN, argv, environ)
    choose_source(gathered.given, needed=gathered.action == "listen")
    settings = gathered.settings(Settings)
    check(settings, gathered.flags)
    return settings
