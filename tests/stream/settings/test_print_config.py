"""What the command says of its settings: --print-config, which reads back as what it was, and --help."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.common.errors import UsageError
from stream.settings import table
from stream.settings.command import parse_command
from stream.settings.kafka import TOPICS, TopicSettings
from stream.settings.listen import OPTIONS, parse
from stream.settings.table import Origin, option, options_of
from stream.settings.yaml_file import to_yaml

CONFIG = Path(__file__).parents[3] / "config"
PRESET, KAFKA_PRESET = CONFIG / "listen.yaml", CONFIG / "kafka.yaml"


class TestPrintConfig:
    def test_each_value_has_its_origin(self, tmp_path: Path) -> None:
        yaml = tmp_path / "c.yaml"
        yaml.write_text("min_duration: 9")
        lines = parse(["--demo", "--config", str(yaml)], {"MOODSTREAM_METRICS__PORT": "80"}).to_yaml().splitlines()
        said = {" ".join(line.split()) for line in lines}
        assert "demo: true # flag --demo" in said
        assert f"min_duration: 9.0 # {yaml}:1" in said
        assert "port: 80 # environment variable MOODSTREAM_METRICS__PORT" in said
        assert "threshold: 0.5 # default" in said
        assert len([line for line in lines if "# " in line]) == len(OPTIONS)

    names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)

    @given(
        paths=st.lists(names.filter(lambda name: not name.startswith("-")), min_size=1),
        threshold=st.floats(0, 1),
        half_life=st.floats(0.001, 86_400),
        channel=st.sampled_from(["mix", "left", "right", "3"]),
        port=st.sampled_from(["auto", "off", "0", "9000"]),
        device=names,
        realtime=st.sampled_from(["--realtime", "--as-fast-as-possible"]),
    )
    def test_it_reads_back_as_the_same_settings(
        self,
        tmp_path_factory: pytest.TempPathFactory,
        paths: list[str],
        threshold: float,
        half_life: float,
        channel: str,
        port: str,
        device: str,
        realtime: str,
    ) -> None:
        argv = ["--file", *paths, f"--threshold={threshold!r}", "--average=ema", f"--half-life={half_life!r}", realtime]
        environ = {"MOODSTREAM_CHANNEL": channel, "MOODSTREAM_METRICS__PORT": port, "MOODSTREAM_DEVICE": device}
        settings = parse(argv, environ)
        path = tmp_path_factory.mktemp("config") / "printed.yaml"
        path.write_text(settings.to_yaml(), encoding="utf-8", newline="")
        assert parse(["--config", str(path)], {}) == settings

    def test_a_lower_threshold_that_was_not_given_goes_on_following_the_upper_one(self, tmp_path: Path) -> None:
        path = tmp_path / "printed.yaml"
        path.write_text(parse(["--demo", "--threshold", "0.6"], {}).to_yaml())
        settings = parse(["--config", str(path), "--threshold", "0.3"], {})
        assert (settings.threshold, settings.threshold_off) == (0.3, 0.24)

    def test_the_preset_says_the_defaults(self) -> None:
        assert parse(["--demo", "--config", str(PRESET)], {}) == parse(["--demo"], {})
        assert parse(["--config", str(KAFKA_PRESET)], {}) == parse(["--kafka"], {})
        text, kafka = (path.read_text(encoding="utf-8") for path in (PRESET, KAFKA_PRESET))
        for each in OPTIONS:
            section, _, key = each.key.rpartition(".")
            assert f"{key}:" in (kafka if section == "kafka" else text)
        topics = ["check", "--config", str(KAFKA_PRESET)]
        assert parse_command(TopicSettings, TOPICS, topics, {}) == parse_command(TopicSettings, TOPICS, ["check"], {})

    def test_a_secret_is_not_shown(self) -> None:
        @dataclasses.dataclass(frozen=True, kw_only=True)
        class Settings:
            password: str = option("", table.choice("hunter2"), "x", group="G", section="kafka", secret=True)
            topic: str = option("t", table.text("a topic", "TOPIC"), "x", group="G", section="kafka")

        password, topic = options_of(Settings)
        given_ = password.accept("hunter2", Origin("environment variable", password.variable))
        shown = to_yaml([password, topic], {"password": given_.value, "topic": "t"}, {"password": given_.origin})
        assert "hunter2" not in shown + repr(Settings(password="hunter2"))
        assert "MOODSTREAM_KAFKA__PASSWORD" in shown
        with pytest.raises(UsageError) as caught:
            password.accept("secret1", Origin("flag", "--password"))
        assert "secret1" not in str(caught.value)

    @pytest.mark.parametrize("url", ["http://ann:hunter2@h/live", "http://h/live?hunter2", "http://ann:hun/ter2@h/"])
    def test_an_address_is_shown_without_what_is_secret_in_it_as_a_comment(self, url: str) -> None:
        (line,) = [each for each in parse(["--url", url], {}).to_yaml().splitlines() if "url:" in each]
        assert line.startswith("# url:") and line.endswith("# flag --url")
        assert "hunter2" not in line and "hun/ter2" not in line
        (line,) = [each for each in parse(["--url", "http://h/live"], {}).to_yaml().splitlines() if "url:" in each]
        assert line.startswith('url: "http://h/live"')
        with pytest.raises(UsageError) as caught:
            parse(["--url", url.removeprefix("http:")], {})
        assert "hunter2" not in str(caught.value) and "hun/ter2" not in str(caught.value)


class TestHelp:
    def test_it_fits_80_columns_and_tells_all(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as ended:
            parse(["--help"], {})
        assert ended.value.code == 0
        text = capsys.readouterr().out
        assert max(map(len, text.splitlines())) <= 80
        assert [flag for each in OPTIONS for flag in each.flags if flag not in text] == []
        for word in ("Examples:", "MOODSTREAM_METRICS__PORT", "Exit codes", "default 0.5", "SECONDS"):
            assert word in text

    def test_version(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as ended:
            parse(["--version"], {})
        assert ended.value.code == 0
        assert capsys.readouterr().out.startswith("moodstream ")
