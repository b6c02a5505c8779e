"""Variables in a dashboard's queries are filled in as Grafana fills them in."""

from __future__ import annotations

import pytest

from docker.grafana import queries
from docker.grafana.targets import fill, quoted, variables


def filled(expr: str, **values: list[str]) -> str:
    return fill(expr, values, step_seconds=30, range_seconds=3600, scrape_seconds=15)


def test_one_value_stands_as_it_is_and_several_are_alternatives():
    assert filled('up{stream=~"$stream"}', stream=["mic"]) == 'up{stream=~"mic"}'
    assert filled('up{stream=~"${stream}"}', stream=["mic", "radio"]) == 'up{stream=~"(mic|radio)"}'
    assert filled("moodstream_${measure}_x", measure=["mood"]) == "moodstream_mood_x"


def test_the_intervals_are_those_of_the_step_and_the_scrapes():
    assert filled("[$__interval] [$__range] [$__rate_interval]") == "[30000ms] [3600000ms] [60000ms]"
    assert fill("$__rate_interval", {}, step_seconds=300, range_seconds=1, scrape_seconds=15) == "315000ms"


def test_a_variable_that_nobody_gives_is_an_error():
    with pytest.raises(ValueError, match=r"no variable \$stream"):
        filled('up{stream=~"$stream"}')


def test_a_stream_named_like_a_pattern_matches_only_itself():
    assert quoted("a.b|c(d)") == r"a\\.b\\|c\\(d\\)"
    assert quoted('say "hi"') == r"say \"hi\""


def test_a_variable_asked_in_another_way_is_refused():
    odd = {"templating": {"list": [{"type": "query", "name": "stream", "query": "metrics(.*)", "allValue": ".+"}]}}
    with pytest.raises(ValueError, match="label_values"):
        list(variables(odd))


def test_a_prometheus_that_is_not_there_is_one_line(capsys: pytest.CaptureFixture[str]):
    assert queries.main(["--prometheus", "http://127.0.0.1:9"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "http://127.0.0.1:9" in said.err


@pytest.mark.parametrize("wrong", [["--set", "stream"], ["--range", "soon"], ["--range", "5"], ["--sets", "x=y"]])
def test_a_wrong_call_is_refused(wrong: list[str]):
    with pytest.raises(SystemExit) as refusal:
        queries.main(wrong)
    assert refusal.value.code == 2
