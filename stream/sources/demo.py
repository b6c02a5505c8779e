"""The built-in music: sound where there is none.

    for item in DemoSource(stop): ...      # in real time, each piece a track of the one stream "demo"

The pieces were composed and synthesised by the project itself (stream/demo/LICENSE.md).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from stream.common.stop import Stop
from stream.sources.files import FileSource
from stream.tagging.audio import AudioChunk, SourceItem, StreamEnd

STREAM = "demo"

_RECORDINGS = Path(__file__).parents[1] / "demo"


@dataclasses.dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the demo.

    Attributes:
        name: of its file.
        title: for people.
        mood: what it is meant to be; what a model hears in it is another matter.
    """

    name: str
    title: str
    mood: str

    @property
    def path(self) -> Path:
        """The recording: Ogg Opus, stereo."""
        return _RECORDINGS / f"{self.name}.opus"


PIECES = (
    Piece("market_day", "Market Day", "happy"),
    Piece("empty_house", "Empty House", "sad"),
    Piece("iron_teeth", "Iron Teeth", "angry"),
    Piece("still_water", "Still Water", "calm"),
)


class DemoSource:
    """Plays the pieces of the demo one after the other, then ends."""

    stream = STREAM
    live = False

    def __init__(self, stop: Stop, *, realtime: bool = True) -> None:
        """Make a source.

        Args:
            stop: ends it early.
            realtime: yield each chunk when it would have been captured from a microphone, rather than at once.
        """
        self._stop = stop
        self._realtime = realtime

    def __iter__(self) -> Iterator[SourceItem]:
        """Yield the pieces as one stream whose samples are counted through, then a StreamEnd.

        Raises:
            StreamError: a piece is missing or cannot be read: the installation is damaged.
        """
        first_sample = 0
        for piece in PIECES:
            end = first_sample
            for item in FileSource(piece.path, self._stop, stream=STREAM, realtime=self._realtime):
                if isinstance(item, AudioChunk):
                    begin = first_sample + item.first_sample
                    end = begin + len(item.samples)
                    starts = item.first_sample == 0
                    yield dataclasses.replace(item, first_sample=begin, track=piece.title, starts_track=starts)
                elif not isinstance(item, StreamEnd):
                    yield item
                elif item.error is not None:
                    yield item
                    return
            if self._stop.requested:
                return
            first_sample = end
        yield StreamEnd(STREAM)

    def close(self) -> None:
        """Do nothing: each file is closed when it has been played."""
