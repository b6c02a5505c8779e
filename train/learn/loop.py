"""The training loop: masked multi-task losses, moving average of the weights, exact resume.

Every random choice of a step follows from (seed, step), so a run that was killed and resumed ends with the very weights
of one that was not (same machine, same number of threads).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from model.circumplex import valence_arousal
from train.data.features import difference, same_frames
from train.learn.augment import augment_levels, hide, mixing
from train.learn.batches import Batches, Cut
from train.learn.configuration import Configuration
from train.learn.distributed import Ranks
from train.learn.losses import annotated, balance, masked_loss, total_loss
from train.learn.material import Head, Material
from train.learn.networks import ConfigurationError, build_network, network_frontend

ALONE = Ranks()
EVERYTHING = slice(None)


@dataclasses.dataclass
class Progress:
    """Where a run stands, and what it found so far.

    ``seconds`` is CPU time spent on steps: what else the machine does meanwhile does not count.
    """

    step: int = 0
    seconds: float = 0.0
    best: float = -math.inf
    stale: int = 0


class Run:
    """A network in training.

    Args:
        configuration: of the run.
        material: what it learns from.
        seed: from which everything random follows.
        ranks: this process among those of the run.

    Raises:
        ConfigurationError: network, heads and material do not go together.
        ValueError: there are no such targets, or no songs to draw.
    """

    def __init__(self, configuration: Configuration, material: Material, seed: int, ranks: Ranks = ALONE) -> None:
        if "plane" in configuration.heads and "quadrant" not in configuration.heads:
            raise ConfigurationError("the head plane needs the head quadrant, which it reads")
        self.seed = seed
        self.material = material
        self.heads = {
            name: material.head(task.targets or name, task.loss) for name, task in configuration.heads.items()
        }
        self.weights = task_weights(configuration, self.heads)
        self._ranks = ranks
        torch.manual_seed(seed)
        self._description = configuration.network
        self.network = self._built().to(ranks.device)
        if configuration.channels_last:
            self.network = self.network.to(memory_format=torch.channels_last)
        self.frontend = network_frontend(configuration.network)
        if not same_frames(self.frontend, material.frontend):
            raise ConfigurationError(
                "the features are of another front-end than the network's: "
                f"{difference(material.frontend, self.frontend)}"
            )
        cut = Cut(self.frontend.patch, configuration.first_frames, configuration.stretch)
        self._batches = Batches(material, configuration.groups, cut, seed=seed, degraded=configuration.degraded)
        windows = sum(group.songs * group.windows for group in configuration.groups)
        if windows < ranks.world:
            raise ConfigurationError(f"a batch has {windows} windows, too few for {ranks.world} processes")
        self.configuration = configuration.scheduled(self._batches.songs)
        self.averaged = {name: value.clone() for name, value in self.network.state_dict().items()}
        self.optimiser = build_optimiser(configuration, self.network)
        self.progress = Progress()
        self._forward = ranks.wrap(self.network)
        self._negative = np.array([song.dataset == "negative" for song in material.songs])
        self._targets = {n: (torch.from_numpy(h.targets), torch.from_numpy(h.mask)) for n, h in self.heads.items()}

    def train(self, steps: int) -> Iterator[float]:
        """Take steps until the run's step is ``steps``; yield the loss of each."""
        while self.progress.step < steps:
            began = time.process_time()
            loss = self._step(self.progress.step)
            if not math.isfinite(loss):
                raise FloatingPointError(f"the loss is {loss} at step {self.progress.step}")
            self.progress.step += 1
            self.progress.seconds += time.process_time() - began
            yield loss

    def loss(
        self, outputs: dict[str, torch.Tensor], songs: torch.Tensor, mix: Mix, share: slice = EVERYTHING
    ) -> torch.Tensor:
        """Return the weighted loss of a batch's outputs against its songs' targets, mixed as the windows were.

        Args:
            outputs: logits of each head for this process's windows.
            songs: shape (n,), the song of each window of the whole batch.
            mix: how the windows were mixed.
            share: which of the windows are this process's. The gradients of all processes, averaged, are then those of
                the whole batch.
        """
        losses = {}
        if "plane" in self.configuration.heads:
            outputs = {**outputs, "plane": quadrant_plane(outputs["quadrant"])}
        for name, task in self.configuration.heads.items():
            targets, mask = (values[songs] for values in self._targets[name])
            # A mixed window is annotated where both its parts are.
            targets, mask = mix(targets), mask * mask[mix.partners]
            if task.loss == "softmax":
                smooth = self.configuration.smoothing
                targets = targets * (1.0 - smooth) + smooth / targets.shape[1]
            count = annotated(mask, self.configuration.reduction) / self._ranks.world
            device = outputs[name].device
            losses[name] = masked_loss(
                task.loss,
                outputs[name],
                targets[share].to(device),
                mask[share].to(device),
                self.configuration.reduction,
                count.to(device),
            )
        return total_loss(losses, self.weights)

    def averaged_network(self) -> nn.Module:
        """Return a copy of the network with the averaged weights, in evaluation mode."""
        network = self._built()
        network.load_state_dict(self.averaged if self.configuration.average else self.network.state_dict())
        return network.eval().to(self._ranks.device)

    def state(self) -> dict[str, Any]:
        """Return everything that a resumed run needs."""
        return {
            "network": self.network.state_dict(),
            "averaged": self.averaged,
            "optimiser": self.optimiser.state_dict(),
            "progress": dataclasses.asdict(self.progress),
            "labels": self._network_labels(),
            "description": self._description,
            "seed": self.seed,
            "songs": self._fingerprint(),
            "settings": json.dumps(dataclasses.asdict(self.configuration)),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state; raises ConfigurationError if it is another network's, seed's or data set's."""
        if state["seed"] != self.seed or state["description"] != self._description:
            raise ConfigurationError("the checkpoint is of another network or seed: remove it or train elsewhere")
        if state["labels"] != self._network_labels() or state["songs"] != self._fingerprint():
            raise ConfigurationError("the checkpoint is of other songs or labels: remove it or train elsewhere")
        there, here = (
            json.loads(state.get("settings", "{}")),
            json.loads(json.dumps(dataclasses.asdict(self.configuration))),
        )
        for name, value in here.items():
            if there.get(name) != value:
                raise ConfigurationError(
                    f"the checkpoint was made with other settings ({name} was {there.get(name)}, now it is {value}): "
                    "remove it or train elsewhere"
                )
        self.network.load_state_dict(state["network"])
        for name, average in state["averaged"].items():
            self.averaged[name].copy_(average)
        self.optimiser.load_state_dict(state["optimiser"])
        self.progress = Progress(**state["progress"])

    def _built(self) -> nn.Module:
        sizes = {name: len(labels) for name, labels in self._network_labels().items()}
        return build_network(self._description, sizes)

    def _fingerprint(self) -> str:
        """Return what tells one set of songs, splits and targets from another."""
        digest = hashlib.sha256("\n".join(f"{song.key} {song.split}" for song in self.material.songs).encode())
        for head in self.heads.values():
            digest.update(head.targets.tobytes() + head.mask.tobytes())
        return digest.hexdigest()

    def _network_labels(self) -> dict[str, list[str]]:
        """Return the labels of the network's own heads."""
        return {name: list(head.labels) for name, head in self.heads.items() if name != "plane"}

    def _step(self, step: int) -> float:
        settings = self.configuration.augmentation
        rng = np.random.default_rng([self.seed, step, 2])
        torch.manual_seed((self.seed << 32) + (self._ranks.rank << 24) + step)  # dropout
        batch = self._batches[step]
        frames = augment_levels(batch.levels, self._negative[batch.songs], settings, rng, self.frontend.compression)
        mix = Mix(*mixing(batch.groups, settings.mixup, rng))
        frames = mix(frames)
        hide(frames, settings, rng)
        share = self._ranks.share(len(frames))
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.configuration, step)
        self.network.train()
        device = self._ranks.device
        with torch.autocast(device.type, torch.bfloat16, enabled=self.configuration.precision == "bfloat16"):
            outputs = self._forward(frames[share].to(device))
        loss = self.loss({n: o.float() for n, o in outputs.items()}, torch.from_numpy(batch.songs), mix, share)
        self.optimiser.zero_grad()
        loss.backward()
        if self.configuration.optimiser.clip:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.configuration.optimiser.clip)
        self.optimiser.step()
        self._average(step)
        return float(self._ranks.sum(loss.detach()) / self._ranks.world)

    @torch.no_grad()
    def _average(self, step: int) -> None:
        if not self.configuration.average:
            return
        # A young average forgets faster, or it would remember the initial weights.
        decay = min(self.configuration.average, (1 + step) / (10 + step))
        for name, value in self.network.state_dict().items():
            if value.is_floating_point():
                self.averaged[name].lerp_(value, 1.0 - decay)
            else:
                self.averaged[name].copy_(value)


