"""Settings: who wins, and what is refused and in which words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from model.frontend import MTG_JAMENDO, FrontEnd
from stream.common.errors import UsageError
from stream.settings.listen import parse
from stream.settings.source import NoSourceError

Write = Callable[[str], list[str]]


def refusal(argv: list[str], environ: dict[str, str] | None = None) -> str:
    """Return the one line that refuses a call."""
    with pytest.raises(UsageError) as caught:
        parse(argv, environ or {})
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def config(tmp_path: Path) -> Write:
    def write(text: str) -> list[str]:
        path = tmp_path / "c.yaml"
        path.write_text(text, encoding="utf-8")
        return ["--config", str(path)]

    return write


class TestSource:
    def test_each_source_is_named_by_its_flag(self) -> None:
        assert parse(["--mic"], {}).source == "mic"
        assert parse(["--stdin"], {}).source == "stdin"
        assert parse(["--demo"], {}).source == "demo"
        assert parse(["--kafka"], {}).source == "kafka"
        assert parse(["--url", "https://radio.example/x"], {}).source == "url"
        settings = parse(["--file", "a.mp3", "b.opus", "--file", "c"], {})
        assert settings.source == "file"
        assert settings.paths == (Path("a.mp3"), Path("b.opus"), Path("c"))

    def test_one_is_needed(self) -> None:
        with pytest.raises(NoSourceError, match="--mic"):
            parse([], {})

    def test_two_are_too_many(self) -> None:
        assert "flag --mic and flag --demo" in refusal(["--mic", "--demo"])

    def test_a_stronger_layer_replaces_the_source_of_a_weaker_one(self, config: Write) -> None:
        environ = {"MOODSTREAM_URL": "http://radio.example/"}
        assert parse(config("mic: true"), environ).source == "url"
        settings = parse([*config("mic: true"), "--file", "a"], environ)
        assert settings.source == "file"
        assert settings.url is None
        assert not settings.mic

    def test_false_names_no_source(self) -> None:
        assert parse(["--demo"], {"MOODSTREAM_DEMO": "no", "MOODSTREAM_MIC": "false"}).source == "demo"

    @pytest.mark.parametrize("action", ["list-devices", "print-config", "benchmark"])
    def test_other_actions_need_none(self, action: str) -> None:
        settings = parse([f"--{action}"], {})
        assert settings.action == action
        assert settings.source is None

    def test_a_lone_path_is_told_about_file(self) -> None:
        assert "--file song.mp3" in refusal(["song.mp3"])

    @pytest.mark.parametrize("url", ["radio.example", "ftp://radio.example/x", "http://", "http:///"])
    def test_a_url_is_http(self, url: str) -> None:
        assert "http://" in refusal(["--url", url])


class TestPrecedence:
    def test_flag_over_environment_over_yaml_over_default(self, config: Write) -> None:
        yaml = config("threshold: 0.6\nmin_rms: -50\nmin_duration: 9\n")
        environ = {"MOODSTREAM_THRESHOLD": "0.7", "MOODSTREAM_MIN_RMS": "-40"}
        settings = parse(["--demo", *yaml, "--threshold", "0.8"], environ)
        assert (settings.threshold, settings.min_rms, settings.min_duration) == (0.8, -40.0, 9.0)
        assert settings.jobs == 1
        origins = {name: str(origin) for name, origin in settings.origins.items()}
        assert origins["threshold"] == "flag --threshold"
        assert origins["min_rms"] == "environment variable MOODSTREAM_MIN_RMS"
        assert origins["min_duration"] == f"{yaml[1]}:3"
        assert "jobs" not in origins

    def test_sections(self, config: Write) -> None:
        yaml = config("metrics:\n  port: 1\n  host: h\nlog: {level: error}\n")
        settings = parse(["--demo", *yaml, "--metrics-port", "3"], {"MOODSTREAM_METRICS__HOST": "0.0.0.0"})
        assert (settings.metrics_port, settings.metrics_host, settings.log_level) == (3, "0.0.0.0", "error")

    def test_the_file_may_be_named_by_the_environment_and_a_flag_wins(self, config: Write, tmp_path: Path) -> None:
        environ = {"MOODSTREAM_CONFIG": config("jobs: 3")[1]}
        assert parse(["--file", "a"], environ).jobs == 3
        other = tmp_path / "other.yaml"
        other.write_text("jobs: 4")
        assert parse(["--file", "a", "--config", str(other)], environ).jobs == 4

    def test_an_empty_variable_and_null_count_as_not_given(self, config: Write) -> None:
        settings = parse(["--demo", *config("threshold: null\nmodel: ~\nlog:\n")], {"MOODSTREAM_URL": ""})
        assert settings == parse(["--demo"], {})

    def test_variables_for_the_tests_are_not_settings(self) -> None:
        assert parse(["--demo"], {"MOODSTREAM_TEST_MUSIC": "/music", "PATH": "/bin"}).source == "demo"


class TestUnknown:
    def test_flag(self) -> None:
        assert "--treshold is unknown; the nearest known one is --threshold" in refusal(["--demo", "--treshold=0.3"])
        assert "--print-config" in refusal(["--demo", "--print-confg"])

    def test_flags_are_not_guessed_from_their_beginning(self) -> None:
        assert "--thresh is unknown" in refusal(["--demo", "--thresh", "0.3"])

    def test_variable(self) -> None:
        message = refusal(["--demo"], {"MOODSTREAM_METRICS_PORT": "1"})
        assert "MOODSTREAM_METRICS_PORT is unknown; the nearest known one is MOODSTREAM_METRICS__PORT" in message

    # What a container is told of a service "moodstream" or "moodstream-web", whether it asked or not.
    @pytest.mark.parametrize("service", ["MOODSTREAM", "MOODSTREAM_WEB", "MOODSTREAM_METRICS"])
    def test_what_kubernetes_says_of_services_is_no_setting(self, service: str) -> None:
        links = {
            f"{service}_SERVICE_HOST": "10.0.0.11",
            f"{service}_SERVICE_PORT": "9108",
            f"{service}_SERVICE_PORT_HTTP_METRICS": "9108",
            f"{service}_PORT": "tcp://10.0.0.11:9108",
            f"{service}_PORT_9108_TCP": "tcp://10.0.0.11:9108",
            f"{service}_PORT_9108_TCP_PROTO": "tcp",
            f"{service}_PORT_9108_TCP_PORT": "9108",
            f"{service}_PORT_9108_TCP_ADDR": "10.0.0.11",
            f"{service}_PORT_53_UDP": "udp://[fd00::1]:53",
        }
        assert parse(["--demo"], links) == parse(["--demo"], {})

    @pytest.mark.parametrize(
        ("variable", "text"),
        [
            ("MOODSTREAM_PORT", "9108"),
            ("MOODSTREAM_METRICS_PORT", "auto"),
            ("MOODSTREAM_SERVICE", "10.0.0.11"),
            ("MOODSTREAM_SERVICE_HOSTS", "10.0.0.11"),
            ("MOODSTREAM_PORT_9108", "tcp://10.0.0.11:9108"),
            ("MOODSTREAM_PORT_HTTP_TCP", "tcp://10.0.0.11:9108"),
        ],
    )
    def test_what_only_looks_like_it_is_refused(self, variable: str, text: str) -> None:
        assert f"{variable} is unknown" in refusal(["--demo"], {variable: text})

    @pytest.mark.parametrize(
        ("text", "unknown", "hint"),
        [
            ("jobs: 1\nhop-seconds: 1\n", ":2: hop-seconds", "hop_seconds"),
            ("metrics:\n  prot: 1\n", ":2: metrics.prot", "metrics.port"),
            ("metric:\n  port: 1\n", ":2: metric.port", "metrics.port"),
            ("metrics.port: 1\nlog: {}\nlgo: {}\n", ":3: lgo", ""),
            ("? [a]\n: 1\n", ":1: ?", ""),
        ],
    )
    def test_yaml_key(self, config: Write, text: str, unknown: str, hint: str) -> None:
        message = refusal(["--demo", *config(text.replace("metrics.port: 1\n", "threshold: 1\n"))])
        assert f"{unknown} is unknown; the nearest known one is {hint}" in message


class TestRefused:
    @pytest.mark.parametrize(
        ("argv", "needed"),
        [
            (["--threshold", "1.5"], "--threshold needs a probability from 0 to 1, not '1.5'"),
            (["--threshold", "nan"], "a probability from 0 to 1"),
            (["--threshold", "high"], "not 'high'"),
            (["--min-rms", "3"], "a level in dBFS from -120 to 0"),
            (["--hop-seconds", "0.001"], "seconds from 0.016 to 3600"),
            (["--average", "ema", "--half-life", "0"], "seconds above 0, at most 86400"),
            (["--reset-after-silence", "inf"], "seconds from 0 to 3600"),
            (["--metrics-port", "65536"], "a port from 1 to 65535"),
            (["--metrics-port", "x"], "off or auto"),
            (["--channel", "0"], "a channel's number from 1"),
            (["--channel", "middle"], "mix, left, right"),
            (["--output", "xml"], "one of screen, jsonl, csv"),
            (["--log-level", "loud"], "one of debug"),
            (["--top-k", "2.5"], "a number of moods from 1"),
            (["--model", ""], "path of an ONNX file"),
            (["--threshold"], "--threshold: expected one argument"),
            (["--threshold", "0.3", "--threshold-off", "0.35"], "--threshold-off must not exceed --threshold"),
            (["--half-life", "9"], "--half-life needs --average ema"),
            (["--device", "USB"], "--device is for --mic, not for --demo"),
            (["--samplerate", "16000"], "--samplerate is for --mic or --stdin, not for --demo"),
            (["--jobs", "2"], "--jobs is for --file"),
            (["--realtime", "--as-fast-as-possible", "--url-timeout", "3"], "--url-timeout is for --url"),
        ],
    )
    def test_flag(self, argv: list[str], needed: str) -> None:
        assert needed in refusal(["--demo", *argv])

    def test_pacing_is_not_for_live_sources(self) -> None:
        assert "--as-fast-as-possible is for --file or --demo, not for --mic" in refusal(
            ["--mic", "--as-fast-as-possible"]
        )

    def test_raw_pcm_needs_its_rate(self) -> None:
        assert "--samplerate" in refusal(["--stdin", "--format", "s16le"])

    def test_a_channel_that_is_not_there(self) -> None:
        assert "--channels 2" in refusal(["--mic", "--channels", "2", "--channel", "3"])

    def test_variable(self) -> None:
        message = refusal(["--demo"], {"MOODSTREAM_LOG__LEVEL": "loud"})
        assert message.startswith("MOODSTREAM_LOG__LEVEL needs one of debug")

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("jobs: 1\nthreshold: high\n", ":2: threshold needs a probability from 0 to 1, not 'high'"),
            ("threshold: [0.1]\n", ":1: threshold needs a probability from 0 to 1, not a list"),
            ("threshold: {on: 0.1}\n", ":1: threshold needs a probability from 0 to 1, not a section"),
            ("demo: maybe\n", "demo needs true or false, not 'maybe'"),
            ("file: [[a]]\n", "file needs paths, not a list"),
            ("metrics: 9108\n", "metrics needs keys with values"),
            ("- a\n- b\n", "the file needs keys with values"),
            ("just words\n", "the file needs keys with values"),
            ("jobs: 1\njobs: 2\n", ":2: jobs was already given at"),
            ("jobs: [1\n", "it is not YAML"),
            ("--- {}\n--- {}\n", "it is not YAML"),
            ("jobs: !!python/object/apply:os.getcwd []\n", "not a list"),
        ],
    )
    def test_yaml(self, config: Write, text: str, said: str) -> None:
        message = refusal(["--file", "a", *config(text)])
        assert said in message
        assert "c.yaml" in message

    @pytest.mark.parametrize("value", ["hunter2", "*hunter2", "&hunter2 1, x: &hunter2 2", "%hunter2", "'hunter2"])
    def test_a_line_that_is_no_yaml_is_not_quoted(self, config: Write, value: str) -> None:
        message = refusal(["--demo", *config("kafka: {sasl_password: " + value + "\n")])
        assert "it is not YAML: " in message
        assert "(line " in message
        assert "hunter2" not in message

    def test_an_unreadable_file(self, tmp_path: Path) -> None:
        assert "No such file" in refusal(["--demo", "--config", str(tmp_path / "none.yaml")])
        assert "Is a directory" in refusal(["--demo", "--config", str(tmp_path)])
        (tmp_path / "binary").write_bytes(b"\xff\xfe\xfa")
        assert "not UTF-8" in refusal(["--demo", "--config", str(tmp_path / "binary")])

    def test_a_line_that_does_not_apply_goes_unused(self, config: Write) -> None:
        settings = parse(["--demo", *config("jobs: 2\nhalf_life: 9\n")], {"MOODSTREAM_DEVICE": "USB"})
        assert settings.average == "mean"


class TestDerived:
    def test_hop_is_rounded_to_whole_frames(self) -> None:
        assert parse(["--demo"], {}).hop_frames() == 187
        assert parse(["--demo", "--hop-seconds", "1"], {}).hop_frames() == 62
        assert parse(["--demo", "--hop-seconds", "0.016"], {}).hop_frames() == 1

    def test_hop_is_in_frames_of_the_model(self) -> None:
        assert parse(["--demo", "--hop-seconds", "10"], {}).hop_frames(MTG_JAMENDO) == 469

    def test_hop_is_one_window_of_the_model_unless_given(self) -> None:
        assert parse(["--demo"], {}).hop_frames(FrontEnd(patch=128)) == 128
        assert parse(["--demo"], {}).hop_frames(MTG_JAMENDO) == 4096

    @pytest.mark.parametrize(("text", "index"), [("mix", None), ("left", 0), ("right", 1), ("1", 0), ("6", 5)])
    def test_channel_is_an_index(self, text: str, index: int | None) -> None:
        assert parse(["--mic", "--channel", text], {}).channel == index

    @pytest.mark.parametrize(
        ("argv", "port", "is_given"),
        [
            (["--mic"], 9108, False),
            (["--file", "a"], None, False),
            (["--stdin"], None, False),
            (["--mic", "--metrics-port", "off"], None, False),
            (["--file", "a", "--metrics-port", "9000"], 9000, True),
            (["--file", "a", "--metrics-port", "0"], 0, True),
        ],
    )
    def test_http_is_on_for_live_sources(self, argv: list[str], port: int | None, is_given: bool) -> None:
        settings = parse(argv, {})
        assert (settings.metrics_port, settings.metrics_port_given) == (port, is_given)

    def test_the_demo_is_paced_and_files_are_not(self) -> None:
        assert parse(["--demo"], {}).paced
        assert not parse(["--demo", "--as-fast-as-possible"], {}).paced
        assert not parse(["--file", "a"], {}).paced
        assert parse(["--file", "a", "--realtime"], {}).paced

    def test_the_lower_threshold_follows_the_upper_one(self) -> None:
        assert parse(["--demo"], {}).threshold_off == 0.4
        assert parse(["--demo", "--threshold", "0.25"], {}).threshold_off == 0.2
        assert parse(["--demo", "--threshold", "0.25", "--threshold-off", "0.1"], {}).threshold_off == 0.1


class TestEndlessFile:
    def test_a_file_without_end_is_refused_not_read(self) -> None:
        assert "no settings file" in refusal(["--demo", "--config", "/dev/zero"])
