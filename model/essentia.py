"""Essentia's models: an ONNX file with its JSON beside it, or an embedding model with its heads.

    load_file(OnnxFile.read(Path("msd-musicnn-1.onnx")))                    # mel frames -> tags
    load_file(OnnxFile.read(Path("mood_happy-msd-musicnn-1.onnx")))         # a head: finds msd-musicnn-1.onnx beside it
    load_files(Path("moods"), [...])                                        # several heads of one embedding model

``model.contract.load`` comes here for what does not keep our own contract. The front-end is that of Essentia's
``TensorflowInputMusiCNN``: ours with a symmetric Hann window (``tests/model/test_essentia_frontend.py``).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from model.frontend import FrontEnd, FrontEndError
from model.onnx_file import Model, ModelError, ModelInfo, OnnxFile, Runner, check_answers, only_input, trial_windows

if TYPE_CHECKING:
    import onnxruntime

SAMPLERATE = 16_000
PURPOSES = ("predictions", "embeddings")

_ALGORITHMS = ("TensorflowPredictMusiCNN", "TensorflowPredictEffnetDiscogs", "TensorflowPredict2D")
"""Those of Essentia's algorithms whose input is computed here: MusiCNN's mel frames twice, and embeddings."""


@dataclasses.dataclass(frozen=True, slots=True)
class Output:
    """One output, as the JSON describes it: its name in TensorFlow's graph, its width if told, its place."""

    name: str
    width: int | None
    place: int


@dataclasses.dataclass(frozen=True, slots=True)
class Card:
    """What a model's JSON says.

    Attributes:
        path: of the JSON file.
        classes: names of what is predicted, in the order of the output's columns; empty if it predicts nothing.
        outputs: by their purpose, one of ``PURPOSES``.
        count: how many outputs it describes.
        embedding_models: names of the model whose embeddings a head takes; empty for one that takes mel frames.
        version: of the model.
        dataset: it was trained on, as its maker wrote it.
        license: of the weights, if told.
    """

    path: Path
    classes: tuple[str, ...]
    outputs: dict[str, Output]
    count: int
    embedding_models: tuple[str, ...]
    version: str
    dataset: Any
    license: str

    @classmethod
    def read(cls, model: Path) -> Card:
        """Read the JSON beside an ONNX file.

        Raises:
            ModelError: it is missing, not JSON, or does not say what is needed.
        """
        path = model.with_suffix(".json")
        described = _object(path, model)
        inference = _section(path, described, "inference")
        _check_input(path, inference)
        outputs = [item for item in _outputs(path, described) if isinstance(item, dict)]
        known = {
            item["output_purpose"]: Output(str(item.get("name")), _width(item.get("shape")), place)
            for place, item in reversed(list(enumerate(outputs)))  # of two with one purpose, the first is taken
            if item.get("output_purpose") in PURPOSES
        }
        if not known:
            found = ", ".join(repr(item.get("output_purpose")) for item in outputs) or "none at all"
            raise ModelError(f"{path} has no output whose output_purpose is predictions or embeddings; it has {found}")
        return cls(
            path=path,
            classes=_classes(path, described),
            outputs=known,
            count=len(outputs),
            embedding_models=_embedding_models(path, inference),
            version=str(described.get("version", "unknown")),
            dataset=described.get("dataset"),
            license=str(described.get("license", "unknown; Essentia's own models are CC BY-NC-SA 4.0")),
        )


def _object(path: Path, model: Path) -> dict[str, Any]:
    try:
        described = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise ModelError(f"{model} needs the JSON that came with it, as {path.name} beside it") from None
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise ModelError(f"{path} is not JSON") from None
    if not isinstance(described, dict):
        raise ModelError(f"{path} is not a model's JSON: an object is needed, not {str(described)[:60]!r}")
    return described


def _section(path: Path, described: dict[str, Any], key: str) -> dict[str, Any]:
    section = described.get(key, {})
    if not isinstance(section, dict):
        raise ModelError(f"{path}: its {key!r} must be an object, not {str(section)[:60]!r}")
    return section


