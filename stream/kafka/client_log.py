"""What kafka-python says of itself, made fit to read: never its debugging, and a broker that is away in one line.

    hush()                                # once there is to be a client; again does nothing
    with heard_errors() as errors: ...    # the exceptions that it logs and does not raise

While a broker is away, kafka-python writes some five lines for each attempt, several attempts a second; with debugging
on, it would write passwords.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator

logger = logging.getLogger("stream.kafka.client")

_AGAIN_S = 30.0
_LIBRARY = logging.getLogger("kafka")
_OF_A_RECORD = ("InvalidRecordError", "InvalidTimestampError", "MessageSizeTooLargeError", "RecordListTooLargeError")
_ABOUT_CONNECTIONS = ("kafka.net", "kafka.cluster", "kafka.producer.sender")


def hush() -> None:
    """Let kafka-python speak through our logger, from warnings on, and repeat itself rarely."""
    _translator()
    _LIBRARY.setLevel(logging.WARNING)
    _LIBRARY.propagate = False


@contextlib.contextmanager
def heard_errors() -> Iterator[list[BaseException]]:
    """Collect the exceptions that kafka-python logs inside the block, and keep its lines out of our log."""
    hush()
    collectors, errors = _translator().collectors, list[BaseException]()
    collectors[id(errors)] = errors
    try:
        yield errors
    finally:
        del collectors[id(errors)]


def _translator() -> _Translator:
    found = next((handler for handler in _LIBRARY.handlers if isinstance(handler, _Translator)), None)
    if found is None:
        found = _Translator()
        _LIBRARY.addHandler(found)
    return found


def _error_in(record: logging.LogRecord) -> BaseException | None:
    arguments = record.args if isinstance(record.args, tuple) else ()
    return next((each for each in arguments if isinstance(each, BaseException)), None)


class _Translator(logging.Handler):
    """Hands on a warning at most every 30 s: those about connections are one, of others each kind."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, float] = {}
        self.collectors: dict[int, list[BaseException]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        error = _error_in(record)
        # By its name: kafka is imported where a client is made, and not before.
        lost = record.name.startswith(_ABOUT_CONNECTIONS) or type(error).__name__ == "KafkaConnectionError"
        if self.collectors:
            for collector in list(self.collectors.values()):
                collector.extend([error] if error is not None else [])
            return
        if lost and (error is None or record.name.startswith("kafka.net.sasl")):
            return  # another line of the same event says why; passwords in the clear are ours to warn of
        if "NotCoordinatorError" in record.getMessage():  # each new group meets it once, and looks again
            return
        if type(error).__name__ == "Cancelled":  # by closing the client, which is our own doing
            return
        if record.name.startswith("kafka.producer") and type(error).__name__ in _OF_A_RECORD:
            return  # whoever sent the record hears of it
        kind = "connection" if lost else f"{record.name}: {record.msg}"
        now = time.monotonic()
        if now - self._said.get(kind, -_AGAIN_S) < _AGAIN_S:
            return
        self._said[kind] = now
        if lost and error is not None:
            from stream.kafka.trouble import worded  # noqa: PLC0415 -- it imports kafka, which imports this

            logger.warning("a broker's connection failed and is tried again: %s", worded(error))
        else:
            logger.log(record.levelno, "%s", record.getMessage())
