"""Cuts off clients that hold a connection and do nothing with it, and those that are too many.

    uvicorn.Config(app, http=impatient(20.0, most=200))

Without it a client that asks and does not read, or that begins to ask and does not go on, is kept for as long as it
likes; and enough of them take all the descriptors of the process, which then can open no file for its results.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol


def impatient(seconds: float, most: int) -> type[H11Protocol]:
    """Return uvicorn's protocol with an end to waiting.

    Args:
        seconds: a client that asks for nothing whole, or leaves what it is sent unread, is cut off after so long.
        most: connections at once; one more is closed.
    """

    class Impatient(H11Protocol):
        _unread: asyncio.TimerHandle | None = None
        _unasked: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if len(self.connections) > most:
                transport.abort()
            else:
                self._await_question()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.cycle is None or self.cycle.response_complete:
                self._await_question()
            else:
                self._forget_question()

        def pause_writing(self) -> None:
            super().pause_writing()
            self._unread = self.loop.call_later(seconds, self.transport.abort)

        def resume_writing(self) -> None:
            self._forget_unread()
            super().resume_writing()

        def connection_lost(self, exc: Exception | None) -> None:
            self._forget_unread()
            self._forget_question()
            super().connection_lost(exc)

        def _await_question(self) -> None:
            # Set once a question: a byte now and then would put it off for ever. Between two, uvicorn waits itself.
            if self._unasked is None:
                self._unasked = self.loop.call_later(seconds, self.transport.abort)

        def _forget_question(self) -> None:
            if self._unasked is not None:
                self._unasked.cancel()
                self._unasked = None

        def _forget_unread(self) -> None:
            if self._unread is not None:
                self._unread.cancel()
                self._unread = None

    return Impatient
