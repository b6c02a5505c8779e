"""From sources to the outbox: each source is a stream, cut into chunks, with its end said whatever happens.

    publisher = Publisher(outbox, stop, chunk_seconds=1.0, finite=True)
    publisher.run(FileSource(path, stop), stream="album/song.mp3")
    publisher.failures                       # {"album/song.mp3": "not audio"}: what failed and why; the others went on

Several threads may each run a source of their own.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence

from stream.common.errors import StreamError, UsageError
from stream.common.stop import Stop
from stream.kafka.outbox import Outbox
from stream.kafka.packer import Packer
from stream.kafka.wire.chunks import Chunk
from stream.tagging.audio import AudioChunk, Source, SourceItem, SourceStatus, StreamEnd

logger = logging.getLogger(__name__)


_LONGEST_NAME = 1024
"""Bytes; consumers take no longer key."""


class Publisher:
    """Runs sources into an outbox."""

    def __init__(self, outbox: Outbox, stop: Stop, *, chunk_seconds: float, finite: bool, paced: bool = False) -> None:
        """Make a publisher.

        Args:
            outbox: where the chunks go.
            stop: ends the sources, and the waiting for room in the outbox.
            chunk_seconds: length of a chunk.
            finite: leave out samples that are no numbers, as lost sound.
            paced: the sound of files comes at its own speed: then a chunk goes out as soon as it is full.
        """
        self.failures: dict[str, str] = {}
        """What could not be published, or not to its end, and why, by stream; one line each."""
        self.streams = 0
        """Streams that had sound."""
        self.ended = 0
        """Sources that have ended, well or not."""
        self._outbox = outbox
        self._stop = stop
        self._chunk_seconds = chunk_seconds
        self._finite = finite
        self._paced = paced

    def run(self, source: Source, stream: str) -> None:
        """Publish a source's sound until it ends or a stop is asked for, as one stream and one session.

        What goes wrong in the source is noted in ``failures``; what came before it is published.

        Args:
            source: where sound comes from; it is closed at the end.
            stream: name of the stream: the key of its records.

        Raises:
            UsageError: the source cannot be what was asked for (there is no such device), and nothing was heard.
            StreamError: the broker takes nothing any more.
        """
        if len(stream.encode("utf-8", "replace")) > _LONGEST_NAME:
            source.close()
            self.fail(stream, f"the name has more than {_LONGEST_NAME} bytes; --stream gives another")
            return
        hold = not source.live and not self._paced
        packer = Packer(stream, self._chunk_seconds, hold=hold, finite=self._finite)
        heard = False
        try:
            for item in source:
                heard = self._take(packer, item, source.live) or heard
                if self._stop.requested:
                    break
        except UsageError as error:
            if not heard:
                raise
            self.fail(stream, str(error))
        except StreamError as error:
            self.fail(stream, str(error))
        except Exception as error:  # a defect met in one file must not cost the others theirs
            logger.debug("unexpected", exc_info=True)
            self.fail(stream, f"unexpected {type(error).__name__}: {error} (--log-level debug shows more)")
        finally:
            source.close()
            self.ended += 1
            self.streams += heard
            if self._outbox.failed is None:
                with contextlib.suppress(StreamError):  # the stream is refused, and that is known
                    self._put(packer.close(), source.live)
        if self._outbox.failed is not None:
            raise self._outbox.failed

    def fail(self, name: str, reason: str) -> None:
        """Note a failure and say it in the log; the first of a name is the one that counts."""
        if name not in self.failures:
            self.failures[name] = reason
            if self._outbox.failed is None:  # else it is everybody's, and said once
                logger.error("%s", reason if name in reason else f"{name}: {reason}", extra={"stream": name})

    def _take(self, packer: Packer, item: SourceItem, live: bool) -> bool:
        """Take what a source yields and say whether it was sound."""
        match item:
            case AudioChunk():
                self._put(packer.feed(item), live)
                return True
            case SourceStatus():
                level = logging.INFO if item.kind == "up" else logging.WARNING
                fields = {"stream": packer.stream}
                logger.log(level, "%s: source %s: %s", packer.stream, item.kind, item.detail, extra=fields)
            case StreamEnd():
                if item.error is not None:
                    self.fail(packer.stream, item.error)
        return False

    def _put(self, chunks: Sequence[Chunk], live: bool) -> None:
        for chunk in chunks:
            self._outbox.put(chunk, live=live, stop=self._stop)
