"""What the commands are told about Kafka: which layer wins, what goes together, and that no secret is shown."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest

from stream.common.errors import StreamError, UsageError
from stream.kafka.client.connection import Connection
from stream.kafka.client.credentials import parse_jaas, read_properties
from stream.settings.command import parse_command
from stream.settings.kafka import TOPICS, ConnectionOptions, TopicSettings
from stream.settings.listen import parse
from tests.stream.kafka.certificates import Certificates

SECRET = "hunter2-is-secret"
JAAS = "sasl.jaas.config=org.apache.kafka.common.security"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


def wanted(tmp_path: Path, properties: str = "", **options: object) -> Connection:
    """The connection that options and the text of a properties file lead to."""
    if properties:
        path = tmp_path / "client.properties"
        path.write_text(properties, encoding="utf-8")
        options["kafka_properties"] = path
    return Connection.of(ConnectionOptions(**options))  # type: ignore[arg-type]


def refusal(tmp_path: Path, properties: str = "", **options: object) -> str:
    with pytest.raises(StreamError) as caught:
        wanted(tmp_path, properties, **options)
    text = str(caught.value)
    assert "\n" not in text
    assert SECRET not in text
    return text


class TestLayers:
    def test_flag_over_environment_over_yaml(self, tmp_path: Path) -> None:
        yaml = tmp_path / "c.yaml"
        yaml.write_text("kafka:\n  enabled: true\n  topic: a\n  group_id: b\n  bootstrap_servers: x:1\n")
        environ = {"MOODSTREAM_KAFKA__GROUP_ID": "c", "MOODSTREAM_KAFKA__BOOTSTRAP_SERVERS": "y:2"}
        settings = parse(["--config", str(yaml), "--bootstrap-servers", "z:3,[::1]:4"], environ)
        assert settings.source == "kafka"
        assert (settings.topic, settings.group_id, settings.bootstrap_servers) == ("a", "c", "z:3,[::1]:4")

    def test_another_commands_key_is_passed_over_and_a_typo_is_not(self, tmp_path: Path) -> None:
        yaml = tmp_path / "c.yaml"
        yaml.write_text(
            "hop_seconds: 1\nmetrics: {port: 80}\nkafka: {topic: a, group_id: g}\ntopics: {partitions: 3}\n"
        )
        environ = {"MOODSTREAM_TOPICS__RETENTION_HOURS": "5", "MOODSTREAM_KAFKA__ENABLED": "true"}
        made = parse_command(TopicSettings, TOPICS, ["create", "--config", str(yaml)], environ)
        assert (made.action, made.topic, made.partitions, made.retention_hours) == ("create", "a", 3, 5.0)
        assert parse(["--config", str(yaml)], environ).group_id == "g"
        with pytest.raises(UsageError, match="MOODSTREAM_TOPICS__PARTITION is unknown"):
            parse(["--kafka"], {"MOODSTREAM_TOPICS__PARTITION": "5"})
        yaml.write_text("topics: {partition: 3}\n")
        with pytest.raises(UsageError, match=r"c.yaml:1: topics.partition is unknown"):
            parse(["--kafka", "--config", str(yaml)], {})

    @pytest.mark.parametrize(
        ("argv", "said"),
        [
            (["--demo", "--topic", "x"], "--topic is for --kafka, not for --demo"),
            (["--demo", "--sasl-password", SECRET], "--sasl-password is for --kafka"),
            (["--kafka", "--reset-after-silence", "5"], "--reset-after-silence does nothing with --kafka"),
            (["--kafka", "--jobs", "2"], "--jobs is for --file, not for --kafka"),
            (["--kafka", "--mic"], "exactly one source"),
            (["--kafka", "--topic", "a b"], "a topic's name"),
            (["--kafka", "--topic", "mood.state"], "four different topics"),
            (["--kafka", "--bootstrap-servers", "host"], "HOST:PORT"),
            (["--kafka", "--bootstrap-servers", "host:99999"], "HOST:PORT"),
            (["--kafka", "--security-protocol", "TLS"], "one of PLAINTEXT, SSL"),
            (["--kafka", "--max-poll-interval", "5"], "--max-poll-interval must not be below --session-timeout"),
        ],
    )
    def test_refused_flags(self, argv: list[str], said: str) -> None:
        with pytest.raises(UsageError) as caught:
            parse(argv, {})
        assert said in str(caught.value)
        assert SECRET not in str(caught.value)

    def test_without_the_package(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "kafka", None)
        with pytest.raises(StreamError, match=r"-m pip install 'kafka-python>=3\.0\.9,<3\.1' crc32c"):
            parse(["--kafka"], {})
        assert parse(["--kafka", "--print-config"], {}).source == "kafka"

    def test_http_is_on(self) -> None:
        assert parse(["--kafka"], {}).metrics_port == 9108

    @pytest.mark.parametrize(("argv", "said"), [([], "create or check"), (["chek"], "'chek' is unknown")])
    def test_a_command_needs_its_word(self, argv: list[str], said: str) -> None:
        with pytest.raises(UsageError, match=said):
            parse_command(TopicSettings, TOPICS, argv, {})


class TestProperties:
    def test_as_java_reads_them(self, tmp_path: Path) -> None:
        path = tmp_path / "p"
        path.write_text("# c\n! c\n\na = 1,\\\n   2\nb:x\\ty\nc d\ne=\n f\\ g = \\u00e9 \nh=1\nh=2\n", encoding="utf-8")
        assert read_properties(path) == {"a": "1,2", "b": "x\ty", "c": "d", "e": "", "f g": "é", "h": "2"}

    def test_a_login_module(self) -> None:
        jaas = parse_jaas('a.b.ScramLoginModule  required\n username="al\\"ice" password=\'p;= w\' x=y ;')
        assert jaas is not None
        assert jaas.module == "ScramLoginModule"
        assert jaas.options == {"username": 'al"ice', "password": "p;= w", "x": "y"}
        assert "p;= w" not in repr(jaas)
        assert parse_jaas("no module") is None

    def test_it_fills_what_the_options_leave_open(self, tmp_path: Path) -> None:
        text = (
            "bootstrap.servers=a:1,b:2\nsecurity.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-256\n"
            f'{JAAS}.scram.ScramLoginModule required username="u" password="{SECRET}";\n'
        )
        found = wanted(tmp_path, text)
        assert found.bootstrap_servers == ("a:1", "b:2")
        assert (found.sasl_mechanism, found.username, found.password) == ("SCRAM-SHA-256", "u", SECRET)
        over = wanted(tmp_path, text, bootstrap_servers="c:3", sasl_mechanism="PLAIN", sasl_password="other")
        assert (over.bootstrap_servers, over.sasl_mechanism, over.password) == (("c:3",), "PLAIN", "other")

    def test_another_user_does_not_get_the_files_password(self, tmp_path: Path) -> None:
        text = f'security.protocol=SASL_PLAINTEXT\n{JAAS}.plain.PlainLoginModule required username="u" password="p";\n'
        assert wanted(tmp_path, text).sasl_mechanism == "PLAIN"
        assert "user v needs a password" in refusal(tmp_path, text, sasl_username="v")

    def test_certificates_in_the_text(self, tmp_path: Path, certificates: Certificates) -> None:
        def inline(path: Path) -> str:
            return path.read_text().replace("\n", "\\n")

        text = (
            f"security.protocol=SSL\nssl.truststore.type=PEM\nssl.truststore.certificates={inline(certificates.ca)}\n"
            f"ssl.keystore.type=PEM\nssl.keystore.key={inline(certificates.encrypted_client_key)}\n"
            f"ssl.keystore.certificate.chain={inline(certificates.client)}\nssl.key.password=key-secret\n"
        )
        found = wanted(tmp_path, text)
        assert found.tls is not None
        assert len(found.tls.get_ca_certs()) == 1
        assert found.tls.check_hostname
        loose = wanted(tmp_path, text + "ssl.endpoint.identification.algorithm=\n")
        assert loose.tls is not None
        assert not loose.tls.check_hostname
        wrong = refusal(tmp_path, text.replace("key-secret", SECRET))
        assert "no PEM pair that opens" in wrong

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("security.protocol=SSL\nssl.truststore.location=t.jks\n", "keytool -importkeystore -srckeystore t.jks"),
            (
                "security.protocol=SSL\nssl.keystore.type=PKCS12\nssl.keystore.location=k.p12\n",
                "openssl pkcs12 -in k.p12 -nodes -out client.pem, then --ssl-certfile client.pem",
            ),
            ("security.protocol=TLS\n", "security.protocol needs one of"),
            ("security.protocol=SASL_SSL\nsasl.mechanism=GSSAPI\n", "GSSAPI is not supported"),
            (f"security.protocol=SASL_SSL\n{JAAS}=x password={SECRET};\n", "MODULE required username"),
            (f"security.protocol=SASL_SSL\n{JAAS}.Krb5 required password={SECRET};\n", "Krb5 is not supported"),
            ("bootstrap.servers=nowhere\n", "HOST:PORT"),
            ("security.protocol=SSL\nssl.endpoint.identification.algorithm=x\n", "needs https or nothing"),
        ],
    )
    def test_what_cannot_be_used_is_said(self, tmp_path: Path, text: str, said: str) -> None:
        assert said in refusal(tmp_path, text)

    def test_other_keys_are_named(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.WARNING):
            wanted(tmp_path, "acks=all\nssl.protocol=TLSv1.3\nbootstrap.server=a:1\n")
        assert "only the connection is taken from it, not acks, ssl.protocol" in caplog.text
        assert "unknown, and not used: bootstrap.server" in caplog.text


class TestTogether:
    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"security_protocol": "SASL_SSL"}, "needs a user: --sasl-username"),
            ({"security_protocol": "SASL_SSL", "sasl_username": "u"}, "MOODSTREAM_KAFKA__SASL_PASSWORD"),
            ({"sasl_username": "u", "sasl_password": SECRET}, "a user needs --security-protocol SASL_SSL"),
            ({"ssl_cafile": Path("x")}, "--ssl-cafile needs --security-protocol SSL or SASL_SSL"),
            ({"security_protocol": "SSL", "ssl_cafile": Path("none.pem")}, "none.pem: No such file"),
            ({"security_protocol": "SSL", "ssl_certfile": Path("none.pem")}, "none.pem: No such file"),
            ({"security_protocol": "SSL", "ssl_cafile": Path(__file__)}, "holds no certificates"),
            ({"security_protocol": "SSL", "ssl_keyfile": Path("k")}, "--ssl-certfile"),
            ({"sasl_password": SECRET, "sasl_password_file": Path("f")}, "given twice"),
            ({"sasl_password_file": Path("none")}, "none: No such file"),
        ],
    )
    def test_refused(self, tmp_path: Path, options: dict[str, object], said: str) -> None:
        assert said in refusal(tmp_path, **options)

    def test_a_locked_key(self, tmp_path: Path, certificates: Certificates) -> None:
        options = {
            "security_protocol": "SSL",
            "ssl_certfile": certificates.client,
            "ssl_keyfile": certificates.encrypted_client_key,
        }
        assert "--ssl-key-password" in refusal(tmp_path, **options)
        assert "--ssl-key-password" in refusal(tmp_path, **options, ssl_key_password=SECRET)
        assert wanted(tmp_path, **options, ssl_key_password=certificates.KEY_PASSWORD).tls is not None

    def test_a_password_from_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "password"
        path.write_text(f"{SECRET}\n")
        options = {"security_protocol": "SASL_PLAINTEXT", "sasl_username": "u", "sasl_password_file": path}
        assert wanted(tmp_path, **options).password == SECRET
        path.write_text("\n")
        assert "the password alone" in refusal(tmp_path, **options)

    def test_no_secret_in_a_repr(self, tmp_path: Path) -> None:
        options = ConnectionOptions(
            security_protocol="SASL_PLAINTEXT", sasl_username="u", sasl_password=SECRET, ssl_key_password=SECRET
        )
        connection = Connection.of(options)
        assert connection.config()["sasl_plain_password"] == SECRET
        assert SECRET not in f"{options!r} {connection!r} {connection}"


def test_a_password_in_the_brokers_addresses_is_not_repeated() -> None:
    with pytest.raises(UsageError, match="--sasl-username") as caught:
        parse(["--kafka", "--bootstrap-servers", "me:s3cret@broker:9092"], {})
    assert "s3cret" not in str(caught.value)
