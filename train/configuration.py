"""What a training run is made of, read from a YAML file of config/train/.

configuration = load(Path("config/train/default.yaml"))
"""

from __future__ import annotations

import dataclasses
import difflib
from pathlib import Path
from typing import Any, Literal

import yaml
from torch import nn

from model.networks.kumar_dahiya import KumarDahiya
from model.networks.statistics_pooling import StatisticsPooling
from train.augment import Augmentation
from train.batches import Group
from train.losses import Loss, Reduction


class ConfigurationError(Exception):
    """A configuration that cannot be used; the message is one line."""


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
        weight_decay: on matrices and kernels only.
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
        steps: batches in all.
        check_every: steps between two looks at the validation songs, each with a checkpoint.
        metadata: heads whose weight may be ``balance``; they never reach the exported model.
        reduction: of the losses over labels.
        smoothing: label smoothing of softmax heads.
        degraded: share of windows from degraded versions.
        first_frames: only so many frames at a song's beginning; None for all.
        average: decay of the moving average of the weights that is evaluated and exported; 0 for none.
        patience: checks without a better validation score before stopping; None never stops early.
        precision: of the forward pass, ``float32`` or ``bfloat16`` (autocast).
        augmentation: see train.augment.
        optimiser: see above.
    """

    network: dict[str, Any]
    heads: dict[str, Task]
    groups: tuple[Group, ...]
    steps: int
    check_every: int
    metadata: tuple[str, ...] = ()
    reduction: Reduction = "sum"
    smoothing: float = 0.0
    degraded: float = 0.0
    first_frames: int | None = None
    average: float = 0.0
    patience: int | None = None
    precision: Literal["float32", "bfloat16"] = "float32"
    augmentation: Augmentation = dataclasses.field(default_factory=Augmentation)
    optimiser: Optimiser = dataclasses.field(default_factory=Optimiser)


NETWORKS = {"kumar_dahiya": KumarDahiya, "statistics_pooling": StatisticsPooling}


def build_network(description: dict[str, Any], heads: dict[str, int]) -> nn.Module:
    """Return the network a configuration describes, with heads of these sizes, freshly initialised."""
    parameters = {key: value for key, value in description.items() if key != "kind"}
    if description.get("kind") not in NETWORKS:
        raise ConfigurationError(f"network.kind must be one of {', '.join(NETWORKS)}")
    try:
        return NETWORKS[description["kind"]](heads, **parameters)
    except TypeError as error:
        raise ConfigurationError(f"network: {error}") from error


def load(path: Path) -> Configuration:
    """Read a configuration; raises ConfigurationError for what it does not know."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path}: {' '.join(str(error).split())}") from error
    try:
        return parse(document)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error


def parse(document: dict[str, Any]) -> Configuration:
    """Turn the mapping of a YAML document into a configuration."""
    values = dict(_known(Configuration, document, "the file"))
    values["heads"] = {name: Task(**_known(Task, task, name)) for name, task in values.get("heads", {}).items()}
    values["groups"] = tuple(
        Group(**{**_known(Group, group, "groups"), "datasets": tuple(group["datasets"])})
        for group in values.get("groups", ())
    )
    values["metadata"] = tuple(values.get("metadata", ()))
    values["augmentation"] = Augmentation(**_known(Augmentation, values.get("augmentation", {}), "augmentation"))
    values["optimiser"] = Optimiser(**_known(Optimiser, values.get("optimiser", {}), "optimiser"))
    try:
        return Configuration(**values)
    except TypeError as error:
        raise ConfigurationError(str(error).replace("Configuration.__init__()", "the configuration")) from error


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
