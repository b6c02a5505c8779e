"""Make the Kafka topics, or check them.

    python -m stream.topics create --bootstrap-servers localhost:9092 --partitions 8
    python -m stream.topics check
    python -m stream.topics --help

A line for each topic goes to standard output. Exit codes: 0 the topics are as they must be, 1 they are not or nobody
answers, 2 the call was wrong.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from stream.common import process
from stream.common.errors import StreamError, need_kafka

if TYPE_CHECKING:
    from stream.settings.kafka import TopicSettings

# All else is imported after process.prepare(), so that Ctrl-C is quiet from the start.


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    Args:
        argv: the command line without the program's name; that of the process for None.
    """
    process.prepare()
    from stream.common.log import configure  # noqa: PLC0415
    from stream.common.output import OutputClosed  # noqa: PLC0415
    from stream.settings.command import parse_command  # noqa: PLC0415
    from stream.settings.kafka import TOPICS, TopicSettings  # noqa: PLC0415

    try:
        settings = parse_command(TopicSettings, TOPICS, sys.argv[1:] if argv is None else argv, os.environ)
        process.check_output()
        configure(settings.log_level, settings.log_format)
        return _act(settings)
    except StreamError as error:
        return process.complain(error)
    except OutputClosed:  # `--help | head` has seen enough
        return 0


def _act(settings: TopicSettings) -> int:
    if settings.action == "print-config":
        process.say(settings.to_yaml())
        return 0
    need_kafka()
    from stream.kafka.client.connection import Connection  # noqa: PLC0415
    from stream.kafka.topics import Plan, Topics, create, inspect  # noqa: PLC0415

    connection, topics = Connection.of(settings), Topics.of(settings)
    if settings.action == "create":
        plan = Plan(settings.partitions, settings.replication_factor or -1, settings.retention_hours)
        for line in create(connection, topics, plan):
            process.say(f"{line}\n")
    findings = inspect(connection, topics)
    for each in findings:
        process.say(f"{each}\n")
    if settings.action == "create":
        return 1 if any(each.fatal for each in findings) else 0
    wrong = {each.topic for each in findings}
    for name in topics.names:
        if name not in wrong:
            process.say(f"{name}: ok\n")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
