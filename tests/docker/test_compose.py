"""The compose file: what it names is there, and nothing in it is open to others or more powerful than it must be."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.docker.compose import DOCKER, FILE, Compose
from tests.docker.dockerfile import Dockerfile
from tests.stream.command import environment

COMPOSE = Compose()
SERVICES = sorted(COMPOSE.services)
OURS = COMPOSE.of_project()


def test_it_follows_the_compose_specification() -> None:
    command = [str(Path(sys.executable).parent / "check-jsonschema"), "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*command, str(FILE)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_no_more_rights_than_it_needs(name: str) -> None:
    service = COMPOSE.services[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service.get("read_only") or name == "kafka"
    assert not {"privileged", "network_mode", "pid", "user", "cap_add", "devices"} & set(service)
    assert all(host == "127.0.0.1" for host, _, _ in COMPOSE.ports(name))
    assert all(mount.mode == "ro" for mount in COMPOSE.mounts(name) if isinstance(mount.source, Path))
    tag = service["image"].partition(":")[2]
    assert tag and tag != "latest"


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_names_is_there(name: str) -> None:
    for mount in COMPOSE.mounts(name):
        if isinstance(mount.source, Path):
            assert mount.source.exists()
        else:
            assert mount.source in COMPOSE.content["volumes"]
    for other, condition in COMPOSE.services[name].get("depends_on", {}).items():
        needed = COMPOSE.services[other]
        match condition["condition"]:
            case "service_healthy":
                assert "test" in needed["healthcheck"]
            case "service_completed_successfully":
                assert needed["restart"] == "no"


def test_no_two_services_want_one_port() -> None:
    taken = [outside for name in SERVICES for _, outside, _ in COMPOSE.ports(name)]
    assert len(taken) == len(set(taken))


@pytest.mark.parametrize("name", OURS)
def test_our_image_is_built_from_the_project(name: str) -> None:
    build = COMPOSE.services[name]["build"]
    assert (DOCKER / build["context"] / build["dockerfile"]).resolve() == DOCKER / "Dockerfile"


@pytest.mark.parametrize("name", OURS)
def test_our_commands_take_their_settings(name: str) -> None:
    service = COMPOSE.services[name]
    command = [sys.executable, "-m", *service["command"], "--print-config"]
    if service["command"][0] == "stream.topics":
        command.remove("create")
    given = {**service["environment"], **_image_settings()}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment(**given))
    assert done.returncode == 0, done.stderr
    assert yaml.safe_load(done.stdout)["kafka"]["bootstrap_servers"] == "kafka:19092"


def test_kafka_tells_its_clients_where_it_listens() -> None:
    given = COMPOSE.services["kafka"]["environment"]
    listening, told = (
        dict(re.findall(r"(\w+)://[^:,]*:(\d+)", given[name]))
        for name in ("KAFKA_LISTENERS", "KAFKA_ADVERTISED_LISTENERS")
    )
    assert told.items() <= listening.items()
    assert (("127.0.0.1", int(told["HOST"]), int(listening["HOST"]))) in COMPOSE.ports("kafka")
    assert len(base64.urlsafe_b64decode(given["CLUSTER_ID"] + "==")) == 16


def test_the_rooms_fall_into_different_partitions() -> None:
    from kafka.partitioner.default import murmur2  # noqa: PLC0415 -- of the optional Kafka client

    topics = COMPOSE.services["topics"]["command"]
    partitions = int(topics[topics.index("--partitions") + 1])
    publishers = [each["command"] for each in COMPOSE.services.values() if "stream.publish" in each.get("command", [])]
    rooms = [command[command.index("--stream") + 1] for command in publishers]
    assert len({(murmur2(room.encode()) & 0x7FFFFFFF) % partitions for room in rooms}) == len(rooms) == partitions


def test_grafana_finds_prometheus_and_the_dashboards() -> None:
    mounts = {mount.target: mount.source for mount in COMPOSE.mounts("grafana")}
    provisioning = mounts["/etc/grafana/provisioning"]
    assert isinstance(provisioning, Path)
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    assert 9090 in [inside for _, _, inside in COMPOSE.ports("prometheus")]
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "moodstream.yml").read_text())["providers"]
    dashboards = mounts[provider["options"]["path"]]
    home = COMPOSE.services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert isinstance(dashboards, Path)
    assert (dashboards / Path(home).relative_to(provider["options"]["path"])).is_file()


def test_prometheus_asks_every_tagger() -> None:
    (group,) = yaml.safe_load((DOCKER / "compose.targets.yml").read_text())
    port = _image_settings()["MOODSTREAM_METRICS__PORT"]
    taggers = [name for name in OURS if COMPOSE.services[name]["command"][0] == "stream.listen"]
    assert sorted(group["targets"]) == sorted(f"{name}:{port}" for name in taggers)


def _image_settings() -> dict[str, str]:
    return {key: value for key, value in Dockerfile().environment.items() if key.startswith("MOODSTREAM_")}
