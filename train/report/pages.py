"""The report for people: Markdown beside its plots, and one HTML page with the plots in it.

    put(folder / "report.md", markdown(document, plots).encode())
    put(folder / "report.html", page(document, light, dark).encode())

What the manifest says (titles, artists, labels, paths) is text of strangers: it is escaped for either language, and
letters that cannot be seen are shown as their code.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2

_TEMPLATES = jinja2.PackageLoader("train.report", "templates")
_MARKS = re.compile(r"([\\`*_{}\[\]()<>#+!|~$-])")
_LISTED = 50
"""Songs left out that the pages list; figures.json has all."""

PLOTS = {
    "labels": "The labels' areas, with 95 % intervals where they were drawn. A tick is what a guess reaches; the "
    "number of songs with the label is in brackets.",
    "precision-recall": "Precision and recall of each label. The dashed line is what a guess reaches, the number the "
    "area under the curve (average precision).",
    "reliability": "What was said against what came true, over all pairs of a song and a label; on the dashed line "
    "probabilities mean what they say. Below, how many pairs there are (logarithmic).",
    "confusion": "Confusion matrix: the label with the highest score, by the label that is true.",
    "ratings": "What the model says against what listeners rated.",
}
"""What each plot shows, in their order."""

_SEVERAL = (
    "The label with the highest score, by each label that is true. Songs have several labels here: a song counts in "
    "the row of each, and that another of its labels leads is no mistake."
)


def markdown(document: Mapping[str, Any], plots: Sequence[str]) -> str:
    """Return the report as Markdown; the plots are files beside it, named by ``plots``."""
    environment = _environment(autoescape=False)
    environment.filters["text"] = escaped_markdown
    return environment.get_template("report.md.jinja").render(**_values(document), plots=_captions(document, plots))


def page(document: Mapping[str, Any], light: Mapping[str, bytes], dark: Mapping[str, bytes]) -> str:
    """Return the report as one HTML page that loads nothing; ``light`` and ``dark`` are its plots as PNG, by name."""
    environment = _environment(autoescape=True)
    environment.filters["text"] = visible
    images = [
        (name, caption, _inline(light[name]), _inline(dark[name])) for name, caption in _captions(document, list(light))
    ]
    return environment.get_template("report.html.jinja").render(**_values(document), plots=images)


def visible(text: object) -> str:
    """Return a text whose every letter can be seen: line ends, controls and changes of direction become their code."""
    return "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in str(text))


def escaped_markdown(text: object) -> str:
    """Return a text that Markdown shows as it is, also in a table."""
    plain = visible(text).replace("&", "&amp;")
    # An address becomes a link by itself in many a viewer, unless something stands within it.
    return _MARKS.sub(r"\\\1", plain).replace("://", ":&#47;/").replace("www.", "www&#46;").replace("@", "&#64;")


def _environment(autoescape: bool) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=_TEMPLATES,
        autoescape=autoescape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["number"] = number
    environment.filters["ends"] = ends
    return environment


def number(value: float | None) -> str:
    """Return a figure with three decimals, a dash where there is none."""
    return "–" if value is None or not math.isfinite(value) else f"{value:.3f}"


def ends(pair: Sequence[float | None] | None) -> str:
    """Return an interval, nothing where there is none."""
    return "" if not pair or None in pair else f"{number(pair[0])} … {number(pair[1])}"


def _values(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the templates say, from the document."""
    figures = [(name, document[name]) for name in document if re.fullmatch(r".+-(macro|micro)", name)]
    intervals = document.get("intervals", {})
    others = document.get("other", {})
    other_ends = document.get("other_intervals", {})
    rows = [(name, value, intervals.get(name)) for name, value in figures]
    rows += [(name, value, other_ends.get(name)) for name, value in others.items()]
    return {
        "d": document,
        "figures": rows,
        "per_label": document.get("per_label", []),
        "most_wrong": document.get("most_wrong", []),
        "titled": any(song["title"] for song in document.get("most_wrong", [])),
        "bootstrap": document.get("bootstrap"),
        "left_out": document["left_out"][:_LISTED],
        "more_left_out": max(0, len(document["left_out"]) - _LISTED),
        "decisions": _decisions(document["decisions"]),
    }


def _decisions(rule: str) -> str:
    if rule == "best-f1":
        return "a label is given where its score is above the threshold with the best F on these very songs"
    return f"a label is given where its score is above its threshold ({rule})"


def _captions(document: Mapping[str, Any], plots: Sequence[str]) -> list[tuple[str, str]]:
    captions = PLOTS | ({} if document.get("exclusive", True) else {"confusion": _SEVERAL})
    return [(name, caption) for name, caption in captions.items() if name in plots]


def _inline(image: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(image).decode()}"
