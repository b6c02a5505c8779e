"""What the state topic holds of a stream: enough for another process to go on with it.

    value = StreamState(...).to_bytes("moodstream")
    state = StreamState.from_bytes(value, "moodstream")     # ValueError: not a state; StreamError: another group's

A record of the state topic has the stream as its key and lies in the partition of the stream's input; a tombstone says
that the stream is over. The sound is not kept: the input from ``resume_offset`` on is read once more.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Self

from stream.common.errors import StreamError
from stream.tagging.snapshot import SessionSnapshot

SCHEMA = 1

_TRACK = {"title": "track", "next_window": "next_window"}  # what has a place of its own at the top
_AVERAGE = ("sum", "count")


@dataclasses.dataclass(frozen=True, slots=True)
class StreamState:
    """Where a stream stands after the records up to the committed offset.

    Attributes:
        session: its ``x-session``.
        next_seq: the ``x-seq`` that should come next.
        replaced: sessions that this one replaced; what still comes of them is out of date.
        last_ms: record time of its last record, milliseconds since the epoch.
        summed_up: it was silent for so long that the summary of its track is out.
        resume_offset: first record whose sound is needed again, or None if none is.
        resume_seq: ``x-seq`` of that record.
        track_offset: record with which its track began, or None between two.
        sound: where its session stands, or None if it has heard nothing.
    """

    session: str
    next_seq: int
    replaced: tuple[str, ...]
    last_ms: int
    summed_up: bool
    resume_offset: int | None
    resume_seq: int | None
    track_offset: int | None
    sound: SessionSnapshot | None

    def to_bytes(self, group: str) -> bytes:
        """Return it as JSON, in UTF-8, marked as this group's."""
        value = dataclasses.asdict(self)
        sound = value.pop("sound")
        track = sound.pop("track") if sound else None
        top: dict[str, Any] = {
            "schema": SCHEMA,
            "group": group,
            "track": None,
            "next_window": 0,
            "sum": None,
            "count": 0,
        }
        if track is not None:
            top |= {name: track.pop(field) for field, name in _TRACK.items()}
            top |= {name: track["average"].pop(name) for name in _AVERAGE}
        top |= {"next_seq": value.pop("next_seq"), "resume_offset": value.pop("resume_offset")}
        return json.dumps(
            {**top, **value, "sound": sound and {**sound, "track": track}}, separators=(",", ":")
        ).encode()

    @classmethod
    def from_bytes(cls, data: bytes, group: str) -> Self:
        """Read what :meth:`to_bytes` wrote.

        Raises:
            ValueError: it is not that.
            StreamError: it is another group's.
        """
        try:
            top = json.loads(data)
            if top.pop("schema") != SCHEMA:
                raise ValueError(f"the state is of schema {top.get('schema')}; {SCHEMA} is needed")
            if (other := top.pop("group")) != group:
                raise StreamError(
                    f"the group {other} writes its states into the same topic as the group {group}: "
                    "give each a --state-topic (and an --output-topic) of its own"
                )
            sound = top.pop("sound")
            track = sound["track"] if sound else None
            title, window, total, count = (top.pop(name) for name in ("track", "next_window", *_AVERAGE))
            if track is not None:
                track |= {"title": title, "next_window": window}
                track["average"] |= {"sum": total, "count": count}
            replaced = tuple(top.pop("replaced"))
            return cls(**top, replaced=replaced, sound=SessionSnapshot.from_json(sound) if sound else None)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"not the state of a stream: {error!r}") from None
