"""Training, validation and test songs: 80/10/10, by artist (the default), by song as in the papers, or as given.

    manifest = split(manifest, "artist", seed=0)
    heard = heard_artists(manifest)                   # test artists that training hears, too

With songs drawn at random a network can learn artists instead of moods and be paid for it in the test. Split by artist,
it cannot; hence the default.
"""

from __future__ import annotations

import dataclasses
import json
import posixpath
from collections import Counter, defaultdict
from typing import Any

import numpy as np

from train.data.manifest import SPLITS, Manifest
from train.data.metadata import YearBuckets, spelt_differently, top_artists
from train.data.table import AnnotationError

HOW = ("artist", "random", "given")
SHARES = (0.8, 0.1, 0.1)


def default_how(manifest: Manifest, own: bool = False) -> str:
    """Return how to split when nobody says: by artist, if there are artists to tell apart, else at random.

    Args:
        manifest: the songs.
        own: the user made the table, so a split that it gives every song is meant.
    """
    given = [entry.split is not None for entry in manifest.entries]
    if (own and all(given)) or (any(given) and not enough_artists(manifest)):
        return "given"
    return "artist" if enough_artists(manifest) else "random"


def enough_artists(manifest: Manifest) -> bool:
    """Return whether so many artists are known that each split can have one of its own."""
    return len({entry.artist for entry in manifest.entries if entry.artist}) >= len(SPLITS)


def split(manifest: Manifest, how: str, seed: int = 0) -> Manifest:
    """Return the songs with a split each.

    Args:
        manifest: the songs.
        how: ``artist``: no artist in two splits; songs of unknown artists serve training only. ``random``: by song,
            variants of one piece (the metadata ``group``) together. ``given``: the data set's own; songs without one
            are left out.
        seed: of the draw.

    Raises:
        AnnotationError: if training or validation is left without a song, or a drawn split without a test song.
    """
    if how == "given":
        result = manifest.where(np.array([entry.split is not None for entry in manifest.entries], bool))
        if not len(result):
            raise AnnotationError(f"{manifest.dataset} comes without a split: --split artist or random draws one")
    else:
        by_artist = how == "artist"
        keys = [
            entry.artist if by_artist else (entry.metadata.get("group") or f"\0{entry.id}")
            for entry in manifest.entries
        ]
        if by_artist and not enough_artists(manifest):
            raise AnnotationError(f"{manifest.dataset} has too few artists for a split by artist: use --split random")
        result = manifest.with_splits(_drawn(keys, seed))
    held = {entry.split for entry in result.entries}
    for name in SPLITS[: 2 if how == "given" else 3]:
        if name not in held:
            hint = "; --split random may do" if how == "artist" else ""
            raise AnnotationError(f"no song of {manifest.dataset} is in the split {name} (--split {how}){hint}")
    return result


def heard_artists(manifest: Manifest) -> tuple[int, int]:
    """Return how many artists the test songs have, and how many of these are in training, too."""
    artists = {name: {e.artist for e in manifest.entries if e.split == name and e.artist} for name in SPLITS}
    return len(artists["test"]), len(artists["test"] & artists["train"])


def _drawn(keys: list[str | None], seed: int) -> list[str]:
    """Return a split for each song, one and the same for those with the same key; None belongs to training.

    The groups come in an order drawn by the seed. Each goes to a split that still has room for it, drawn by how much
    room there is, so that large and small groups are found in every split. Where the groups are so few and large that a
    split would get none, it gets the smallest that another one can spare.
    """
    members: defaultdict[str, list[int]] = defaultdict(list)
    for index, key in enumerate(keys):
        if key is not None:
            members[key].append(index)
    result = ["train"] * len(keys)
    wanted = np.array(SHARES) * len(keys)
    wanted[0] -= keys.count(None)
    groups = sorted(members)
    random = np.random.default_rng(seed)
    groups = [groups[i] for i in random.permutation(len(groups))]
    places: dict[str, int] = {}
    for group in groups:
        room = np.where(wanted >= len(members[group]), wanted, 0)
        place = int(random.choice(len(SPLITS), p=room / room.sum()) if room.any() else np.argmax(wanted))
        wanted[place] -= len(members[group])
        places[group] = place
    for empty in (place for place in range(len(SPLITS)) if place not in places.values()):
        held = Counter(places.values())
        spare = [group for group in groups if held[places[group]] > 1]
        if spare and (empty or None not in keys):
            places[min(spare, key=lambda group: len(members[group]))] = empty
    for group, place in places.items():
        for index in members[group]:
            result[index] = SPLITS[place]
    return result


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
