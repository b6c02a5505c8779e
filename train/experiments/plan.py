"""What each experiment trains: its rows, each a preset with changes, and which two rows are compared.

plan = PLANS["table1"](corpus, ())
for row in plan.rows: row.system, row.config, row.changes
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from train.learn.corpus import Corpus


@dataclasses.dataclass(frozen=True, slots=True)
class Published:
    """A row of a published table.

    Attributes:
        data: songs and labels.
        system: as the paper names it.
        figures: 0…1, by our names.
    """

    data: str
    system: str
    figures: dict[str, float]


def _table_1(data: str, **systems: tuple[float, float]) -> list[Published]:
    names = {"baseline": "baseline", "multi_task": "multi-task", "artist": "multi-task I", "both": "multi-task II"}
    return [
        Published(data, names[name], {"ROC-AUC-macro": roc / 100, "PR-AUC-macro": pr / 100})
        for name, (roc, pr) in systems.items()
    ]


TABLE_1 = [
    *_table_1("MTG-Jamendo, 3 moods, 4346 songs", baseline=(80.93, 71.27), multi_task=(83.22, 74.69)),
    *_table_1("MTG-Jamendo, 9 moods, 10041 songs", baseline=(49.95, 13.22), multi_task=(51.15, 13.78)),
    *_table_1("MTG-Jamendo, 50 moods, 17946 songs", baseline=(76.83, 16.93), multi_task=(76.81, 17.17)),
    *_table_1("MagnaTagATune, 3 moods, 10128 songs", baseline=(95.84, 93.40), multi_task=(95.99, 93.95)),
    *_table_1("MagnaTagATune, 50 moods, 25863 songs", baseline=(89.89, 38.21), multi_task=(89.81, 38.49)),
    *_table_1("internal, 3 moods, 22015 songs", baseline=(70.45, 39.78), artist=(74.88, 47.26), both=(76.00, 48.47)),
]
"""Kumar and Dahiya's rows. That of 9 moods is at chance: not a target."""

_TEN = ("ROC-AUC", "PR-AUC", "precision", "recall", "F-score")


def _ten(system: str, *values: float) -> Published:
    names = [f"{figure}-{average}" for average in ("macro", "micro") for figure in _TEN]
    data = "MTG-Jamendo, 56 moods and themes, split 0"
    return Published(data, system, dict(zip(names, values, strict=True)))


MEDIAEVAL = [
    _ten("UAI-CNRL", 0.7360, 0.1275, 0.1639, 0.3487, 0.1884, 0.7865, 0.1369, 0.1105, 0.4032, 0.1735),
    _ten("VGG-ish", 0.7258, 0.1077, 0.1382, 0.3086, 0.1657, 0.7750, 0.1409, 0.1161, 0.3735, 0.1771),
    _ten("popularity", 0.5, 0.03192, 0.0014, 0.0179, 0.0026, 0.5139, 0.0341, 0.0799, 0.0447, 0.0573),
]
"""MediaEval 2020, Emotions and Themes in Music."""


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
