"""What ``python -m stream.listen --help`` says around the options.

settings = gather(Settings, LISTEN, argv, environ)
"""

from __future__ import annotations

from stream.command import PRINT_CONFIG
from stream.kafka.options import GROUP, SECURITY
from stream.parser import Help

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
