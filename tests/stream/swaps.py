"""Model files to swap, good and bad ones, and a watch over one whose looks are the test's own.

watched = Watched(swaps.first(tmp_path / "m.onnx"))
swaps.second(tmp_path / "m.onnx")
watched.look()
assert watched.name == "second"
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from model.contract import load
from model.frontend import FrontEnd
from stream.models.watch import FileState, ModelFile, ModelWatch
from stream.tagging.model_in_use import ModelInUse, same_frontend
from stream.tagging.observer import Observer
from stream.tagging.record import ModelId
from tests import models

OTHERS = ("bright", "dark", "sad")


def first(path: Path) -> Path:
    return models.save(path, None, models.metadata(name="first"))


def second(path: Path) -> Path:
    return models.save(path, models.tiny_network(gain=0.5), models.metadata(name="second"))


def of_other_moods(path: Path) -> Path:
    return models.save(path, models.tiny_network(len(OTHERS)), models.metadata(OTHERS, name="others"))


def truncated(path: Path) -> Path:
    path.write_bytes(second(path).read_bytes()[:400])
    return path


def of_another_front_end(path: Path) -> Path:
    narrow = json.dumps(FrontEnd(n_mels=64).to_metadata())
    return models.save(path, models.tiny_network(n_mels=64), models.metadata(frontend=narrow))


def no_onnx(path: Path) -> Path:
    path.write_text("<html>404 Not Found</html>")
    return path


def folder_without_a_model(path: Path) -> Path:
    path.unlink()
    path.mkdir()
    (path / "notes.txt").write_text("the model will be here")
    return path


def pipe_without_a_writer(path: Path) -> Path:
    path.unlink()
    os.mkfifo(path)
    return path


def device_without_an_end(path: Path) -> Path:
    path.unlink()
    path.symlink_to("/dev/zero")
    return path


class Seen(Observer):
    """Keeps what becomes of a model's file."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.refusals = 0
        self.present: bool | None = None
        self.lies_refused: bool | None = None

    def model(self, info: ModelId) -> None:
        self.names.append(info.name)

    def model_refused(self) -> None:
        self.refusals += 1

    def model_file(self, *, present: bool, refused: bool) -> None:
        self.present, self.lies_refused = present, refused


class Watched:
    """A watch over a file whose looks are the test's own."""

    def __init__(self, path: Path, *rules: Callable[..., str | None]) -> None:
        self.seen = Seen()
        file = ModelFile(path)
        held = FileState.by(file)
        self.models = ModelInUse(load(path), rules=rules or (same_frontend,))
        self.watch = ModelWatch(file, held, self.models, [self.seen], lambda: False)

    def look(self, times: int = 2) -> None:
        for _ in range(times):
            self.watch.look()

    @property
    def name(self) -> str:
        return self.models.current.info.name
