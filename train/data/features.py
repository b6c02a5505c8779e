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
import itertools
import json
from collections import ChainMap
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from model.files import replaced
from model.frontend import Compression, FrontEnd, FrontEndError
from train.data import manifest as manifests
from train.data.manifest import Manifest
from train.data.song import Song
from train.data.table import AnnotationError

BANDS = 96
DEGRADED = "validation_degraded"
"""The pack of degraded validation songs."""


Mark = tuple[int, int]
"""What tells a sound file from one that took its place: its size in bytes, and when it was changed, in seconds."""


class Packed(NamedTuple):
    """A line of the journal: where a song's frames lie, and the mark of the file that they were made of, if known."""

    key: str
    begin: int
    count: int
    mark: Mark | None = None

    @property
    def end(self) -> int:
        """The frame after the last."""
        return self.begin + self.count


class Pack:
    """The mel levels of many songs, read through a memory map.

    Args:
        path: of the pack, without suffix.
        bands: of the front-end.

    Raises:
        FileNotFoundError: there is no such pack.
        ValueError: the file of frames is shorter than its journal says, or the journal is damaged.
    """

    def __init__(self, path: Path, bands: int = BANDS) -> None:
        if not path.with_suffix(".index").is_file():
            raise FileNotFoundError(f"no prepared data at {path}: run python -m train.prepare first")
        self._where = _present(read_journal(path))
        size = max((entry.end for entry in self._where.values()), default=0)
        data = path.with_suffix(".f16")
        if size and (not data.is_file() or data.stat().st_size < size * bands * 2):
            raise ValueError(
                f"{data} is shorter than its journal says: the same train.prepare command prepares what is missing"
            )
        self.levels: NDArray[np.float16] = (
            np.memmap(data, np.float16, "r", shape=(size, bands)) if size else np.zeros((0, bands), np.float16)
        )

    def __contains__(self, key: str) -> bool:
        return key in self._where

    def __getitem__(self, key: str) -> NDArray[np.float16]:
        entry = self._where[key]
        return self.levels[entry.begin : entry.end]

    def __iter__(self) -> Iterator[str]:
        """Names of the songs, in the order in which they were written."""
        return iter(self._where)


class PackWriter:
    """Appends songs to a pack; opening it again continues where a killed run stopped.

    Attributes:
        done: the songs that are in it, each with the mark of its file, None where that is not known.
    """

    def __init__(self, path: Path, bands: int = BANDS) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        data, index = path.with_suffix(".f16"), path.with_suffix(".index")
        data.touch()
        there = data.stat().st_size // (bands * 2)
        journal = read_journal(path) if index.is_file() else []
        journal = list(itertools.takewhile(lambda entry: entry.end <= there, journal))
        self.done = {key: entry.mark for key, entry in _present(journal).items()}
        self._end = max((entry.end for entry in journal), default=0)
        lines = "".join(map(_line, journal)).encode()
        if not index.is_file() or index.read_bytes() != lines:
            with replaced(index) as part:  # were it emptied first, a kill would lose every song
                part.write_bytes(lines)
        self._data = data.open("r+b")
        self._data.truncate(self._end * bands * 2)
        self._data.seek(0, 2)
        self._index = index.open("a")

    def append(self, key: str, levels: NDArray[np.float16], mark: Mark | None = None) -> None:
        """Write one song's levels, shape (frames, 96), in place of earlier ones, then its line in the journal."""
        self._data.write(np.ascontiguousarray(levels, np.float16).tobytes())
        self._data.flush()
        entry = Packed(key, self._end, len(levels), mark)
        self._index.write(_line(entry))
        self._index.flush()
        self._end = entry.end
        self.done[key] = mark

    def drop(self, key: str) -> None:
        """Let a song be there no more; its frames stay in the file until that is removed."""
        self._index.write(_line(Packed(key, self._end, 0)))
        self._index.flush()
        self.done.pop(key, None)

    def __enter__(self) -> PackWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):
        self._data.close()
        self._index.close()


def read_journal(path: Path) -> list[Packed]:
    """Return the lines of every song wholly written, in order; a line cut short ends the list.

    Raises:
        ValueError: a line is no entry of a journal, or does not begin where the one before it ends.
    """
    entries: list[Packed] = []
    index = path.with_suffix(".index")
    for number, line in enumerate(index.read_bytes().split(b"\n")[:-1], start=1):
        try:
            key, *numbers = json.loads(line)
        except (ValueError, TypeError):
            key, numbers = None, []
        whole = type(key) is str and len(numbers) in {2, 4} and all(type(value) is int for value in numbers)
        if not whole or numbers[0] != (entries[-1].end if entries else 0) or numbers[1] < 0:
            raise ValueError(f"{index} is damaged in line {number}: remove it and prepare again")
        begin, count, *mark = numbers
        entries.append(Packed(key, begin, count, (mark[0], mark[1]) if mark else None))
    return entries


