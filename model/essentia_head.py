"""One of Essentia's networks, and what its answers mean: labels and probabilities.

    layer = Layer.open(OnnxFile.read(path))
    layer.takes_embeddings                 # a head; else a network of mel frames
    head = Head(layer)
    head.labels                            # ("happy",) of the classes happy and non_happy
    head.probabilities(answers)            # (n, classes) as the network gives them -> (n, labels) in 0...1

Of two classes of which one denies the other by its name, ``happy`` and ``non_happy``, ``not_danceable`` and
``danceable``, only the one that is not denied is a label: the other is one minus it. Any other classes are all labels.

Valence and arousal come from Essentia's regressions on a scale of 1 to 9, 5 being neutral; they are shown as
(x - 1) / 8, cut off at 0 and 1. That is a place on a scale and no probability. They are known by their classes, and by
an output that no sigmoid or softmax bounds. Any other unbounded output must lie in 0...1 for silence and noise, or the
model is refused; should it leave that range later on, it is cut off.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from model.essentia_json import Card, Output
from model.onnx_file import ModelError, OnnxFile, Runner, only_input

if TYPE_CHECKING:
    import onnxruntime

_DENIED = re.compile(r"(?:non|not)[ _-](.+)", re.IGNORECASE)
_BOUNDED = ("Sigmoid", "Softmax", "HardSigmoid")
_RATINGS = frozenset({"valence", "arousal"})
_LOWEST_RATING, _HIGHEST_RATING = 1.0, 9.0
_ROUNDING = 1e-6
_USUAL_NAMES = {"predictions": ("activations", "predictions"), "embeddings": ("embeddings",)}
"""How the outputs are called in the ONNX files that the Music Technology Group offers."""


@dataclasses.dataclass(frozen=True, slots=True)
class Layer:
    """A network of a chain: it takes mel frames, or embeddings.

    Attributes:
        file: the ONNX file.
        card: what its JSON says.
        session: that runs it.
        input_shape: of its one input; sizes that are open are names or None.
    """

    file: OnnxFile
    card: Card
    session: onnxruntime.InferenceSession = dataclasses.field(repr=False)
    input_shape: list[int | str | None]

    @classmethod
    def open(cls, file: OnnxFile) -> Layer:
        """Open a file and read its JSON.

        Raises:
            ModelError: either cannot be used, or it has not one input.
        """
        card = Card.read(file.path)
        session = file.open()
        return cls(file, card, session, only_input(file.path, session)[1])

    @property
    def path(self) -> Path:
        """Of the ONNX file."""
        return self.file.path

    @property
    def data(self) -> bytes:
        """Of the ONNX file."""
        return self.file.data

    @property
    def takes_embeddings(self) -> bool:
        """Whether it is a head: rows of numbers go in, not windows."""
        return len(self.input_shape) == 2

    def runner(self, purposes: Sequence[str]) -> Runner:
        """Return what runs it for the outputs of these purposes.

        Raises:
            ModelError: it has none, or it cannot be told which it is.
        """
        return Runner(self.session, [self.output(purpose) for purpose in purposes])

    def output(self, purpose: str) -> str:
        """Return the session's name of the output with a purpose.

        Raises:
            ModelError: it has none, or it cannot be told which it is.
        """
        described = self.card.outputs.get(purpose)
        if described is None:
            raise ModelError(f"{self.card.path} has no output whose output_purpose is {purpose}")
        nodes = self.session.get_outputs()
        width = len(self.card.classes) if purpose == "predictions" else described.width
        for names in self._guesses(purpose, described, width):
            if len(names) == 1:
                return names[0]
        raise ModelError(
            f"{self.path} has the outputs {', '.join(f'{node.name} {node.shape}' for node in nodes)}: "
            f"none of them is clearly the {purpose} {described.name!r} of its JSON"
        )

    def check_embeddings(self, embeddings: NDArray[np.float32], source: Path) -> None:
        """Check that a head takes embeddings of this shape.

        Raises:
            ModelError: it does not; ``source`` is the model that made them.
        """
        wanted = self.input_shape[1]
        if embeddings.ndim != 2 or (isinstance(wanted, int) and wanted != embeddings.shape[1]):
            given = " x ".join(map(str, embeddings.shape[1:]))
            raise ModelError(f"{self.path} takes embeddings of {wanted} numbers; {source.name} gives {given}")

    def _guesses(self, purpose: str, described: Output, width: int | None) -> list[list[str]]:
        nodes = self.session.get_outputs()
        names = [node.name for node in nodes]
        bare = described.name.removesuffix(":0")
        return [
            [name for name in names if name == described.name],
            [name for name in names if name.removesuffix(":0") == bare],
            [name for name in names if name in _USUAL_NAMES[purpose]],
            [node.name for node in nodes if len(node.shape) == 2 and node.shape[1] == width],
            names if self.card.count == 1 else [],
            names[described.place : described.place + 1] if len(names) == self.card.count else [],
        ]


class Head:
    """What a network's predictions mean."""

    def __init__(self, layer: Layer) -> None:
        """Take a layer that predicts something.

        Raises:
            ModelError: it predicts nothing, or has another number of outputs than of classes.
        """
        self.card = layer.card
        self.path = layer.path
        classes = layer.card.classes
        if not classes:
            hint = "; if it is an embedding model, name one of its heads" if not layer.takes_embeddings else ""
            raise ModelError(f"{layer.card.path} lists no 'classes', so {layer.path.name} has no labels{hint}")
        output = layer.output("predictions")
        (shape,) = [node.shape for node in layer.session.get_outputs() if node.name == output]
        if len(shape) != 2 or (isinstance(shape[1], int) and shape[1] != len(classes)):
            raise ModelError(
                f"{layer.path} gives {list(shape)} in {output!r}, but its JSON lists {len(classes)} classes; "
                f"[batch, {len(classes)}] is needed"
            )
        self._bounded = layer.file.last_operator(output) in _BOUNDED
        self._columns = _columns(classes)
        self.labels = tuple(classes[column] for column in self._columns)
        self._rated = not self._bounded and {name.lower() for name in classes} == _RATINGS

    def check_raw(self, answers: Mapping[str, NDArray[np.float32]]) -> None:
        """Check what the network gives, by the name of what it was given.

        Raises:
            ModelError: that is no probability, or no rating from 1 to 9.
        """
        for name, raw in answers.items():
            if raw.ndim != 2 or raw.shape[1] != len(self.card.classes):
                raise ModelError(f"{self.path} gives {list(raw.shape)} for {len(self.card.classes)} classes")
            if not np.isfinite(raw).all():
                raise ModelError(f"{self.path} gives numbers that are not finite for {name}")
            low, high = float(raw.min()), float(raw.max())
            if self._rated and high <= _LOWEST_RATING:
                raise ModelError(
                    f"{self.path} gives {low:.3g} to {high:.3g} for {name}; "
                    "valence and arousal are expected from 1 to 9, as in Essentia's models"
                )
            if not self._rated and (low < -_ROUNDING or high > 1 + _ROUNDING):
                raise ModelError(f"{self.path} gives {low:.3g} to {high:.3g} for {name}; probabilities are 0 to 1")

    def probabilities(self, raw: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the labels' probabilities, shape (n, labels), of the network's answers, shape (n, classes)."""
        kept: NDArray[np.float32] = raw[:, self._columns]
        if self._rated:
            kept = (kept - np.float32(_LOWEST_RATING)) / np.float32(_HIGHEST_RATING - _LOWEST_RATING)
        return kept if self._bounded else np.clip(kept, 0.0, 1.0)


def _columns(classes: Sequence[str]) -> list[int]:
    """Return which classes are labels: all, or of two the one that the other denies."""
    if len(classes) == 2:
        for column, other in ((0, classes[1]), (1, classes[0])):
            denied = _DENIED.fullmatch(other)
            if denied is not None and denied[1].lower() == classes[column].lower():
                return [column]
    return list(range(len(classes)))
