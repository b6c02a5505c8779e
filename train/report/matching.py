"""Which labels a model and a manifest share, by name, and what is left out on either side.

    matching = match(candidate.labels, manifest)
    matching.manifest                      # the songs with what they are judged by
    matching.labels                        # judged as labels, in the manifest's order
    matching.ratings                       # judged by correlation
    matching.columns(scores, "happy")      # the model's scores for one of them

A manifest that rates ``valence`` or ``arousal`` can judge a model without such an output if it has the four quadrants
happy, angry, sad, calm: the two series follow from these (train.figures.plane).

A model of artists, languages or years is judged by that metadata: where more of its labels are values of one metadata
column than labels of the manifest, that column's values become the labels.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model.circumplex import valence_arousal
from train.data.manifest import METADATA, Manifest
from train.data.metadata import YearBuckets, metadata_targets
from train.data.song import QUADRANTS

PLANE = ("valence", "arousal")
_SHOWN = 12


class MatchError(ValueError):
    """A model and a manifest that have nothing to do with each other; the message is one line."""


@dataclasses.dataclass(frozen=True, slots=True)
class Matching:
    """What is judged, and what is not.

    Attributes:
        manifest: the songs, and the annotations that they are judged by.
        known: the model's labels, in the order of its outputs.
        labels: judged as labels, in the manifest's order.
        ratings: judged by correlation, in the manifest's order.
        remarks: a line for each kind of label that is left out, or derived.
    """

    manifest: Manifest
    known: tuple[str, ...]
    labels: tuple[str, ...]
    ratings: tuple[str, ...]
    remarks: tuple[str, ...]

    def column(self, scores: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        """Return what the model says of a label or rating.

        Args:
            scores: shape (songs, outputs of the model).
            name: one of ``labels`` or ``ratings``.

        Returns:
            Shape (songs,). A probability, or −2…2 for a series that follows from the quadrants.
        """
        if name in self.known:
            return scores[:, self.known.index(name)]
        quadrants = scores[:, [self.known.index(quadrant) for quadrant in QUADRANTS]]
        return np.asarray(valence_arousal(*quadrants.T)[PLANE.index(name)], np.float64)


def match(known: Sequence[str], manifest: Manifest, wanted: Sequence[str] | None = None) -> Matching:
    """Find the labels that both sides have.

    Args:
        known: the model's labels.
        manifest: whose labels and ratings, or metadata, judge it.
        wanted: only these; None for all.

    Raises:
        MatchError: they share none, or one that is wanted is not shared.
    """
    derivable = PLANE if set(QUADRANTS) <= set(known) else ()
    shared = [name for name in manifest.labels if name in known or (name in manifest.ratings and name in derivable)]
    column, values = _metadata_column(known, manifest)
    remarks = []
    if values > len(shared):
        remarks = [f"the labels are the songs' {column}: songs without one, or with one the model lacks, are left out"]
        manifest = by_metadata(manifest, column, known)
        shared = list(manifest.labels)
    if not shared:
        raise MatchError(
            f"the model and the manifest have no label in common: the model knows {_listed(known)}; "
            f"the manifest has {_listed(manifest.labels) or 'no labels'}"
        )
    if wanted is not None:
        unknown = next((name for name in wanted if name not in shared), None)
        if unknown is not None:
            raise MatchError(f"no label {unknown!r} that both sides have: they share {_listed(shared)}")
        shared = [name for name in shared if name in wanted]
    labels = tuple(name for name in shared if name not in manifest.ratings)
    ratings = tuple(name for name in shared if name in manifest.ratings)
    remarks += _remarks(known, manifest, shared, wanted is not None)
    return Matching(manifest, tuple(known), labels, ratings, tuple(remarks))


def by_metadata(manifest: Manifest, column: str, values: Sequence[str]) -> Manifest:
    """Return the same songs, annotated with a column of their metadata instead of labels.

    Args:
        manifest: the songs.
        column: of their metadata; of ``year``, ``values`` are buckets.
        values: that a model tells apart.

    Returns:
        The values that songs have as labels, 1 or 0; a song with none of them is not annotated.
    """
    buckets = YearBuckets.named(values) if column == "year" else None
    rates = buckets.targets(manifest) if buckets else metadata_targets(manifest, column, tuple(values))
    rates[~(rates == 1).any(axis=1)] = np.nan
    there = (rates == 1).any(axis=0)
    labels = tuple(value for value, found in zip(values, there, strict=True) if found)
    return dataclasses.replace(manifest, labels=labels, rates=rates[:, there], ratings=frozenset(), positive_rate=0.5)


def _metadata_column(known: Sequence[str], manifest: Manifest) -> tuple[str, int]:
    """Return the metadata column that most of a model's labels are values of, and how many these are."""
    columns = {name for entry in manifest.entries for name in entry.metadata}
    shared = {}
    for name in (*METADATA, *sorted(columns - set(METADATA))):
        values = {entry.metadata.get(name) for entry in manifest.entries}
        shared[name] = sum(label in values for label in known)
    if "year" in columns and YearBuckets.named(known):
        shared["year"] = len(known)
    return max(shared.items(), key=lambda item: item[1])


def _remarks(known: Sequence[str], manifest: Manifest, shared: Sequence[str], chosen: bool) -> list[str]:
    derived = [name for name in shared if name not in known]
    lines = []
    if derived:
        verb = "follow" if len(derived) > 1 else "follows"
        lines.append(f"{' and '.join(derived)} {verb} from the model's happy, angry, sad, calm (Russell's plane)")
    if chosen:
        lines.append(f"only the labels asked for were judged: {_listed(shared)}")
        return lines
    used = set(QUADRANTS) if derived else set()
    only_model = [name for name in known if name not in shared and name not in used]
    only_manifest = [name for name in manifest.labels if name not in shared]
    if only_model:
        lines.append(f"only the model has {_listed(only_model)}: not judged")
    if only_manifest:
        lines.append(f"only the manifest has {_listed(only_manifest)}: not judged")
    plain = {name.casefold(): name for name in only_model}
    for name in only_manifest:
        if name.casefold() in plain:
            lines.append(
                f"{name!r} of the manifest is not {plain[name.casefold()]!r} of the model: names must be equal"
            )
    return lines


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
