"""Cuts off a client that asks and then does not read.

    uvicorn.Config(app, http=impatient(20.0))

Without it such a connection is kept for as long as the client likes, with a buffer full of answers.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol


def impatient(seconds: float) -> type[H11Protocol]:
    """Return uvicorn's protocol, ended where a client leaves what it is sent unread for so long."""

    class Impatient(H11Protocol):
        _deadline: asyncio.TimerHandle | None = None

        def pause_writing(self) -> None:
            super().pause_writing()
            self._deadline = self.loop.call_later(seconds, self.transport.abort)

        def resume_writing(self) -> None:
            self._forget_deadline()
            super().resume_writing()

        def connection_lost(self, exc: Exception | None) -> None:
            self._forget_deadline()
            super().connection_lost(exc)

        def _forget_deadline(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

    return Impatient
