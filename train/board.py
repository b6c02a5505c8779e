"""TensorBoard's file of a run, written at once: a full disk is an error where it happens, not in another thread.

board = Board(folder / "tensorboard", after=0)
board.add(975, {"loss/training": 0.53, "validation/mood_PR-AUC": 0.61})
board.close()

tensorboard --logdir runs
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

VERSION = "brain.Event:2"
"""That of the file's form, as its first record says."""


class Board:
    """Scalars by step, in a file of its own for each part of a run that was interrupted.

    Args:
        folder: of the files.
        after: the step that a run continues from: what older files say of later steps is dropped by TensorBoard.
    """

    def __init__(self, folder: Path, after: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # TensorBoard reads a folder's files in the order of their names.
        name = f"events.out.tfevents.{time.time():.6f}.{socket.gethostname()}.{os.getpid()}"
        self._path = folder / name
        self._write(Event(file_version=VERSION))
        self._write(Event(step=after + 1, session_log=SessionLog(status=SessionLog.START)))

    def add(self, step: int, scalars: Mapping[str, float]) -> None:
        """Write values by name; raises OSError."""
        values = [Summary.Value(tag=name, simple_value=value) for name, value in scalars.items()]
        self._write(Event(step=step, summary=Summary(value=values)))

    def _write(self, event: Event) -> None:
        event.wall_time = time.time()
        with self._path.open("ab") as file:
            RecordWriter(file).write(event.SerializeToString())
