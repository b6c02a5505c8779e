"""Training, validation and test songs: 80/10/10, by artist (the default), by song as in the papers, or as given.

    manifest = split(manifest, "artist", seed=0)
    heard = heard_artists(manifest)                   # test artists that training hears, too

With songs drawn at random a network can learn artists instead of moods and be paid for it in the test. Split by artist,
it cannot; hence the default.
"""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np

from train.datasets.table import AnnotationError
from train.manifest import SPLITS, Manifest

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
