"""Look at the records that could not be used, and send them once more.

    python -m stream.dead_letters list --bootstrap-servers HOST:PORT
    python -m stream.dead_letters resend --reason not_scored
    python -m stream.dead_letters --help

Exit codes: 0 all well (letters that cannot be sent are counted and said), 1 Kafka could not be read or written, 2 the
call was wrong, 130 and 143 stopped by Ctrl-C and SIGTERM.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter, deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from stream.common import process
from stream.common.errors import StreamError, need_kafka

if TYPE_CHECKING:
    from stream.kafka.dead_letter_box import DeadLetterBox, Tally
    from stream.kafka.wire.dead_letters import Letter
    from stream.settings.kafka import DeadLettersSettings

# All else is imported where it is needed: see listen.py.


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    Args:
        argv: the command line without the program's name; that of the process for None.
    """
    process.prepare()
    from stream.common.log import configure  # noqa: PLC0415
    from stream.common.output import OutputClosed  # noqa: PLC0415
    from stream.settings.kafka import parse  # noqa: PLC0415

    try:
        settings = parse(sys.argv[1:] if argv is None else argv, os.environ)
        process.check_output()
        configure(settings.log_level, settings.log_format)
        if settings.action == "print-config":
            process.say(settings.to_yaml())
            return 0
        return _act(settings)
    except StreamError as error:
        return process.complain(error)
    except OutputClosed:  # `list | head` has seen enough
        return 0


def _act(settings: DeadLettersSettings) -> int:
    need_kafka()
    from stream.kafka.client.connection import Connection  # noqa: PLC0415
    from stream.kafka.dead_letter_box import DeadLetterBox  # noqa: PLC0415

    with DeadLetterBox(Connection.of(settings), settings.dlq_topic) as box:
        if settings.action == "list":
            _list(box, settings)
            return 0
        return _resend(box, settings)


def _list(box: DeadLetterBox, settings: DeadLettersSettings) -> None:
    from stream.common.output import LineWriter  # noqa: PLC0415
    from stream.kafka.wire.dead_letters import read_letter  # noqa: PLC0415

    writer = LineWriter(sys.stdout)
    as_line = _json if settings.output == "jsonl" else _text
    counts: Counter[str] = Counter()
    last: deque[str] = deque(maxlen=settings.limit)
    for record in box.records():
        letter = read_letter(record)
        if settings.reason not in (None, letter.reason):
            continue
        counts[letter.reason] += 1
        if settings.limit is None:
            writer.write(as_line(letter) + "\n")
        else:
            last.append(as_line(letter))
    for line in last:
        writer.write(line + "\n")
    if settings.output == "text":
        writer.write(_counted(counts.total(), "in the topic", counts) + "\n")


def _resend(box: DeadLetterBox, settings: DeadLettersSettings) -> int:
    stop = process.stop_on_signals()
    tally = box.resend(stop, reason=settings.reason, from_beginning=settings.from_beginning, dry_run=settings.dry_run)
    for line in _result(tally, dry_run=settings.dry_run):
        process.say(line + "\n")
    return 0 if stop.signum is None else 128 + stop.signum


def _result(tally: Tally, *, dry_run: bool) -> list[str]:
    lines = [_counted(tally.sent.total(), "would be sent again" if dry_run else "sent again", tally.sent)]
    if tally.done:
        lines.append(_counted(tally.done, "had been sent again before: --from-beginning sends them once more"))
    lines += [_counted(count, f"cannot be sent: {why}") for why, count in tally.failed.most_common()]
    if tally.sent:
        lines.append(
            "Sent is not yet heard: a stream that has gone on since drops them as duplicates, and one that is over "
            "begins anew with them; what is wrong with a record itself makes it a dead letter once more."
        )
    return lines


def _counted(number: int, what: str, counts: Counter[str] | None = None) -> str:
    from stream.common.text import count_of, escaped  # noqa: PLC0415

    each = ", ".join(f"{count} {escaped(reason)}" for reason, count in counts.most_common()) if counts else ""
    return f"{count_of(number, 'letter')} {escaped(what)}" + (f": {each}" if each else "")


def _text(letter: Letter) -> str:
    from stream.common.text import escaped  # noqa: PLC0415

    place = f"{letter.topic or '?'}[{_shown(letter.partition)}]@{_shown(letter.offset)}"
    fields = (_moment(letter) or "-", letter.reason, letter.stream or "-", place, letter.message or "-")
    return "  ".join(map(escaped, fields))


def _json(letter: Letter) -> str:
    fields = {
        "time": _moment(letter),
        "stream": letter.stream or None,
        "reason": letter.reason,
        "topic": letter.topic or None,
        "partition": letter.partition,
        "offset": letter.offset,
        "stage": letter.stage or None,
        "message": letter.message or None,
        "bytes": letter.bytes,
        "letter": {"partition": letter.at[0], "offset": letter.at[1]},
    }
    return json.dumps(fields, separators=(",", ":"))


def _moment(letter: Letter) -> str | None:
    from stream.common.text import rfc3339  # noqa: PLC0415

    return None if letter.time is None else rfc3339(letter.time)


def _shown(number: int | None) -> str:
    return "?" if number is None else str(number)


if __name__ == "__main__":
    sys.exit(main())
