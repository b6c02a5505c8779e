"""Dead letters: records that could not be used, with what was wrong with them in headers, as Kafka Connect has it.

    headers = dead_letter_headers(record.headers, topic="audio.chunks", partition=3, offset=17, stage=error.stage,
                                  class_name="stream.kafka.chunks", error=error)
    letter = read_letter(record)           # of the dead-letter topic: whoever wrote it, and whatever is in it
    letter.reason, letter.topic, letter.partition, letter.offset, letter.message
    original_headers(record.headers)       # to send it once more

Key, value and headers are those of the record. Of damaged data there is no record: such a letter has coordinates alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from stream.common.text import utf8

CONNECT = "__connect.errors."
TIMESTAMP = "moodstream.error.timestamp"
"""Header with the record's own timestamp, milliseconds since the epoch."""

REASON = "moodstream.error.reason"
"""Header with the label under which the metrics count a letter: ``missing_header``."""

CORRUPT = "corrupt"
"""Reason of a letter without a record: damaged data on the broker's disk."""

UNKNOWN = "unknown"
"""Reason of a letter that names none: not ours."""

_OURS = (CONNECT, "moodstream.error.")
_LONGEST = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclasses.dataclass(frozen=True, slots=True)
class Letter:
    """What a dead letter says of itself; what it does not say is empty, or None.

    Attributes:
        time: of the original record, or else of the letter; None where there is none.
        stream: the key as text.
        reason: what was wrong, as a label.
        topic: where the record stood.
        partition: and in which partition.
        offset: and at which offset.
        stage: what of it was wrong, in Kafka Connect's words.
        message: what was wrong, for people.
        bytes: length of the value; None where there is no value.
        at: partition and offset of the letter itself.
    """

    time: datetime | None
    stream: str
    reason: str
    topic: str
    partition: int | None
    offset: int | None
    stage: str
    message: str
    bytes: int | None
    at: tuple[int, int]


def dead_letter_headers(
    headers: Iterable[tuple[str, bytes | None]],
    *,
    topic: str,
    partition: int,
    offset: int,
    stage: str,
    class_name: str,
    error: BaseException,
    timestamp_ms: int | None = None,
) -> list[tuple[str, bytes]]:
    """Return the headers of a dead letter: the record's, and what is wrong with it.

    Args:
        headers: of the record; what an earlier letter said goes.
        topic: where the record stands.
        partition: and in which partition.
        offset: and at which offset.
        stage: what of it is wrong: ``HEADER_CONVERTER``.
        class_name: the part of the program that found out.
        error: what it found; ``reason``, if the error has one, goes into a header of its own.
        timestamp_ms: of the record; None or below 0 where it has none.
    """
    kind = type(error)
    texts = {
        CONNECT + "topic": topic,
        CONNECT + "partition": str(partition),
        CONNECT + "offset": str(offset),
        CONNECT + "stage": stage,
        CONNECT + "class.name": class_name,
        CONNECT + "exception.class.name": getattr(kind, "name_on_topics", f"{kind.__module__}.{kind.__qualname__}"),
        CONNECT + "exception.message": str(error)[:_LONGEST],
        REASON: str(getattr(error, "reason", "unexpected")),
    }
    if timestamp_ms is not None and timestamp_ms >= 0:
        texts[TIMESTAMP] = str(timestamp_ms)
    return original_headers(headers) + [(name, utf8(text).encode()) for name, text in texts.items()]


def original_headers(headers: Iterable[tuple[str, bytes | None]]) -> list[tuple[str, bytes]]:
    """Return a record's headers without those of a dead letter; one without a value gets an empty one."""
    return [(name, value or b"") for name, value in headers if not name.startswith(_OURS)]


def original_timestamp(record: Any) -> int | None:
    """Return the timestamp of the record that became a letter, milliseconds since the epoch, or None."""
    texts = {name: (value or b"").decode("utf-8", "replace") for name, value in record.headers}
    said = texts.get(TIMESTAMP, "")
    found = int(said) if said.isascii() and said.isdecimal() and len(said) < 19 else record.timestamp
    return found if found >= 0 else None


def read_letter(record: Any) -> Letter:
    """Return what a record of the dead-letter topic says of itself.

    Args:
        record: a ``ConsumerRecord`` of kafka-python, undecoded.
    """
    texts = {name: (value or b"").decode("utf-8", "replace") for name, value in record.headers}
    return Letter(
        time=_time(original_timestamp(record)),
        stream=(record.key or b"").decode("utf-8", "backslashreplace"),
        reason=texts.get(REASON) or UNKNOWN,
        topic=texts.get(CONNECT + "topic", ""),
        partition=_number(texts, "partition"),
        offset=_number(texts, "offset"),
        stage=texts.get(CONNECT + "stage", ""),
        message=texts.get(CONNECT + "exception.message", ""),
        bytes=None if record.value is None else len(record.value),
        at=(record.partition, record.offset),
    )


def obstacle(letter: Letter, topics: Sequence[str]) -> str | None:
    """Return why a letter cannot be sent again, or None if it can.

    A letter that names no reason is another program's: where it would go may be any topic, that of the states, too.

    Args:
        letter: the letter.
        topics: those there are.
    """
    if letter.bytes is None or letter.reason == CORRUPT:
        return "there is no sound in it, only where it stood"
    if not letter.topic:
        return "it does not say from which topic it came"
    if letter.reason == UNKNOWN:
        return f"it names no {REASON}: another program wrote it"
    if letter.topic not in topics:
        return f"there is no topic {letter.topic}"
    return None


def _number(texts: dict[str, str], name: str) -> int | None:
    text = texts.get(CONNECT + name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 19 else None


def _time(milliseconds: int | None) -> datetime | None:
    try:
        return None if milliseconds is None else _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:  # beyond the year 9999
        return None
