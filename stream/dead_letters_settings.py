"""The settings of ``stream.dead_letters``.

settings = parse(sys.argv[1:], os.environ)       # UsageError: one line that says what is wrong
settings.action, settings.dlq_topic, settings.reason
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from stream import kinds
from stream.command import PRINT_CONFIG, CommandSettings, gather
from stream.common.errors import UsageError
from stream.kafka.options import GROUP, SECURITY, ConnectionOptions, TopicOptions
from stream.options import option
from stream.parser import Help

Action = Literal["list", "resend", "print-config"]

LETTERS = "Letters"

_DLQ_TOPIC: Any = next(each for each in dataclasses.fields(TopicOptions) if each.name == "dlq_topic")


def _own(default: Any, kind: kinds.Kind, summary: str, name: str) -> Any:
    return option(default, kind, LETTERS, summary, key=f"dead_letters.{name}", flags="--" + name.replace("_", "-"))


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeadLettersSettings(ConnectionOptions, CommandSettings):
    """All settings of a run, checked."""

    action: Action = "list"

    dlq_topic: str = dataclasses.field(default=_DLQ_TOPIC.default, metadata=_DLQ_TOPIC.metadata)
    reason: str | None = _own(None, kinds.text("a reason", "REASON"), "only those with this reason", "reason")
    limit: int | None = _own(
        None, kinds.integer(1, 1_000_000, "a number of letters"), "of list: only the last so many (all)", "limit"
    )
    output: Literal["text", "jsonl"] = _own(
        "text", kinds.choice("text", "jsonl"), "of list: lines for people, or JSON", "output"
    )
    dry_run: bool = _own(False, kinds.boolean(), "of resend: only say what would be sent", "dry_run")
    from_beginning: bool = _own(False, kinds.boolean(), "of resend: also what was sent again before", "from_beginning")


_ONLY_WITH = {"limit": "list", "output": "list", "dry_run": "resend", "from_beginning": "resend"}


def parse(argv: Sequence[str], environ: Mapping[str, str]) -> DeadLettersSettings:
    """Return the settings: a flag wins over an environment variable, that over the YAML file, that over the default.

    Prints and raises ``SystemExit(0)`` for ``--help`` and ``--version``.

    Args:
        argv: the command line without the program's name.
        environ: the environment.

    Raises:
        UsageError: something is wrong with the settings, in one line.
    """
    gathered = gather(DeadLettersSettings, HELP, argv, environ)
    settings = gathered.settings(DeadLettersSettings)
    for name, action in _ONLY_WITH.items():
        if name in gathered.flags and settings.action not in (action, "print-config"):
            raise UsageError(f"--{name.replace('_', '-')} belongs to {action}, not to {settings.action}")
    return settings


HELP = Help(
    usage="python -m stream.dead_letters list|resend [OPTION...]",
    description="""\
Records that could not be used stand in a topic of their own, each with what was
wrong with it. This shows them, or sends them to the topic they came from.""",
    epilog="""\
Examples:
  python -m stream.dead_letters list --limit 20 --bootstrap-servers broker:9092
  python -m stream.dead_letters list --reason undecodable --output jsonl
  python -m stream.dead_letters resend --reason not_scored --dry-run

How far letters were sent is kept as the offsets of the group DLQ_TOPIC.resend, so
a second run sends what is new. A stream that has gone on since drops what comes
after: resending mends streams that nobody heard, and no gap in the past.

Exit codes: 0 all well (letters that cannot be sent are counted and said), 1 Kafka
could not be read or written, 2 the call was wrong, 130 and 143 stopped by Ctrl-C
and SIGTERM.
""",
    groups={
        LETTERS: "YAML section dead_letters",
        GROUP: "YAML section kafka",
        SECURITY: "YAML section kafka; secrets are never shown",
        "Log": "YAML section log",
    },
    words={"list": "show them", "resend": "send them once more"},
    actions={"print-config": PRINT_CONFIG},
)
"""The command's headings, in order, and actions."""