@dataclasses.dataclass(frozen=True)
class Mix:
    """How windows were mixed, to do the same with their targets.

    Attributes:
        partners: shape (n,), the window that each was mixed with.
        weights: shape (n,), its own share.
    """

    partners: torch.Tensor
    weights: torch.Tensor

    def __call__(self, values: torch.Tensor) -> torch.Tensor:
        """Return values, one for each window, mixed in the same way."""
        weights = self.weights.reshape(-1, *[1] * (values.dim() - 1))
        return values * weights + values[self.partners] * (1.0 - weights)


def quadrant_plane(logits: torch.Tensor) -> torch.Tensor:
    """Return valence and arousal, shape (batch, 2), of the softmax over four quadrants, shape (batch, 4)."""
    return torch.stack(valence_arousal(*torch.softmax(logits, dim=1).unbind(dim=1)), dim=1)


def task_weights(configuration: Configuration, heads: dict[str, Head]) -> dict[str, float]:
    """Return each head's weight in the loss; ``balance`` becomes N_mood / N_meta over all metadata heads."""
    metadata = sum(len(heads[name].labels) for name in configuration.metadata)
    mood = sum(len(head.labels) for name, head in heads.items() if name not in configuration.metadata)
    return {
        name: balance(mood, metadata) if task.weight == "balance" else float(task.weight)
        for name, task in configuration.heads.items()
    }


def build_optimiser(configuration: Configuration, network: nn.Module) -> torch.optim.Optimizer:
    """Return the optimiser; weight decay applies to matrices and kernels, not to biases and normalisations."""
    settings = configuration.optimiser
    if settings.name == "adam":
        return torch.optim.Adam(network.parameters(), settings.rate, (0.9, 0.999), settings.epsilon)
    decayed = [p for p in network.parameters() if p.dim() > 1]
    others = [p for p in network.parameters() if p.dim() <= 1]
    groups = [{"params": decayed, "weight_decay": settings.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, settings.rate, (0.9, 0.999), settings.epsilon)


def learning_rate(configuration: Configuration, step: int) -> float:
    """Return the rate of a step: constant for ``adam``, linear warm-up and a cosine to zero for ``adamw``."""
    settings = configuration.optimiser
    if settings.name == "adam":
        return settings.rate
    if step < settings.warm_up:
        return settings.rate * (step + 1) / settings.warm_up
    share = (step - settings.warm_up) / max(1, configuration.steps - settings.warm_up)
    return settings.rate * 0.5 * (1.0 + math.cos(math.pi * share))
