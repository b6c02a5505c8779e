"""Figures that papers have published, to stand beside ours.

Sources: S. Kumar and S. Dahiya, "Multi-Task Learning for Music Mood Classification with Metadata", 2021, table 1;
A. Dipani, G. Iyer and V. Baths, "Recognizing Music Mood and Theme Using Convolutional Neural Networks and Attention",
MediaEval 2020, table 1.
"""

from __future__ import annotations

import dataclasses


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
