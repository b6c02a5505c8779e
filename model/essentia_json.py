"""The JSON that comes with each of Essentia's models: what in it can be relied on.

    card = Card.read(Path("mood_happy-msd-musicnn-1.onnx"))      # reads mood_happy-msd-musicnn-1.json beside it
    card.classes                           # ("happy", "non_happy")
    card.outputs["predictions"]            # ("model/Softmax", 2): a name in TensorFlow's graph, and a width
    card.embedding_models                  # ("msd-musicnn-1",): whose embeddings a head takes

Names and shapes in it are those of the TensorFlow graph that the ONNX file was made from. They help to find an output
and are trusted no further: the session says what there is.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path, PurePosixPath
from typing import Any

from model.onnx_file import ModelError

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
