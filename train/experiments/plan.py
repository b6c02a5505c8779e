"""What each experiment trains: its rows, each a preset with changes, and which two rows are compared.

plan = PLANS["table1"](corpus, ())
for row in plan.rows: row.system, row.config, row.changes
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from train.experiments.published import MEDIAEVAL, TABLE_1, Published
from train.learn.corpus import Corpus

CONFIGS = Path(__file__).parents[2] / "config/train"
ALPHAS = (0.03, 0.5, 2.0)
"""Below the rule, which is 0.14 for eight moods, 50 artists and nine buckets of years, and above it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """A row of the table.

    Attributes:
        system: its name.
        config: the preset; None for the popularity baseline, which needs no training.
        changes: in place of what the preset says.
        against: the row that it is compared with, song by song; None for a row that others are compared with.
        network: the system whose network is judged, where several rows judge one; the row's own if empty.
        head: of the network's judged heads, whose figures the row has; the first if empty.
    """

    system: str
    config: Path | None
    changes: tuple[str, ...] = ()
    against: str | None = None
    network: str = ""
    head: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """An experiment.

    Attributes:
        title: in one line.
        rows: in the order of the table.
        figures: that the table shows.
        published: rows of papers.
        splits: that make sense.
        usual: those of them that are taken where none is asked for.
    """

    title: str
    rows: tuple[Row, ...]
    figures: tuple[str, ...]
    published: Sequence[Published] = ()
    splits: tuple[str, ...] = ("artist", "random", "given")
    usual: tuple[str, ...] = ("artist", "random")


def table_1(corpus: Corpus, changes: tuple[str, ...]) -> Plan:
    """Return Kumar and Dahiya's comparison: moods alone, with artists (I), with artists and years (II)."""
    rows = [Row("baseline", CONFIGS / "baseline.yaml", changes)]
    rows.append(Row("multi-task I", CONFIGS / "multi_task_1.yaml", changes, "baseline"))
    if any(entry.year is not None for entry in corpus.manifest.entries):
        rows.append(Row("multi-task II", CONFIGS / "multi_task_2.yaml", changes, "baseline"))
    return Plan(
        "Moods with metadata (Kumar and Dahiya 2021, table 1)",
        tuple(rows),
        ("ROC-AUC-macro", "PR-AUC-macro"),
        TABLE_1,
    )


def alpha(corpus: Corpus, changes: tuple[str, ...]) -> Plan:
    """Return the weight of the metadata loss: 0, the paper's rule, three others; and the mean in place of the sum."""
    metadata = ["artist"]
    if any(entry.year is not None for entry in corpus.manifest.entries):
        metadata.append("year")
    preset = CONFIGS / f"multi_task_{len(metadata)}.yaml"

    def weighted(value: float) -> tuple[str, ...]:
        return tuple(f"heads.{name}.weight={value}" for name in metadata)

    rows = [
        Row("baseline", CONFIGS / "baseline.yaml", changes),
        Row("alpha by the rule", preset, changes, "baseline"),
        *(Row(f"alpha {value}", preset, (*changes, *weighted(value)), "baseline") for value in ALPHAS),
        Row("alpha by the rule, mean", preset, (*changes, "reduction=mean"), "baseline"),
        Row("alpha 1, mean", preset, (*changes, "reduction=mean", *weighted(1.0)), "baseline"),
    ]
    figures = ("ROC-AUC-macro", "PR-AUC-macro")
    return Plan("The weight of the metadata loss, and its reduction", tuple(rows), figures)


def mediaeval(corpus: Corpus, changes: tuple[str, ...]) -> Plan:
    """Return UAI-CNRL's network against the popularity baseline, with MediaEval's ten figures."""
    del corpus
    rows = (
        Row("popularity", None),
        Row("UAI-CNRL", CONFIGS / "uai_cnrl.yaml", changes, "popularity"),
    )
    figures = tuple(MEDIAEVAL[0].figures)
    return Plan("Emotions and themes (MediaEval 2020)", rows, figures, MEDIAEVAL, usual=("given",))


def artist_language(corpus: Corpus, changes: tuple[str, ...]) -> Plan:
    """Return Singh and Biswas's comparison: artists alone, languages alone, and a network of both, judged by each.

    A data set without languages takes its genres instead, and the table says so. The network of both is chosen by the
    mean of both validation figures.
    """
    second = "language" if any("language" in entry.metadata for entry in corpus.manifest.entries) else "genre"
    preset = CONFIGS / "singh_biswas.yaml"
    network = f"artist and {second}"
    heads = f"heads={{artist: {{loss: softmax}}, {second}: {{loss: softmax, weight: balance}}}}"
    both = (*changes, heads, f"metadata=[{second}]", f"judged=[artist,{second}]")
    rows = []
    for task in ("artist", second):
        alone = (*changes, f"heads={{{task}: {{loss: softmax}}}}", "metadata=[]")
        rows.append(Row(f"{task} alone", preset, alone))
        rows.append(Row(f"{network}, by {task}", preset, both, f"{task} alone", network, task))
    title = "Artists and languages (Singh and Biswas)"
    if second != "language":
        title += ", with genres in place of languages, which this data set lacks"
    # An artist who is in the test alone cannot be recognised.
    return Plan(
        title, tuple(rows), ("accuracy", "ROC-AUC-macro", "PR-AUC-macro"), splits=("random", "given"), usual=("random",)
    )


PLANS: dict[str, Callable[[Corpus, tuple[str, ...]], Plan]] = {
    "table1": table_1,
    "alpha": alpha,
    "mediaeval": mediaeval,
    "artist-language": artist_language,
}