def _check_input(path: Path, inference: dict[str, Any]) -> None:
    samplerate = inference.get("sample_rate", SAMPLERATE)
    if samplerate != SAMPLERATE:
        raise ModelError(f"{path} asks for sound at {samplerate!r} Hz; only models for {SAMPLERATE} Hz can be run")
    algorithm = inference.get("algorithm", _ALGORITHMS[0])
    if algorithm not in _ALGORITHMS:
        raise ModelError(
            f"{path} asks for the input of {algorithm!r}, which is not computed here; "
            f"{', '.join(_ALGORITHMS[:-1])} and {_ALGORITHMS[-1]} are"
        )


def _outputs(path: Path, described: dict[str, Any]) -> list[Any]:
    outputs = _section(path, described, "schema").get("outputs", [])
    if not isinstance(outputs, list):
        raise ModelError(f"{path}: the outputs in its 'schema' must be a list, not {str(outputs)[:60]!r}")
    return outputs


def _classes(path: Path, described: dict[str, Any]) -> tuple[str, ...]:
    classes = described.get("classes", [])
    if not isinstance(classes, list) or not all(isinstance(name, str) and name for name in classes):
        raise ModelError(f"{path}: its 'classes' must be a list of names, not {str(classes)[:60]!r}")
    if len(set(classes)) != len(classes):
        raise ModelError(f"{path}: its 'classes' must be distinct names; some are there twice")
    return tuple(classes)


def _embedding_models(path: Path, inference: dict[str, Any]) -> tuple[str, ...]:
    """Return the names that the JSON gives the embedding model: its own, and that of the file behind the link."""
    described = _section(path, inference, "embedding_model")
    name, link = described.get("model_name"), described.get("link")
    names = [name] if isinstance(name, str) and name else []
    if isinstance(link, str) and link:
        names.append(PurePosixPath(link).name.removesuffix(".pb").removesuffix(".onnx"))
    return tuple(dict.fromkeys(name for name in names if name))


def _width(shape: Any) -> int | None:
    last = shape[-1] if isinstance(shape, list) and shape else None
    return last if type(last) is int else None


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


_BATCH_SIZE = re.compile(r"-bs(\d+|dynamic)(?=-)")
"""Part of a name that says how many windows the file was exported for: the network is the same."""


def load_file(file: OnnxFile) -> Model:
    """Load one model: a network that takes mel frames, or a head, whose embedding model lies beside it.

    Raises:
        ModelError: it cannot be used.
    """
    layer = Layer.open(file)
    if not layer.takes_embeddings:
        return _alone(file.path, layer)
    body = Layer.open(OnnxFile.read(_beside(layer)))
    if body.takes_embeddings:
        raise ModelError(f"{body.path} is a head itself, so {file.path.name} cannot take its embeddings")
    return _chained(file.path, body, [layer])


def load_files(folder: Path, files: Sequence[OnnxFile]) -> Model:
    """Load a folder's embedding model and its heads as one model.

    Args:
        folder: what to call it.
        files: its ONNX files, two or more.

    Raises:
        ModelError: they do not belong together, or cannot be used.
    """
    layers = [Layer.open(file) for file in files]
    heads = [layer for layer in layers if layer.takes_embeddings]
    bodies = [layer for layer in layers if not layer.takes_embeddings]
    if not bodies:
        missing = " or ".join(heads[0].card.embedding_models) or "NAME"
        raise ModelError(f"{folder} holds heads only: put {missing}.onnx and its JSON beside them")
    if len(bodies) > 1:
        names = ", ".join(body.path.name for body in bodies)
        raise ModelError(f"{folder} holds several models of mel frames ({names}): name one of them, or keep one there")
    for head in heads:  # one that does not say whose embeddings it takes was put here for a reason
        wanted = head.card.embedding_models
        if wanted and _plain(bodies[0].path.stem) not in map(_plain, wanted):
            raise ModelError(f"{head.path} takes the embeddings of {' or '.join(wanted)}, not of {bodies[0].path.name}")
    return _chained(folder, bodies[0], heads)


