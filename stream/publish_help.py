"""What ``python -m stream.publish --help`` says around the options.

settings = gather(PublishSettings, PUBLISH, argv, environ)
"""

from __future__ import annotations

from stream.command import PRINT_CONFIG
from stream.kafka.options import GROUP, SECURITY
from stream.parser import Help

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