def _present(journal: list[Packed]) -> dict[str, Packed]:
    """Return the last line of each song that has frames."""
    last = {entry.key: entry for entry in journal}
    return {key: entry for key, entry in last.items() if entry.count}


def _line(entry: Packed) -> str:
    return json.dumps([entry.key, entry.begin, entry.count, *(entry.mark or ())]) + "\n"


DESCRIPTION = "features.json"


class FeatureError(ValueError):
    """A folder of features that cannot be used; the message is one line."""


@dataclasses.dataclass(frozen=True, slots=True)
class Description:
    """What a folder's features were made of, and how.

    Attributes:
        dataset: name of the data set.
        positive_rate: from which rate on a label counts.
        frontend: that computed the frames; its window's length says nothing here.
        audio: the folder that the songs' paths are relative to; None where it is not said.
        how: the songs were split, see train.splits.
        seed: of the split.
        shards: into how many parts the songs were dealt when they were prepared last; None where it is not said.
    """

    dataset: str
    positive_rate: float
    frontend: FrontEnd
    audio: Path | None = None
    how: str = "given"
    seed: int = 0
    shards: int | None = None

    @classmethod
    def read(cls, folder: Path) -> Description:
        """Return what a folder says; raises FeatureError."""
        path = folder / DESCRIPTION
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            split, shards = values.get("split", {}), values.get("shards")
            return cls(
                dataset=str(values["dataset"]),
                positive_rate=float(values["positive_rate"]),
                frontend=FrontEnd.from_metadata(values["frontend"]),
                audio=Path(values["audio"]) if "audio" in values else None,
                how=str(split.get("how", "given")),
                seed=int(split.get("seed", 0)),
                shards=None if shards is None else int(shards),
            )
        except OSError as error:
            raise FeatureError(f"{path}: {error.strerror}") from None
        except FrontEndError as error:
            raise FeatureError(f"{path}: features of another front-end: {error}") from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise FeatureError(f"{path} is damaged: remove the folder and prepare again") from None

    def write(self, folder: Path) -> None:
        """Write ``features.json`` into a folder; raises OSError."""
        values = {
            "dataset": self.dataset,
            "positive_rate": self.positive_rate,
            "frontend": dataclasses.replace(self.frontend, patch=FrontEnd().patch).to_metadata(),
            **({} if self.audio is None else {"audio": str(self.audio)}),
            "split": {"how": self.how, "seed": self.seed},
            **({} if self.shards is None else {"shards": self.shards}),
        }
        (folder / DESCRIPTION).write_text(json.dumps(values, indent=1), encoding="utf-8")


BENT, DECIBELS = get_args(Compression)
FLOOR = 1e-4
"""Added to 10000 x before the logarithm of the bent front-end's levels."""

LEAST = 1e-6
"""10000 times the least power of the front-end in decibels."""


def to_levels(frames: NDArray[np.float32], compression: Compression = BENT) -> NDArray[np.float16]:
    """Turn a front-end's frames into levels, same shape."""
    if compression == DECIBELS:
        return (frames / np.float32(20) + np.float32(4)).astype(np.float16)
    power = np.expm1(np.log(10.0) * frames.astype(np.float64))
    return np.log10(np.maximum(power, 0.0) + FLOOR).astype(np.float16)


def to_frames(levels: NDArray[np.floating], compression: Compression = BENT) -> NDArray[np.float32]:
    """Turn levels back into the front-end's frames, same shape."""
    if compression == DECIBELS:
        return np.maximum(np.float32(20) * (levels.astype(np.float32) - np.float32(4)), np.float32(-200))
    power = 10.0 ** levels.astype(np.float32) - np.float32(FLOOR)
    return np.log10(1.0 + np.maximum(power, 0.0), dtype=np.float32)


SONGS = "songs.json"


def save_songs(songs: list[Song], cache: Path) -> None:
    """Write the annotations of the prepared songs to ``songs.json``."""
    rows = [{**dataclasses.asdict(song), "path": str(song.path)} for song in songs]
    with replaced(cache / SONGS) as part:
        part.write_text(json.dumps(rows, indent=0), encoding="utf-8")


def load_songs(cache: Path) -> list[Song]:
    """Return the prepared songs; raises FileNotFoundError if the cache holds none."""
    path = cache / SONGS
    if not path.is_file():
        raise FileNotFoundError(f"no prepared data in {cache}: run python -m train.prepare first")
    return [_song(row) for row in json.loads(path.read_text(encoding="utf-8"))]


def negatives(cache: Path) -> list[Song]:
    """Return the prepared sound without music as songs of the data set ``negative``, all for training."""
    keys = [entry.key for entry in read_journal(cache / "negative")]
    return [Song("negative", key.split("/", 1)[1], Path(), "train", "") for key in keys]


def _song(row: dict[str, Any]) -> Song:
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
    return Song(**{**values, "path": Path(values["path"])})


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
