"""MagnaTagATune: 25,863 clips of 29 seconds from 230 artists with 188 tags given by players of a game.

    manifest = read(Path("magnatagatune"))        # the folder with annotations_final.csv and clip_info_final.csv
    manifest.select(manifest.top(50))             # the usual task: 50 tags

E. Law, K. West, M. Mandel, M. Bay, J. S. Downie: Evaluation of algorithms using games: the case of music tagging,
ISMIR 2009. Both files have quoted fields with tabs between them; artist, album and title come from the second one,
which may be missing. Tags that differ in writing only (``male voice``, ``man``) are not merged.

Kumar & Dahiya's table 1 counts 10,128 songs with "3 moods" and 25,863, all clips there are, with 50. The names of the
three are not known to us; the same rule as for MTG-Jamendo (the tags with the most clips) is what ``--top-k 3`` does,
``--tags a,b,c`` names others, and ``--keep-all`` keeps the clips that have none of the tags.

The split in use since the first papers goes by the folder of the clip: 0 to b training, c validation, d to f test.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from train.data import table
from train.data.manifest import Entry, Manifest
from train.data.table import AnnotationError, Row

TABLE = "annotations_final.csv"
CLIPS = "clip_info_final.csv"
_METADATA = ("artist", "album", "title")
_SPLITS = dict.fromkeys("0123456789ab", "train") | {"c": "validation"} | dict.fromkeys("def", "test")


def read(annotations: Path) -> Manifest:
    """Return all clips with all tags.

    Args:
        annotations: the folder with the two files, or the first of them (the other is looked for beside it).

    Raises:
        AnnotationError: in one line, for anything in the files that cannot be used.
    """
    path = table.the(annotations, TABLE)
    rows = table.read(path, ("clip_id", "mp3_path"), delimiter="\t")
    table.unique(rows, "clip_id")
    tags = tuple(name for name in rows[0].values if name not in {"clip_id", "mp3_path"})
    if not tags or "artist" in tags:
        raise AnnotationError(f"{path} has no tags: {TABLE} is needed")
    clips = _clips(path.with_name(CLIPS))
    entries = tuple(
        Entry(row.required("clip_id"), Path(row.required("mp3_path")), clips.get(row["clip_id"], {}), _split(row))
        for row in rows
    )
    rates = np.array([[_rate(row, tag) for tag in tags] for row in rows], np.float32)
    return Manifest("magnatagatune", entries, tags, rates)


def _clips(path: Path) -> dict[str, dict[str, str]]:
    """Return the metadata of each clip, none if the file is not there."""
    if not path.is_file():
        return {}
    rows = table.read(path, ("clip_id", *_METADATA), delimiter="\t")
    table.unique(rows, "clip_id")
    return {row["clip_id"]: {name: row[name] for name in _METADATA if row[name]} for row in rows}


def _split(row: Row) -> str:
    if row["mp3_path"][:1] not in _SPLITS:
        raise row.error(f"mp3_path is {row['mp3_path']!r}: the first character, 0 to f, tells the split")
    return _SPLITS[row["mp3_path"][0]]


def _rate(row: Row, tag: str) -> float:
    if row[tag] not in {"0", "1"}:
        raise row.error(f"{tag} is {row[tag]!r}: there are 0 and 1")
    return float(row[tag])
