"""What a training run is made of, read from a YAML file of config/train/.

configuration = load(Path("config/train/default.yaml"))
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import re
from collections.abc import Sequence
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import yaml

from train.learn.augment import Augmentation
from train.learn.batches import Group
from train.learn.losses import Loss, Reduction
from train.learn.networks import ConfigurationError


@dataclasses.dataclass(frozen=True, slots=True)
class Task:
    """One head.

    Attributes:
        loss: of its outputs.
        weight: in the sum of losses; ``balance`` is Kumar and Dahiya's N_mood / N_meta.
        targets: name of its targets in train.targets; the head's own name if empty.
    """

    loss: Loss
    weight: float | Literal["balance"] = 1.0
    targets: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Optimiser:
    """How weights are changed.

    Attributes:
        name: ``adamw`` with a one-cycle cosine schedule, or ``adam`` at a constant rate.
        rate: (greatest) learning rate.
        epsilon: of Adam.
        weight_decay: on matrices and kernels only (adamw).
        warm_up: steps until the greatest rate (adamw).
        clip: greatest norm of the gradient; 0 for none.
    """

    name: Literal["adam", "adamw"] = "adamw"
    rate: float = 2e-3
    epsilon: float = 1e-8
    weight_decay: float = 0.0
    warm_up: int = 0
    clip: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True)
class Configuration:
    """One training run.

    Attributes:
        network: ``kind`` and the network's own parameters.
        heads: tasks by name. The head ``plane`` is no layer: it is the quadrants' own valence and arousal.
        groups: what a batch is made of.
        steps: batches in all; or see ``epochs``.
        check_every: steps between two looks at the validation songs, each with a checkpoint; or see ``epochs``.
        epochs: instead of both: so many epochs, with a look after each.
        batches_per_song: batches of an epoch for each training song.
        judged: heads by whose validation figures the run stops early and keeps its best; default: all but metadata.
        metadata: heads whose weight may be ``balance``; they never reach the exported model.
        reduction: of the losses over labels.
        smoothing: label smoothing of softmax heads.
        degraded: share of windows from degraded versions.
        first_frames: only so many frames at a song's beginning; None for all.
        stretch: windows are drawn up to this share longer or shorter, see train.batches.
        average: decay of the moving average of the weights that is evaluated and exported; 0 for none.
        patience: checks without a better validation score before stopping; None never stops early.
        precision: of the forward pass, ``float32`` or ``bfloat16`` (autocast).
        channels_last: memory layout of the convolutions: twice as fast on CPUs.
        augmentation: see train.augment.
        optimiser: see above.
    """

    network: dict[str, Any]
    heads: dict[str, Task]
    groups: tuple[Group, ...]
    steps: int = 0
    check_every: int = 0
    epochs: int | None = None
    batches_per_song: float = 1.25
    judged: tuple[str, ...] = ()
    metadata: tuple[str, ...] = ()
    reduction: Reduction = "sum"
    smoothing: float = 0.0
    degraded: float = 0.0
    first_frames: int | None = None
    stretch: float = 0.0
    average: float = 0.0
    patience: int | None = None
    precision: Literal["float32", "bfloat16"] = "float32"
    channels_last: bool = True
    augmentation: Augmentation = dataclasses.field(default_factory=Augmentation)
    optimiser: Optimiser = dataclasses.field(default_factory=Optimiser)

    def heads_judged(self) -> dict[str, tuple[str, Loss]]:
        """Return the heads by which the run is judged, each with its targets and loss."""
        names = self.judged or tuple(name for name in self.heads if name not in self.metadata)
        return {name: (self.heads[name].targets or name, self.heads[name].loss) for name in names}

    def scheduled(self, songs: int) -> Configuration:
        """Return the configuration with its steps counted, for so many training songs."""
        if self.epochs is None:
            return self
        epoch = max(1, round(self.batches_per_song * songs))
        return dataclasses.replace(self, steps=self.epochs * epoch, check_every=epoch)


def load(path: Path, changes: Sequence[str] = ()) -> Configuration:
    """Read a configuration; raises ConfigurationError for what it does not know.

    Args:
        path: of the YAML file.
        changes: ``key.key=value`` each, in YAML, in place of what the file says: ``network.channels=[16,16,16,16,16]``.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path}: {' '.join(str(error).split())}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is no UTF-8 text ({error.reason} at byte {error.start})") from error
    for change in changes:
        _change(document, change)
    try:
        return parse(document)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error


def parse(document: object) -> Configuration:
    """Turn the mapping of a YAML document into a configuration."""
    values = dict(_known(Configuration, document, "the file"))
    heads = values.get("heads")
    if not isinstance(heads, dict) or not heads:
        raise ConfigurationError("heads: a mapping is needed, from a head's name to its loss and weight")
    values["heads"] = {name: _built(Task, task, f"heads.{name}") for name, task in heads.items()}
    groups = values.get("groups", [{"songs": 32}])
    if not isinstance(groups, list) or not groups:
        raise ConfigurationError("groups: a list is needed, of what a batch is made of")
    values["groups"] = tuple(_built(Group, group, "groups") for group in groups)
    for name in ("metadata", "judged"):
        values[name] = values.get(name, ())
        if not isinstance(values[name], list | tuple):
            raise ConfigurationError(f"{name} is {values[name]!r}: a list of heads is needed")
        unknown = [head for head in values[name] if head not in values["heads"]]
        if unknown:
            raise ConfigurationError(f"{name}: there is no head called {unknown[0]}")
    values["augmentation"] = _built(Augmentation, values.get("augmentation", {}), "augmentation")
    values["optimiser"] = _built(Optimiser, values.get("optimiser", {}), "optimiser")
    configuration: Configuration = _built(Configuration, values, "the file")
    _check(configuration)
    return configuration


