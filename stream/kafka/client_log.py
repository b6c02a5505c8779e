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
_ABOUT_CONNECTIONS = ("kafka.net", "kafka.cluster", "kafka.producer.sender")


def hush() -> None:
    """Let kafka-python speak through our logger, from warnings on, and repeat itself rarely."""
    if not any(isinstance(handler, _Translator) for handler in _LIBRARY.handlers):
        _LIBRARY.addHandler(_Translator())
    _LIBRARY.setLevel(logging.WARNING)
    _LIBRARY.propagate = False


@contextlib.contextmanager
def heard_errors() -> Iterator[list[BaseException]]:
    """Collect the exceptions that kafka-python logs inside the block, and keep them out of our log."""
    collector = _Collector()
    handlers = list(_LIBRARY.handlers)
    _LIBRARY.handlers[:] = [collector]
    try:
        yield collector.errors
    finally:
        _LIBRARY.handlers[:] = handlers


def _error_in(record: logging.LogRecord) -> BaseException | None:
    arguments = record.args if isinstance(record.args, tuple) else ()
    return next((each for each in arguments if isinstance(each, BaseException)), None)


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.errors: list[BaseException] = []

    def emit(self, record: logging.LogRecord) -> None:
        if (error := _error_in(record)) is not None:
            self.errors.append(error)


class _Translator(logging.Handler):
    """Hands on a warning at most every 30 s: those about connections are one, of others each kind."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        lost = record.name.startswith(_ABOUT_CONNECTIONS)
        error = _error_in(record)
        if lost and (error is None or record.name.startswith("kafka.net.sasl")):
            return  # another line of the same event says why; passwords in the clear are ours to warn of
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
