"""The settings of ``stream.publish``, and what its ``--help`` says around them.

settings = parse(sys.argv[1:], os.environ)       # UsageError: one line that says what is wrong
settings.source, settings.encoding
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Literal

from stream.common.errors import UsageError
from stream.settings import table
from stream.settings.command import PRINT_CONFIG, CommandSettings, Help, gather
from stream.settings.kafka import GROUP, SECURITY, ConnectionOptions, input_topic
from stream.settings.source import SoundOptions, check_source, choose_source
from stream.settings.table import Given, options_under

_USAGE = """python -m stream.publish SOURCE [OPTION...]
       SOURCE is --mic | --file PATH... | --stdin | --url URL | --demo"""

_DESCRIPTION = """\
Sends sound to Kafka, where any number of `python -m stream.listen --kafka` say
its mood. Each source is a stream, each record up to a second of it. While the
broker is away the sound waits; files, the demo and standard input then wait too,
and of a live source the oldest sound is dropped once the buffer is full."""

_EPILOG = """\
Examples:
  python -m stream.topics create --bootstrap-servers broker:9092      # once

A fleet of microphones, one of these on each machine:
  python -m stream.publish --mic --stream kitchen --chunk-seconds 0.25 \\
      --bootstrap-servers broker:9092

An archive of songs, each a stream of its own, as fast as it goes:
  python -m stream.publish --file /music --jobs 4 --bootstrap-servers broker:9092

A station, a program's sound, and something to try it with:
  python -m stream.publish --url https://radio.example/stream --stream radio
  arecord -f S16_LE -r 44100 -c 2 | python -m stream.publish --stdin \\
      --format s16le --samplerate 44100 --channels 2 --stream studio
  python -m stream.publish --demo --as-fast-as-possible

What is sent is sent in order and once for as long as the process lives; what a
fault of the broker makes it send again has the same number, and is not counted
twice. The brokers are localhost:9092 unless given.

Environment and YAML, shared with stream.listen:
    --topic NAME         MOODSTREAM_KAFKA__TOPIC=NAME       kafka: {topic: NAME}
    --encoding l16       MOODSTREAM_PUBLISH__ENCODING=l16   publish: {encoding: l16}
    --config FILE        MOODSTREAM_CONFIG=FILE
  A flag wins over a variable, a variable over the file, the file over the
  default. --print-config shows what won, as YAML for --config.

Exit codes: 0 all is in the log, 1 something could not be heard or delivered,
2 the call was wrong, 130 and 143 stopped by Ctrl-C and SIGTERM.
"""

PUBLISH = Help(
    usage=_USAGE,
    description=_DESCRIPTION,
    epilog=_EPILOG,
    groups={
        "Source": "exactly one of them",
        "Sound": None,
        "Sending": "YAML section publish",
        GROUP: "YAML section kafka",
        SECURITY: "YAML section kafka; secrets are never shown",
        "Log": "YAML section log",
    },
    actions={"list-devices": "show the sound inputs and exit", "print-config": PRINT_CONFIG},
    otherwise="publish",
    lone="did you mean --file {}?",
)
"""The command's headings, in order, and actions."""


Encoding = Literal["flac", "l16", "s16le", "f32le"]

_sending = options_under("Sending", "publish")


@dataclasses.dataclass(frozen=True, kw_only=True)
class PublishSettings(SoundOptions, ConnectionOptions, CommandSettings):
    """All settings of a run, checked; units are in the help texts."""

    stream: str | None = _sending(
        None, table.text("a name", "NAME"), "name of the stream (a file's path, an address; mic@ and stdin@ this host)"
    )
    chunk_seconds: float = _sending(
        1.0, table.seconds(0.25, 1), "seconds of sound in a record, 0.25 to 1; short ones arrive sooner"
    )
    encoding: Encoding = _sending(
        "flac", table.choice("flac", "l16", "s16le", "f32le"), "16-bit FLAC or PCM, or PCM in floats"
    )
    buffer_seconds: float = _sending(
        120.0, table.seconds(1, 86_400), "seconds of sound to keep while the broker is away"
    )
    buffer_mb: int = _sending(
        128, table.integer(1, 1_000_000, "megabytes", "MB"), "megabytes of sound to keep in memory at most"
    )
    topic: str = input_topic()


def parse(argv: Sequence[str], environ: Mapping[str, str]) -> PublishSettings:
    """Return the settings: a flag wins over an environment variable, that over the YAML file, that over the default.

    Prints and raises ``SystemExit(0)`` for ``--help`` and ``--version``.

    Args:
        argv: the command line without the program's name.
        environ: the environment.

    Raises:
        UsageError: something is wrong with the settings, in one line.
    """
    gathered = gather(PublishSettings, PUBLISH, argv, environ)
    missing = "nothing to publish: give --mic, --file PATH, --stdin, --url URL or --demo (see --help)"
    choose_source(gathered.given, missing if gathered.action == "publish" else None)
    settings = gathered.settings(PublishSettings)
    _check(settings, gathered.flags)
    return settings


def _check(settings: PublishSettings, flags: Mapping[str, Given]) -> None:
    if settings.source is None:
        return
    check_source(settings, flags)
    if settings.stream is not None and (len(settings.paths) > 1 or any(path.is_dir() for path in settings.paths)):
        raise UsageError("--stream names one stream, and every file is one: give a single file, or leave it out")
