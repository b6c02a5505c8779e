"""The features of a data set: its manifest and the mel frames of its songs, in one folder.

    features = Features.open(Path("cache/mine"))
    features.manifest, features.frontend
    features["song-17"]                 # (frames, bands) float16 levels (train.levels), mapped, not read

The folder holds ``manifest.csv`` (the songs with labels, metadata and splits), ``features.json`` (the front-end that
computed the frames), and a pack of frames (train.cache) and a list of skipped songs for each shard that
``python -m train.prepare --shard i/n`` was run for. A window's length is a network's business, so one folder serves
networks of any.
"""

from __future__ import annotations

import csv
import dataclasses
from collections import ChainMap
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.frontend import FrontEnd
from train import manifest as manifests
from train.cache import Pack
from train.datasets.table import AnnotationError
from train.description import Description, FeatureError
from train.manifest import Manifest

MANIFEST = "manifest.csv"


@dataclasses.dataclass(frozen=True, slots=True)
class Shard:
    """One part of the songs, so that several processes or machines can share the work: ``2/4`` is the second of four.

    Attributes:
        index: from 1.
        count: of all shards.
    """

    index: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Return what ``i/n`` says; raises ValueError for anything else."""
        first, _, second = text.partition("/")
        if not (first.isdecimal() and second.isdecimal() and 1 <= int(first) <= int(second)):
            raise ValueError(f"a shard is i/n with i from 1 to n, such as 2/4, not {text!r}")
        return cls(int(first), int(second))

    @property
    def name(self) -> str:
        """Of the shard's files, without suffix."""
        return "features" if self.count == 1 else f"features-{self.index}of{self.count}"

    @property
    def skipped(self) -> str:
        """Name of the list of this shard's songs without features."""
        return f"{self.name}.skipped.csv"


class Features:
    """The songs of a manifest that have features, and these.

    Args:
        manifest: the songs with features.
        frontend: that computed them; its window's length says nothing here.
        packs: the frames by song.
        skipped: why the other songs of the folder's manifest have none, by song.
        split: how and with which seed the manifest was split.
    """

    def __init__(
        self,
        manifest: Manifest,
        frontend: FrontEnd,
        packs: Mapping[str, NDArray[np.float16]],
        skipped: dict[str, str],
        split: tuple[str, int] = ("given", 0),
    ) -> None:
        self.manifest = manifest
        self.split = split
        self.frontend = frontend
        self.skipped = skipped
        self._packs = packs

    def __getitem__(self, song: str) -> NDArray[np.float16]:
        return self._packs[song]

    def __contains__(self, song: str) -> bool:
        return song in self._packs

    @classmethod
    def open(cls, folder: Path) -> Features:
        """Return what the folder holds.

        Raises:
            FeatureError: there are no features, or not those of all songs.
        """
        if not (folder / MANIFEST).is_file():
            raise FeatureError(f"no prepared data set in {folder}: run python -m train.prepare --dataset … first")
        description = Description.read(folder)
        bands = description.frontend.n_mels
        try:
            manifest = manifests.read(folder / MANIFEST, description.dataset, description.positive_rate)
            packs = [Pack(path.with_suffix(""), bands) for path in sorted(folder.glob("features*.index"))]
            skipped = {song: why for path in skip_lists(folder, description) for song, why in read_skipped(path)}
        except (AnnotationError, ValueError, OSError) as error:
            raise FeatureError(str(error)) from None
        frames: Mapping[str, NDArray[np.float16]] = ChainMap(*({song: pack[song] for song in pack} for pack in packs))
        missing = [entry.id for entry in manifest.entries if entry.id not in frames and entry.id not in skipped]
        if missing:
            raise FeatureError(
                f"{folder} is half-written: {len(missing)} of {len(manifest)} songs (such as {missing[0]}) are not "
                "prepared; the same train.prepare command continues, every shard of it"
            )
        keep = np.array([entry.id in frames for entry in manifest.entries], bool)
        skipped = {entry.id: skipped[entry.id] for entry in manifest.entries if entry.id not in frames}
        split = (description.how, description.seed)
        return cls(manifest.where(keep), description.frontend, frames, skipped, split)


def skip_lists(folder: Path, description: Description) -> list[Path]:
    """Return the lists of skipped songs that hold: those of as many shards as there were last."""
    if description.shards is None:
        return sorted(folder.glob("features*.skipped.csv"))
    count = description.shards
    paths = (folder / Shard(index, count).skipped for index in range(1, count + 1))
    return [path for path in paths if path.is_file()]


def same_frames(first: FrontEnd, second: FrontEnd) -> bool:
    """Tell whether two front-ends compute the same frames; their windows may be of any length."""
    return dataclasses.replace(first, patch=1) == dataclasses.replace(second, patch=1)


def difference(first: FrontEnd, second: FrontEnd) -> str:
    """Return the parameters in which two front-ends' frames differ, with both values."""
    names = [field.name for field in dataclasses.fields(FrontEnd) if field.name != "patch"]
    pairs = [(name, getattr(first, name), getattr(second, name)) for name in names]
    return ", ".join(f"{name} {one!r} and {other!r}" for name, one, other in pairs if one != other)


def read_skipped(path: Path) -> list[tuple[str, str]]:
    """Return the songs of a list of skipped ones, each with the reason; raises FeatureError if it is damaged."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [(song, reason) for song, reason in list(csv.reader(file))[1:]]
    except (ValueError, csv.Error) as error:
        raise FeatureError(f"{path} is damaged ({error}): the same train.prepare command writes it anew") from None
