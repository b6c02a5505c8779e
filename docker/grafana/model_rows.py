"""The rows of the dashboard *Taggers* about models: which one scores, and how a second one would.

Page(..., rows=[..., models(), shadow()])
"""

from __future__ import annotations

from grafana_foundation_sdk.models.common import BigValueTextMode

from docker.grafana import panels
from docker.grafana.page import TAGGER, Row
from docker.grafana.panels import GREEN, RED, YELLOW, coloured, now, over_time, rows_now
from docker.grafana.tagger_rows import counted, quantile
from stream.common.colours import MOOD_COLOURS

_NONE = "No --shadow-model"


def models() -> Row:
    """Which model scores, and since when."""
    program = f'label_replace(moodstream_build_info{{{TAGGER}}}, "program", "$1", "version", "(.+)")'
    which = panels.cells(
        "Models and programs",
        "Model and program of each tagger. More than one model: some taggers have not taken the new one yet.",
        "none",
        rows_now(f"moodstream_model_info{{{TAGGER}}} * on (job, instance) group_left (program) {program}"),
        width=12,
    )
    hidden = dict.fromkeys(("Time", "Value", "Value #A"), True)
    names = {"name": "model", "instance": "tagger"}
    which.with_transformation(panels.transformation("organize", excludeByName=hidden, renameByName=names))
    swaps = panels.bars(
        "Model swaps",
        "New model files, by what became of them: taken or refused. Refused: the log says why; the old model goes on.",
        "short",
        over_time(counted("model_swaps", "result"), "{{result}}"),
        width=6,
    )
    age = panels.timeseries(
        "Age of the model",
        "Time since each tagger took its model: at its start, or when the file was replaced.",
        "s",
        over_time(f"time() - moodstream_model_taken_timestamp_seconds{{{TAGGER}}}", "{{instance}}"),
        width=6,
    )
    return Row("Models", [which, coloured(swaps, {"taken": GREEN, "refused": RED}), age.min(0)])


def shadow() -> Row:
    """How a shadow model compares with the one that scores; folded, since most taggers have none."""
    agreed = f'sum(rate(moodstream_shadow_leading_moods_total{{{TAGGER}, agreement="same"}}[$__rate_interval]))'
    compared = f"sum(rate(moodstream_shadow_leading_moods_total{{{TAGGER}}}[$__rate_interval]))"
    apart = "moodstream_shadow_mood_difference"
    same = panels.timeseries(
        "Same leading mood",
        "Share of the windows in which both models put the same mood first. Low: compare them by ear before you swap.",
        "percentunit",
        over_time(f"{agreed} / {compared}", "same"),
    )
    difference = panels.timeseries(
        "Difference by mood",
        "Mean absolute difference of the two models' probabilities. High for one mood: it was learned differently.",
        "percentunit",
        over_time(
            f"sum by (mood) (rate({apart}_sum{{{TAGGER}}}[$__rate_interval]))"
            f" / sum by (mood) (rate({apart}_count{{{TAGGER}}}[$__rate_interval]))",
            "{{mood}}",
        ),
    )
    widest = panels.timeseries(
        "Difference by mood: 95 %",
        "In 95 % of the windows the two models are no further apart than this.",
        "percentunit",
        over_time(quantile("0.95", "shadow_mood_difference", "mood"), "{{mood}}"),
    )
    cost = panels.timeseries(
        "Cost",
        "95 % of the windows took less time than this in each network. The shadow slower than the model: a swap costs "
        "throughput.",
        "s",
        over_time(quantile("0.95", "inference_duration_seconds"), "model"),
        over_time(quantile("0.95", "shadow_inference_duration_seconds"), "shadow"),
    )
    windows = panels.bars(
        "Windows of the shadow",
        "By what became of them: scored, failed (see the log), skipped (the shadow was too slow). The results are not "
        "touched by any of it.",
        "suffix: /s",
        over_time(
            f"sum by (result) (rate(moodstream_shadow_windows_total{{{TAGGER}}}[$__rate_interval]))", "{{result}}"
        ),
    )
    name = panels.stat(
        "Shadow model",
        "Which model scores beside, and on how many taggers.",
        "suffix: taggers",
        now(f"count by (name, version) (moodstream_shadow_model_info{{{TAGGER}}})", "{{name}} {{version}}"),
        width=8,
        height=8,
    )
    name.text_mode(BigValueTextMode.NAME)
    shown: list[panels.Panel] = [
        same.min(0).max(1),
        panels.coloured(difference.min(0), MOOD_COLOURS),
        panels.coloured(widest.min(0), MOOD_COLOURS),
        cost.min(0),
        coloured(windows, {"scored": GREEN, "failed": RED, "skipped": YELLOW}),
        name,
    ]
    return Row("Shadow", [panel.no_value(_NONE) for panel in shown], folded=True)
