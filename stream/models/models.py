"""The models of a run: the one that scores, the watch over its file, and the shadow beside it.

models = Models(settings, hangup.taken)       # loads what is needed; StreamError
models.in_use                                  # for the sessions
models.observe([metrics, board])               # where HTTP is wanted
models.start()                                 # from now on a new file is taken, and the shadow scores
models.close()
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from model.contract import DEFAULT_MODEL, Model, ModelError, ModelInfo, load
from stream.common.errors import StreamError
from stream.models.shadow import Shadow
from stream.models.watch import FileState, ModelFile, ModelWatch
from stream.settings.listen import Settings
from stream.sinks.result_file import kind_of
from stream.tagging.model_in_use import ModelInUse, Rule, frontend_differences, same_frontend, same_labels
from stream.tagging.observer import Observer
from stream.tagging.record import ModelId

_LOOK_SECONDS = 1.0
_PATIENCE_SECONDS = 30.0


class Models:
    """What scores, and what takes its place."""

    def __init__(self, settings: Settings, asked: Callable[[], bool]) -> None:
        """Load the models.

        Args:
            settings: name them, and what their results are written to.
            asked: says, once each time, that the model's file is to be read anew.

        Raises:
            StreamError: one of them cannot be used, or the second one not beside the first.
        """
        self.path = settings.model or DEFAULT_MODEL
        """Where the model that scores was read from."""
        self.shadow_path = settings.shadow_model
        """Where the shadow was read from, or None."""
        file = ModelFile(self.path)
        held = FileState.by(file)
        model = _load(self.path)
        self.in_use = ModelInUse(model, rules=_rules(settings))
        """The model that scores."""
        self._observers: list[Observer] = []
        # The built-in model changes with the program only, and a program is not swapped while it runs.
        look_seconds = math.inf if settings.model is None else _LOOK_SECONDS
        self._watch = ModelWatch(file, held, self.in_use, self._observers, asked, look_seconds=look_seconds)
        self._shadow_model = None if self.shadow_path is None else _load_shadow(self.shadow_path, model.info)
        self._shadow: Shadow | None = None
        has_clock = settings.source != "file" or settings.paced
        self._patience = 0.0 if has_clock else _PATIENCE_SECONDS

    @property
    def info(self) -> ModelInfo:
        """What the model that scores says of itself."""
        return self.in_use.current.info

    @property
    def shadow(self) -> ModelId | None:
        """Which model is the shadow, or None."""
        return None if self._shadow_model is None else _id(self._shadow_model.info)

    def observe(self, observers: Sequence[Observer]) -> None:
        """Tell observers which model scores now and later, what becomes of its file, and how the shadow does."""
        self._observers += observers
        for each in observers:
            each.model(_id(self.info))

    def start(self) -> None:
        """Begin to watch the file, and to show windows to the shadow."""
        if self._shadow_model is not None:
            self._shadow = Shadow(self._shadow_model, self._observers, patience=self._patience)
            self._shadow.start()
            self.in_use.observer = self._shadow
        self._watch.start()

    def close(self) -> None:
        """End both. Safe to call twice."""
        self._watch.close()
        if self._shadow is not None:
            self._shadow.close()


def _rules(settings: Settings) -> list[Rule]:
    file = settings.output_file
    has_columns = settings.output == "csv" or (file is not None and kind_of(file) == "csv")
    return [same_frontend, same_labels] if has_columns else [same_frontend]


def _load(path: Path) -> Model:
    try:
        return load(path)
    except ModelError as error:
        raise StreamError(str(error)) from None


def _load_shadow(path: Path, first: ModelInfo) -> Model:
    shadow = _load(path)
    if differences := frontend_differences(first.frontend, shadow.info.frontend):
        raise StreamError(
            f"the shadow model {path} cannot score the windows of {first.name}: it was made for another front-end "
            f"({differences})"
        )
    if not set(shadow.info.labels) & set(first.labels):
        raise StreamError(
            f"the shadow model {path} has no mood in common with {first.name}: {', '.join(shadow.info.labels)} "
            f"and {', '.join(first.labels)}"
        )
    return shadow


def _id(info: ModelInfo) -> ModelId:
    return ModelId(info.name, info.version, info.sha256)
