"""The settings of ``stream.listen``: what the command line, the environment and a YAML file say, checked.

    settings = parse(sys.argv[1:], os.environ)       # UsageError: one line that says what is wrong
    settings.source, settings.paths, settings.threshold, settings.metrics_port
    print(settings.to_yaml(), end="")                # --print-config

Every setting is declared once, below or in a mixin, and is then a flag, an environment variable and a YAML key (see
``options.py``). How they must fit together is in ``settings_check.py``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from model.frontend import FrontEnd
from stream import kinds
from stream.command import CommandSettings, gather
from stream.help import LISTEN
from stream.kafka.options import ConnectionOptions, ConsumerOptions, TopicOptions
from stream.options import option, options_of
from stream.pcm import RAW_FORMATS
from stream.settings_check import SOURCES, NoSourceError, SourceName, check, choose_source

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