def _check(configuration: Configuration) -> None:
    if configuration.epochs is None and not (configuration.steps > 0 and configuration.check_every > 0):
        raise ConfigurationError("either epochs is needed, or steps and check_every")
    for group in configuration.groups:
        if not (group.songs > 0 and group.windows > 0):
            raise ConfigurationError("groups: songs and windows are 1 or more")
    for name in ("epochs", "batches_per_song", "patience", "first_frames"):
        if getattr(configuration, name) == 0:
            raise ConfigurationError(f"{name} is 0: more is needed")
    for name, limit in (("stretch", 1.0), ("smoothing", 1.0), ("average", 1.0), ("degraded", 1.0 + 1e-9)):
        if not getattr(configuration, name) < limit:
            raise ConfigurationError(f"{name} is {getattr(configuration, name)!r}: it is a share, less than 1")
    for name, task in configuration.heads.items():
        if task.weight == "balance" and name not in configuration.metadata:
            raise ConfigurationError(f"heads.{name}.weight is balance, but {name} is not in metadata")
    optimiser = configuration.optimiser
    if optimiser.name == "adam" and (optimiser.weight_decay or optimiser.warm_up):
        raise ConfigurationError("optimiser: adam takes neither weight_decay nor warm_up: adamw does, or set both to 0")
    if not any(name not in configuration.metadata for name in configuration.heads):
        raise ConfigurationError("every head is in metadata: nothing is left to be judged by")


def _built(kind: type, values: object, where: str) -> Any:
    """Return a dataclass of known keys; lists become tuples."""
    hints = get_type_hints(kind)
    known = {key: _value(value, hints[key]) for key, value in _known(kind, values, where).items()}
    for key, value in known.items():
        if not _fits(value, hints[key]):
            place = key if where == "the file" else f"{where}.{key}"
            raise ConfigurationError(f"{place} is {value!r}: {_wanted(hints[key])} is needed")
    try:
        return kind(**known)
    except TypeError as error:
        raise ConfigurationError(f"{where}: {str(error).partition('() ')[2] or error}") from error


def _value(value: object, hint: Any) -> object:
    """Return a list as a tuple, and ``1e-3``, which YAML 1.1 takes for a text, as the number it is."""
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, str) and hint is float and re.fullmatch(r"\d+\.?\d*e[-+]?\d+", value, re.IGNORECASE):
        return float(value)
    return value


def _fits(value: object, hint: Any) -> bool:
    """Tell whether a value of a YAML file is what a field's annotation asks for."""
    kind, parts = get_origin(hint), get_args(hint)
    if kind in (Union, UnionType):
        fits = any(_fits(value, part) for part in parts)
    elif kind is Literal:
        fits = value in parts
    elif kind is tuple:
        fits = isinstance(value, tuple) and all(_fits(item, parts[0]) for item in value)
    elif kind is dict:
        fits = isinstance(value, dict) and all(_fits(item, parts[1]) for item in value.values())
    elif hint in (int, float):
        number = isinstance(value, int if hint is int else int | float) and not isinstance(value, bool)
        fits = number and math.isfinite(value) and value >= 0
    else:
        fits = hint is Any or isinstance(value, hint)
    return fits


def _wanted(hint: Any) -> str:
    """Return what a field's annotation asks for, in words."""
    kind, parts = get_origin(hint), get_args(hint)
    if kind in (Union, UnionType):
        return " or ".join(_wanted(part) for part in parts)
    if kind is Literal:
        return " or ".join(map(str, parts))
    words = {tuple: "a list", dict: "a mapping", int: "a whole number from 0", float: "a number from 0"}
    words |= {bool: "true or false", str: "a name", type(None): "nothing (null)"}
    return words.get(kind or hint, "something else")


def _change(document: object, change: str) -> None:
    """Put ``key.key=value`` into a document, in place."""
    place, equals, text = change.partition("=")
    *parents, last = place.split(".")
    if not equals or not last:
        raise ConfigurationError(f"a change is KEY.KEY=VALUE, not {change!r}")
    for name in parents:
        document = document.setdefault(name, {}) if isinstance(document, dict) else None
    if not isinstance(document, dict):
        raise ConfigurationError(f"{change}: there is nothing called {'.'.join(parents)} to change")
    try:
        document[last] = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{change}: {' '.join(str(error).split())}") from error


def _known(kind: type, values: object, where: str) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise ConfigurationError(f"{where}: a mapping is needed")
    names = [field.name for field in dataclasses.fields(kind)]
    for key in values:
        if key not in names:
            near = difflib.get_close_matches(str(key), names, 1)
            hint = f", did you mean {near[0]}?" if near else ""
            raise ConfigurationError(f"{where}: unknown key {key}{hint}")
    return values
