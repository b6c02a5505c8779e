"""A data set with features as what a run learns from: any manifest's moods, artists, years, languages.

    corpus = Corpus.open(Path("cache/mine"))
    corpus = corpus.split("random", seed=1)           # another split of the same features
    material = corpus.material(Selection({"mood": ("mood", loss)}, windows))

Targets by name: ``mood`` is the manifest's labels (yes or no; ratings as they are), ``artist`` the 50 artists with most
training songs, ``year`` nine buckets of five years, and any other name a metadata column (``language``), of which 50
values are told apart, the most frequent. Vocabularies come from the training songs only. Missing metadata is masked,
never a negative. For exclusive labels (a softmax loss) a song of none of them is masked as well.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from train.data.features import Features
from train.data.manifest import Manifest
from train.data.metadata import YearBuckets, artist_targets, metadata_targets, top_artists
from train.data.splits import heard_artists, split
from train.data.table import AnnotationError
from train.figures.ranking import mean_of_known
from train.learn.losses import Loss
from train.learn.material import Head, Judgement, Material
from train.learn.scoring import Windows, head_figures, score_heads

VALUES = 50
"""Values of a metadata column that are told apart, as in the paper's 50 artists."""


NAMED = 5
"""Labels that a remark names."""


@dataclasses.dataclass(frozen=True, slots=True)
class Example:
    """A song of a manifest, as the batches see it."""

    key: str
    dataset: str
    split: str


@dataclasses.dataclass(frozen=True, slots=True)
class Selection:
    """By what a network is judged.

    Attributes:
        heads: from the network's own heads to (targets, loss); their macro PR-AUCs are averaged.
        windows: how a song is cut into windows for its score.
    """

    heads: dict[str, tuple[str, Loss]]
    windows: Windows


