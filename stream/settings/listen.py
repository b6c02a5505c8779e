"""The settings of ``stream.listen``, and what its ``--help`` says around them.

settings = parse(sys.argv[1:], os.environ)       # UsageError: one line that says what is wrong
settings.source, settings.hop_frames(), settings.metrics_port
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from model.frontend import FrontEnd
from stream.common.errors import UsageError, need_kafka
from stream.settings import table
from stream.settings.command import PRINT_CONFIG, CommandSettings, Help, gather
from stream.settings.kafka import GROUP, SECURITY, ConnectionOptions, ConsumerOptions, TopicOptions
from stream.settings.source import SOURCES, FormatOptions, SoundOptions, SourceName, check_source, choose_source
from stream.settings.table import Given, options_of, options_under

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


_ONLY_WITH: dict[str, tuple[SourceName, ...]] = {
    field.name: ("kafka",)
    for mixin in (ConnectionOptions, TopicOptions, ConsumerOptions)
    for field in dataclasses.fields(mixin)
}


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
    check_source(settings, flags, _ONLY_WITH)
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


Action = Literal["listen", "list-devices", "benchmark", "print-config"]

FRAME_SECONDS = 0.016
DEFAULT_PORT = 9108

_source, _sound, _mood = options_under("Source"), options_under("Sound"), options_under("Mood")
_events, _output, _http = options_under("Events"), options_under("Output"), options_under("HTTP", "metrics")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ChannelOptions(FormatOptions):
    """Which channel is heard."""

    channel: int | None = _sound(None, table.channel(64), "which channel to hear; N counts from 1")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(SoundOptions, ChannelOptions, ConsumerOptions, TopicOptions, ConnectionOptions, CommandSettings):
    """All settings of a run, checked; units are in the help texts.

    ``action`` is what to do: the actions other than ``listen`` and ``print-config`` need no source.
    """

    action: Action = "listen"

    kafka: bool = _source(False, table.boolean(), "the streams of a Kafka topic", key="kafka.enabled")

    model: Path | None = _mood(
        None,
        table.path("the path of an ONNX file", "FILE"),
        "an ONNX model, or a folder of Essentia's heads (the built-in one unless given); a new file there is loaded",
    )
    shadow_model: Path | None = _mood(
        None,
        table.path("the path of an ONNX file", "FILE"),
        "a second model for the same windows: changes no result, and metrics compare the two",
    )
    hop_seconds: float | None = _mood(
        None,
        table.seconds(FRAME_SECONDS),
        "from window to window, in whole frames (of 16 ms); one whole window of the model unless given",
    )
    average: Literal["mean", "ema", "none"] = _mood(
        "mean", table.choice("mean", "ema", "none"), "running average over a track's windows"
    )
    half_life: float = _mood(
        30.0, table.seconds(0, 86_400, above=True), "of --average ema: seconds after which a window counts half"
    )
    min_rms: float = _mood(
        -60.0,
        table.number(-120, 0, "a level in dBFS", "DBFS"),
        "a window below this level is silence and is not scored",
    )
    reset_after_silence: float = _mood(
        3.0, table.seconds(0), "of live sources: seconds of silence that end a track; 0: never"
    )

    threshold: float = _events(0.5, table.number(0, 1, "a probability", "P"), "a mood begins at this probability")
    threshold_off_choice: float | None = _events(
        None,
        table.number(0, 1, "a probability", "P"),
        "and ends below this probability; 0.8 of --threshold unless given",
        name="threshold_off",
    )
    min_duration: float = _events(5.0, table.seconds(0), "seconds that either must last")

    output: Literal["screen", "jsonl", "csv"] = _output(
        "screen", table.choice("screen", "jsonl", "csv"), "a live screen, or records on standard output"
    )
    output_file: Path | None = _output(
        None,
        table.path("the path of a file", "FILE"),
        "also write records to a file: CSV for .csv, Parquet for .parquet, else JSON lines; an old one is renamed",
    )
    rotate_mb: float | None = _output(
        None,
        table.number(0.001, 1_000_000, "a size in MB", "MB"),
        "of --output-file: begin another file at this size, with time and number in its name",
    )
    rotate_minutes: float | None = _output(
        None,
        table.number(0.001, 1_000_000, "a time in minutes", "MINUTES"),
        "of --output-file: begin another file after this time",
    )
    top_k: int | None = _output(
        None,
        table.integer(1, 1000, "a number of moods", "K"),
        "moods to show, strongest first (all on the screen, 3 in lines)",
    )

    metrics_port_choice: int | Literal["auto", "off"] = _http(
        "auto",
        table.port(),
        f"a port, off, or auto: {DEFAULT_PORT} or the next free one for live sources, else off",
        name="metrics_port",
    )
    metrics_host: str = _http("127.0.0.1", table.text("an address of this machine", "HOST"), "address to bind")
    max_stream_labels: int = _http(
        100, table.integer(1, 100_000, "a number of streams"), "streams with series of their own; the rest are 'other'"
    )

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
        return (
            DEFAULT_PORT if self.metrics_port_choice == "auto" and self.source and SOURCES[self.source].live else None
        )

    @property
    def metrics_port_given(self) -> bool:
        """Whether a user chose the port: in use, it is then an error; a default one moves to the next."""
        return isinstance(self.metrics_port_choice, int)


OPTIONS = options_of(Settings)
_NO_SOURCE = "nothing to listen to: give --mic, --file PATH, --stdin, --url URL, --kafka or --demo (see --help)"


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
    choose_source(gathered.given, _NO_SOURCE if gathered.action == "listen" else None)
    settings = gathered.settings(Settings)
    check(settings, gathered.flags)
    return settings