def _alone(path: Path, layer: Layer) -> Model:
    frontend = _frontend(layer)
    head = Head(layer)
    network = layer.runner(["predictions"])
    head.check_raw({name: network(windows)[0] for name, windows in trial_windows(frontend).items()})
    model = Model(_info(path, frontend, [layer], [head]), lambda windows: head.probabilities(network(windows)[0]))
    check_answers(path, model)
    return model


def _chained(path: Path, body: Layer, layers: Sequence[Layer]) -> Model:
    frontend = _frontend(body)
    heads = [Head(layer) for layer in layers]
    networks = [layer.runner(["predictions"]) for layer in layers]
    embed = body.runner(["embeddings"])
    for name, windows in trial_windows(frontend).items():
        embeddings = embed(windows)[0]
        for layer, head, network in zip(layers, heads, networks, strict=True):
            layer.check_embeddings(embeddings, body.path)
            head.check_raw({name: network(embeddings)[0]})

    def predict(windows: NDArray[np.float32]) -> NDArray[np.float32]:
        embeddings = embed(windows)[0]
        answers = zip(heads, networks, strict=True)
        return np.concatenate([head.probabilities(network(embeddings)[0]) for head, network in answers], axis=1)

    model = Model(_info(path, frontend, [body, *layers], heads), predict)
    check_answers(path, model)
    return model


def _info(path: Path, frontend: FrontEnd, layers: Sequence[Layer], heads: Sequence[Head]) -> ModelInfo:
    makers: dict[str, Path] = {}
    for head in heads:
        for label in head.labels:
            if label in makers:
                raise ModelError(f"{makers[label]} and {head.path} both give {label!r}: keep one of them")
            makers[label] = head.path
    cards = [head.card for head in heads]
    digest = hashlib.sha256()
    for layer in sorted(layers, key=lambda layer: layer.path.name):
        digest.update(layer.data)
    return ModelInfo(
        name=path.stem if path.suffix == ".onnx" else path.resolve().name,
        version=", ".join(dict.fromkeys(card.version for card in cards)),
        sha256=digest.hexdigest(),
        labels=tuple(makers),
        frontend=frontend,
        training={card.path.stem: card.dataset for card in cards},
        license="; ".join(dict.fromkeys(card.license for card in cards)),
    )


def _frontend(layer: Layer) -> FrontEnd:
    """Return the front-end of a network that takes mel frames.

    Raises:
        ModelError: its windows are not of that kind.
    """
    shape = layer.input_shape
    patch, bands = shape[1:] if len(shape) == 3 else (None, None)
    if not isinstance(patch, int) or bands != FrontEnd().n_mels:
        raise ModelError(
            f"{layer.path} takes {shape}; [batch, frames, {FrontEnd().n_mels}] is needed, as of MusiCNN or "
            "Discogs-EffNet, or [batch, numbers] for a head"
        )
    try:
        return FrontEnd.from_metadata(FrontEnd(window="hann_symmetric", patch=patch).to_metadata())
    except FrontEndError as error:
        raise ModelError(f"{layer.path} takes {shape}: {error}") from None


def _beside(head: Layer) -> Path:
    """Return the file of a head's embedding model, in the head's folder.

    Raises:
        ModelError: the head names none, or it is not there.
    """
    wanted = _wanted(head)
    there = {path.stem: path for path in head.path.parent.glob("*.onnx")}
    for name in wanted:
        if name in there:
            return there[name]
    plain = set(map(_plain, wanted))
    others = sorted(name for name in there if _plain(name) in plain)
    if others:
        return there[others[-1]]  # the dynamic one, if there is one: it need not be filled up
    raise ModelError(
        f"{head.path} takes the embeddings of {' or '.join(wanted)}: put {wanted[0]}.onnx and its JSON beside it"
    )


def _wanted(head: Layer) -> tuple[str, ...]:
    names = head.card.embedding_models
    if not names:
        raise ModelError(
            f"{head.path} takes embeddings, but its JSON does not say whose (inference.embedding_model.model_name)"
        )
    return names


def _plain(name: str) -> str:
    return _BATCH_SIZE.sub("", name)