class Corpus:
    """The songs of a manifest with their features and a split.

    Args:
        manifest: songs that have features, each with a split.
        features: of these songs.
        how: they were split.
        seed: of the split.
        remarks: what a user should know, a line each.
    """

    def __init__(
        self, manifest: Manifest, features: Features, how: str, seed: int, remarks: tuple[str, ...] = ()
    ) -> None:
        self.manifest = manifest
        self.features = features
        self.how = how
        self.seed = seed
        self.remarks = remarks

    @classmethod
    def open(cls, folder: Path) -> Corpus:
        """Return a folder's songs, split as train.prepare did; raises FeatureError."""
        features = Features.open(folder)
        without, songs = len(features.skipped), len(features.manifest) + len(features.skipped)
        told = f"{without} of {songs} songs have no features: see the lists of skipped songs in {folder}"
        return cls(features.manifest, features, *features.split, (told,) * bool(without))

    def split(self, how: str, seed: int) -> Corpus:
        """Return the same songs with another split; raises AnnotationError, see train.splits.

        ``given`` is the manifest's own, whether train.prepare drew it or the data set came with it.
        """
        if how == "given":
            return Corpus(split(self.manifest, how), self.features, self.how, self.seed, self.remarks)
        return Corpus(split(self.manifest, how, seed), self.features, how, seed, self.remarks)

    def long_enough(self, patch: int) -> Corpus:
        """Return the songs that are as long as a window of ``patch`` frames.

        Raises:
            AnnotationError: training or validation is left without a song.
        """
        keep = np.array([len(self.features[entry.id]) >= patch for entry in self.manifest.entries], bool)
        chosen = self.manifest.where(keep)
        for name in ("train", "validation"):
            if not any(entry.split == name for entry in chosen.entries):
                raise AnnotationError(
                    f"no song of the split {name} of {self.manifest.dataset} is as long as a window ({patch} frames)"
                )
        short = f"{len(keep) - keep.sum()} of {len(keep)} songs are left out: shorter than a window ({patch} frames)"
        return Corpus(chosen, self.features, self.how, self.seed, self.remarks + (short,) * (not keep.all()))

    def material(self, selection: Selection) -> Material:
        """Return what a run learns from, and is judged by as ``selection`` says."""
        manifest = self.manifest
        examples = [Example(entry.id, manifest.dataset, entry.split or "train") for entry in manifest.entries]
        validation = [i for i, example in enumerate(examples) if example.split == "validation"]
        wanted = {name: self.head(*what) for name, what in selection.heads.items()}

        def judge(network: nn.Module) -> Judgement:
            keys = [examples[i].key for i in validation]
            losses = {name: loss for name, (_, loss) in selection.heads.items()}
            scores = score_heads(network, losses, keys, self.features, selection.windows)
            figures: dict[str, float] = {}
            areas = []
            for name, (_, loss) in selection.heads.items():
                truth, known = wanted[name].targets[validation], wanted[name].mask[validation] > 0
                found = head_figures(loss, scores[name], truth, known)
                figures |= {f"{name} {figure}": value for figure, value in found.items()}
                areas.append(found["PR-AUC"])
            return Judgement(figures, mean_of_known(np.array(areas)))

        return Material(
            songs=examples,
            frontend=self.features.frontend,
            clean=self.features,
            degraded=(),
            head=self.head,
            judge=judge,
            description=self.description(),
            remarks=(*self.remarks, *self._without_positives(wanted)),
        )

    def head(self, name: str, loss: Loss) -> Head:
        """Return the targets called ``name`` of all songs.

        Raises:
            ValueError: there is no such metadata, or nothing of it is known of the training songs.
        """
        labels, rows = self._targets(name)
        if len(labels) < 1 + (loss == "softmax"):
            there = ", ".join(self._columns())
            if name == "mood" and not labels:
                raise ValueError(f"{self.manifest.dataset} has no labels to learn moods from, only metadata: {there}")
            raise ValueError(
                f"no training song of {self.manifest.dataset} says its {name}, or all say the same"
                if labels or name in ("artist", "year", *self._columns())
                else f"{self.manifest.dataset} has no metadata called {name}; there is {there}"
            )
        if loss == "squared":
            raise ValueError(f"the loss squared gives no probabilities of {name}: sigmoid takes ratings, too")
        mask = ~np.isnan(rows)
        if loss == "softmax":
            several = int((np.nansum(rows, axis=1) > 1).sum())
            if several:
                raise ValueError(f"the loss softmax needs one label a song, and {several} songs have several of {name}")
            mask &= np.nansum(rows, axis=1, keepdims=True) > 0
        return Head(labels, np.nan_to_num(rows).astype(np.float32), mask.astype(np.float32))

    def fingerprint(self) -> str:
        """Return what tells these songs and labels from others, whatever the split."""
        songs = [(entry.id, sorted(entry.metadata.items())) for entry in self.manifest.entries]
        digest = hashlib.sha256(json.dumps([self.manifest.labels, songs]).encode())
        digest.update(np.nan_to_num(self.manifest.rates, nan=-1.0).tobytes())
        return digest.hexdigest()

    def description(self) -> dict[str, Any]:
        """Return what an exported file shall say of the data."""
        manifest = self.manifest
        splits = Counter(entry.split for entry in manifest.entries)
        artists, heard = heard_artists(manifest)
        return {
            "data": manifest.dataset,
            "songs": {name: splits[name] for name in ("train", "validation", "test")},
            "split": {"how": self.how, "seed": self.seed, "test artists": artists, "heard in training": heard},
        }

    def _targets(self, name: str) -> tuple[tuple[str, ...], NDArray[np.float32]]:
        """Return labels and targets, shape (songs, labels), NaN where unknown."""
        manifest = self.manifest
        training = manifest.where(np.array([entry.split == "train" for entry in manifest.entries], bool))
        if name == "mood":
            known = np.where(np.isnan(manifest.rates), np.nan, manifest.positives())
            rating = np.array([label in manifest.ratings for label in manifest.labels], bool)
            return manifest.labels, np.where(rating, manifest.rates, known).astype(np.float32)
        if name == "artist":
            artists = top_artists(training)
            return artists, artist_targets(manifest, artists)
        if name == "year":
            buckets = YearBuckets.of(training)
            return (buckets.names, buckets.targets(manifest)) if buckets else ((), np.zeros((len(manifest), 0)))
        counts = Counter(e.metadata[name] for e in training.entries if name in e.metadata)
        values = tuple(sorted(counts, key=lambda value: (-counts[value], value))[:VALUES])
        return values, metadata_targets(manifest, name, values)

    def _without_positives(self, heads: dict[str, Head]) -> list[str]:
        """Return which labels nothing can be learnt or judged of."""
        remarks = []
        for name, head in heads.items():
            for split_name, part, what in (
                ("train", "training", "never learnt"),
                ("validation", "validation", "not in the figures"),
            ):
                rows = np.array([entry.split == split_name for entry in self.manifest.entries], bool)
                known = head.mask[rows] > 0
                found = ((head.targets[rows] >= 0.5) & known).any(axis=0)
                none = [label for label, there in zip(head.labels, found, strict=True) if not there]
                if none and not known.any():
                    remarks.append(f"no {part} song is annotated with {name}: {what}")
                elif none:
                    more = f" and {len(none) - NAMED} more" if len(none) > NAMED else ""
                    remarks.append(f"{name}: no {part} song has {', '.join(none[:NAMED])}{more}: {what}")
        return remarks

    def _columns(self) -> list[str]:
        return sorted({name for entry in self.manifest.entries for name in entry.metadata}) or ["none"]
