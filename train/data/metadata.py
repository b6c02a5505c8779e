"""Artist and year as things to predict: the papers' top-50 artists and five-year buckets, masked where unknown.

artists = top_artists(manifest)                       # of the training songs
targets = artist_targets(manifest, artists)           # (songs, 50): 0 or 1, NaN where the artist is unknown
buckets = YearBuckets.of(manifest)                    # 9 buckets of 5 years
targets = buckets.targets(manifest)                   # (songs, 9): 0 or 1, NaN where the year is unknown
targets = metadata_targets(manifest, "language", ("en", "de"))
"""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from train.data.manifest import Manifest

ARTISTS = 50
BUCKETS = 9
BUCKET_YEARS = 5


def top_artists(manifest: Manifest, count: int = ARTISTS) -> tuple[str, ...]:
    """Return the artists with the most songs, at most ``count``; of equals the first in the alphabet."""
    songs = Counter(entry.artist for entry in manifest.entries if entry.artist)
    return tuple(sorted(songs, key=lambda name: (-songs[name], name))[:count])


def artist_targets(manifest: Manifest, artists: tuple[str, ...]) -> NDArray[np.float32]:
    """Return which of the artists each song is by.

    Args:
        manifest: the songs.
        artists: those to predict.

    Returns:
        Shape (songs, artists). A song by somebody else is 0 throughout; one whose artist is unknown NaN.
    """
    return metadata_targets(manifest, "artist", artists)


def metadata_targets(manifest: Manifest, column: str, values: tuple[str, ...]) -> NDArray[np.float32]:
    """Return which of the values of a metadata column each song has.

    Returns:
        Shape (songs, values). A song with another value is 0 throughout; one without the column NaN.
    """
    targets = np.zeros((len(manifest), len(values)), np.float32)
    position = {value: index for index, value in enumerate(values)}
    for row, entry in enumerate(manifest.entries):
        if column not in entry.metadata:
            targets[row] = np.nan
        elif entry.metadata[column] in position:
            targets[row, position[entry.metadata[column]]] = 1
    return targets


@dataclasses.dataclass(frozen=True, slots=True)
class YearBuckets:
    """Buckets of five years, the last of which holds the newest song; whatever is older belongs to the first.

    The paper gives the number of buckets and their width, not where they begin: multiples of five, here.

    Attributes:
        first: the year that the first bucket begins with.
        count: of the buckets.
    """

    first: int
    count: int = BUCKETS

    @classmethod
    def of(cls, manifest: Manifest, count: int = BUCKETS) -> YearBuckets | None:
        """Return the buckets for these songs; None if no song has a year."""
        years = [entry.year for entry in manifest.entries if entry.year is not None]
        if not years:
            return None
        last = max(years) // BUCKET_YEARS * BUCKET_YEARS
        return cls(last - (count - 1) * BUCKET_YEARS, count)

    @classmethod
    def named(cls, names: Sequence[str]) -> YearBuckets | None:
        """Return the buckets of these names; None if they are no names of buckets."""
        last = names[-1].partition("-")[0] if names else ""
        if not re.fullmatch(r"\d{4}", last, re.ASCII):
            return None
        found = cls(int(last) - (len(names) - 1) * BUCKET_YEARS, len(names))
        return found if found.names == tuple(names) else None

    @property
    def names(self) -> tuple[str, ...]:
        """What to call each bucket: ``1985-1989``, the first one ``to 1984``."""
        starts = [self.first + index * BUCKET_YEARS for index in range(self.count)]
        spans = [f"{start}-{start + BUCKET_YEARS - 1}" for start in starts]
        return (f"to {starts[0] + BUCKET_YEARS - 1}", *spans[1:])

    def index(self, year: int) -> int:
        """Return the bucket of a year, also of one beyond the first and the last."""
        return min(max((year - self.first) // BUCKET_YEARS, 0), self.count - 1)

    def targets(self, manifest: Manifest) -> NDArray[np.float32]:
        """Return each song's bucket, shape (songs, buckets): 0 or 1, NaN where the year is unknown."""
        targets = np.zeros((len(manifest), self.count), np.float32)
        for row, entry in enumerate(manifest.entries):
            if entry.year is None:
                targets[row] = np.nan
            else:
                targets[row, self.index(entry.year)] = 1
        return targets


def spelt_differently(names: set[str]) -> list[tuple[str, ...]]:
    """Return the groups of names that differ in case, spaces, punctuation or diacritics only, in order."""
    groups: defaultdict[str, set[str]] = defaultdict(set)
    for name in names:
        groups[_plain(name)].add(name)
    return sorted(tuple(sorted(group)) for plain, group in groups.items() if plain and len(group) > 1)


def _plain(name: str) -> str:
    """Return the letters and digits of a name, without case and diacritics."""
    return "".join(char for char in unicodedata.normalize("NFKD", name).casefold() if char.isalnum())
