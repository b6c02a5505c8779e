"""What is in a data set: ``python -m train.prepare --dataset NAME --dry-run`` prints it. Needs neither audio nor torch.

survey = Survey.of(split(manifest, "artist"), how="artist", seed=0)
survey.text(), survey.json()
"""

from __future__ import annotations

import dataclasses
import json
import posixpath
from typing import Any

import numpy as np

from train.datasets.table import AnnotationError
from train.manifest import SPLITS, Manifest
from train.metadata import YearBuckets, spelt_differently, top_artists
from train.splits import enough_artists, heard_artists


@dataclasses.dataclass(frozen=True, slots=True)
class Artists:
    """Whom the songs are by.

    Attributes:
        count: of different artists.
        songs: whose artist is known.
        top: how many artists the metadata head can tell apart.
        songs_by_top: songs by one of these.
    """

    count: int
    songs: int
    top: int
    songs_by_top: int


@dataclasses.dataclass(frozen=True, slots=True)
class Survey:
    """The figures of a data set.

    Attributes:
        dataset: its name.
        songs: how many.
        labels: songs that have each label.
        ratings: labels that are ratings: their figure counts songs in the upper half of the scale.
        artists: whom they are by.
        years: songs in each five-year bucket; empty without years.
        splits: songs in each split.
        how: of the split.
        seed: of the split; None for a given one.
        test_artists: artists of test songs.
        heard: those of them that training hears, too.
        remarks: what a user should know, a line each.
    """

    dataset: str
    songs: int
    labels: dict[str, int]
    ratings: tuple[str, ...]
    artists: Artists
    years: dict[str, int]
    splits: dict[str, int]
    how: str
    seed: int | None
    test_artists: int
    heard: int
    remarks: tuple[str, ...]

    @classmethod
    def of(cls, manifest: Manifest, how: str, seed: int) -> Survey:
        """Return the survey of songs that have been split.

        Raises:
            AnnotationError: for a label that no training song has.
        """
        top = set(top_artists(manifest))
        buckets = YearBuckets.of(manifest)
        years = [buckets.index(e.year) for e in manifest.entries if e.year is not None] if buckets else []
        test_artists, heard = heard_artists(manifest)
        return cls(
            dataset=manifest.dataset,
            songs=len(manifest),
            labels=manifest.counts(),
            ratings=tuple(name for name in manifest.labels if name in manifest.ratings),
            artists=Artists(
                count=len({entry.artist for entry in manifest.entries if entry.artist}),
                songs=sum(bool(entry.artist) for entry in manifest.entries),
                top=len(top),
                songs_by_top=sum(entry.artist in top for entry in manifest.entries),
            ),
            years={name: years.count(i) for i, name in enumerate(buckets.names)} if buckets else {},
            splits={name: sum(entry.split == name for entry in manifest.entries) for name in SPLITS},
            how=how,
            seed=None if how == "given" else seed,
            test_artists=test_artists,
            heard=heard,
            remarks=(*_of_the_split(manifest, how), *_remarks(manifest)),
        )

    def json(self) -> str:
        """Return the survey for programs, on one line."""
        values: dict[str, Any] = dataclasses.asdict(self)
        values |= {"labels": list(self.labels), "label_songs": self.labels}
        values["split"] = {
            "how": values.pop("how"),
            "seed": values.pop("seed"),
            **values.pop("splits"),
            "test_artists": values.pop("test_artists"),
            "test_artists_heard_in_training": values.pop("heard"),
        }
        return json.dumps(values, ensure_ascii=False)

    def text(self) -> str:
        """Return the survey for people, without the remarks."""
        width = max(map(len, self.labels), default=0)
        lines = [f"{self.dataset}: {self.songs} songs, {len(self.labels)} labels"]
        lines += ["labels (songs):"] * bool(self.labels)
        for name, count in sorted(self.labels.items(), key=lambda item: -item[1]):
            half = "  in the upper half of the scale" if name in self.ratings else ""
            lines.append(f"  {name:{width}}  {count}{half}")
        artists = self.artists
        if artists.songs:
            share = artists.songs_by_top / self.songs
            lines.append(
                f"artists: {artists.count}, known for {artists.songs} songs; "
                f"{artists.songs_by_top} songs ({share:.1%}) are by the top {artists.top}"
            )
        else:
            lines.append("artists: unknown")
        shown = ", ".join(f"{name}: {count}" for name, count in self.years.items())
        lines.append(f"years: {shown}" if shown else "years: unknown")
        parts = ", ".join(f"{count} {name}" for name, count in self.splits.items())
        lines.append(f"split {_HOW[self.how]}{'' if self.seed is None else f', seed {self.seed}'}: {parts}")
        if self.test_artists:
            lines.append(f"  {self.heard} of {self.test_artists} test artists are heard in training")
        return "\n".join(lines)


_HOW = {"artist": "by artist", "random": "by song at random", "given": "as the data set gives it"}


def _of_the_split(manifest: Manifest, how: str) -> list[str]:
    """Return that a random split is all there is to have, where artists are too few."""
    if how != "random" or enough_artists(manifest):
        return []
    return ["too few artists are known for a split by artist: by song at random, training may hear the test's artists"]


def _remarks(manifest: Manifest) -> list[str]:
    """Return what a user should know; raises AnnotationError for a label that cannot be learnt."""
    known = sorted({name for entry in manifest.entries for name in entry.metadata})
    remarks = [] if manifest.labels else [f"no labels: only metadata can be learnt ({', '.join(known)})"]
    remarks += [
        f"an artist spelt differently, taken as different: {', '.join(map(repr, names))}"
        for names in spelt_differently({entry.artist for entry in manifest.entries if entry.artist})
    ]
    positives = manifest.positives()
    binary = np.array([name not in manifest.ratings for name in manifest.labels], bool)
    for split in SPLITS:
        held = np.array([entry.split == split for entry in manifest.entries], bool)
        none = ~positives[held].any(axis=0) & binary
        names = [name for name, empty in zip(manifest.labels, none, strict=True) if empty]
        if names and split == "train":
            more = f" (nor {', '.join(names[1:4])}{' …' if len(names) > 4 else ''})" if names[1:] else ""
            raise AnnotationError(
                f"no training song of {manifest.dataset} has the label {names[0]!r}{more}: "
                "it cannot be learnt; leave it out with --tags, or draw another split with --seed"
            )
        if names and held.any():
            remarks.append(f"no {split} song has {', '.join(names)}: left out of the means of the {split} figures")
    for name in ("artist", "year"):
        unknown = sum(name not in entry.metadata for entry in manifest.entries)
        if 0 < unknown < len(manifest):
            remarks.append(f"the {name} of {unknown} songs is unknown: masked, never taken as negative")
    return remarks + _shared_files(manifest)


def _shared_files(manifest: Manifest) -> list[str]:
    """Return that songs of different splits are one file, if any are."""
    splits: dict[str, dict[str, str]] = {}
    for entry in manifest.entries:
        if entry.split:
            splits.setdefault(posixpath.normpath(entry.path.as_posix()), {}).setdefault(entry.split, entry.id)
    torn = [found for found in splits.values() if len(found) > 1]
    if not torn:
        return []
    such = " and ".join(f"{name} ({split})" for split, name in torn[0].items())
    files = f"{len(torn)} files are" if len(torn) > 1 else "1 file is"
    return [f"{files} in more than one split, such as that of {such}: give such songs one group, or leave one out"]
