"""The manifests: valid by Kubernetes' own schemas, safe by its strictest standard, and true to the program."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from docker.prometheus import build
from tests.docker.dockerfile import Dockerfile
from tests.docker.kustomize import KUBERNETES, OVERLAYS, Object, containers, render
from tests.stream.command import environment

NAMES = ("small", "production")
VERSION = "1.31"
CUSTOM = {
    "PrometheusRule": "monitoring.coreos.com/v1",
    "ServiceMonitor": "monitoring.coreos.com/v1",
    "ScaledObject": "keda.sh/v1alpha1",
    "TriggerAuthentication": "keda.sh/v1alpha1",
}
RENDERED = {name: render(OVERLAYS / name) for name in NAMES}
EVERY = [pytest.param(each, id=f"{name}-{each['kind']}") for name in NAMES for each in RENDERED[name]]
WITH_PODS = [
    pytest.param(each, id=f"{name}-{each['kind']}") for name in NAMES for each in RENDERED[name] if containers(each)
]


def of(name: str, kind: str) -> Any:
    found = [each for each in RENDERED[name] if each["kind"] == kind]
    (found,) = [each for each in found if kind != "ConfigMap" or each["metadata"]["name"] == "moodstream"]
    return found


def test_the_alerts_of_the_cluster_are_those_of_the_rules(tmp_path: Path) -> None:
    build.write(tmp_path / "again.yaml")
    assert build.FILE.read_text() == (tmp_path / "again.yaml").read_text(), "run python -m docker.prometheus.build"
    groups = of("production", "PrometheusRule")["spec"]["groups"]
    written = [path.read_text() for path in (KUBERNETES.parent / "prometheus" / "rules").glob("*.yml")]
    assert {each["name"]: each for each in groups} == {
        each["name"]: each for text in written for each in yaml.safe_load(text)["groups"]
    }


def test_grafanas_sidecar_gets_the_dashboards() -> None:
    (found,) = [each for each in RENDERED["production"] if each["metadata"]["name"] == "moodstream-dashboards"]
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    folder = KUBERNETES.parent / "grafana" / "dashboards"
    assert found["data"] == {path.name: path.read_text() for path in folder.glob("*.json")}
    # `kubectl apply` keeps the whole object in an annotation, and those may have 256 KiB.
    assert len(json.dumps(found)) < 250_000


def test_the_prometheus_operator_finds_monitor_and_rules_by_one_label() -> None:
    labels = [of("production", kind)["metadata"]["labels"]["release"] for kind in ("ServiceMonitor", "PrometheusRule")]
    assert len(set(labels)) == 1


@pytest.mark.parametrize("each", EVERY)
def test_an_object_follows_its_schema(each: Object) -> None:
    if each["kind"] in CUSTOM:
        assert each["apiVersion"] == CUSTOM[each["kind"]]
    else:
        kubernetes_validate.validate(each, VERSION, strict=True)


@pytest.mark.parametrize("each", WITH_PODS)
def test_a_pod_keeps_the_restricted_standard(each: Object) -> None:
    # https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted, and a root that is read-only.
    pod = each["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert f"{pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}" == Dockerfile().user
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert {next(iter(set(volume) - {"name"})) for volume in pod.get("volumes", [])} <= {"emptyDir", "secret"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"requests", "limits"} <= set(container["resources"])
    assert container["resources"]["limits"]["memory"]
    assert container["image"].rpartition(":")[2] not in ("", "latest")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["Deployment", "Job"])
def test_the_program_takes_its_settings(name: str, kind: str) -> None:
    for each in RENDERED[name]:
        if each["kind"] != kind:
            continue
        (container,) = containers(each)
        given = dict(of(name, "ConfigMap")["data"])
        given |= {one["name"]: "tagger" for one in container.get("env", [])}
        if "MOODSTREAM_KAFKA__SASL_PASSWORD_FILE" in given:  # mounted from the secret; here there is none
            given["MOODSTREAM_KAFKA__SASL_PASSWORD"] = "secret"
            del given["MOODSTREAM_KAFKA__SASL_PASSWORD_FILE"], given["MOODSTREAM_KAFKA__SSL_CAFILE"]
        command = [sys.executable, "-m", *(one for one in container["args"] if one != "create"), "--print-config"]
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment(**given))
        assert done.returncode == 0, done.stderr
        servers = yaml.safe_load(done.stdout)["kafka"]["bootstrap_servers"]
        assert servers == given["MOODSTREAM_KAFKA__BOOTSTRAP_SERVERS"]


@pytest.mark.parametrize("name", NAMES)
def test_probes_and_monitors_ask_where_the_program_answers(name: str) -> None:
    (container,) = containers(of(name, "Deployment"))
    (port,) = container["ports"]
    assert str(port["containerPort"]) == Dockerfile().environment["MOODSTREAM_METRICS__PORT"]
    for probe, path in (("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
        assert container[probe]["httpGet"] == {"path": path, "port": port["name"]}
    annotations = of(name, "Deployment")["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == str(port["containerPort"])
    if name == "production":
        (endpoint,) = of(name, "ServiceMonitor")["spec"]["endpoints"]
        (served,) = of(name, "Service")["spec"]["ports"]
        assert endpoint["port"] == served["name"] and endpoint["path"] == "/metrics"
        assert served["targetPort"] == port["name"] and served["port"] == port["containerPort"]
        (ingress,) = of(name, "NetworkPolicy")["spec"]["ingress"]
        assert [one["port"] for one in ingress["ports"]] == [port["containerPort"]]


def test_the_network_policy_lets_through_to_the_brokers() -> None:
    servers = of("production", "ConfigMap")["data"]["MOODSTREAM_KAFKA__BOOTSTRAP_SERVERS"].split(",")
    allowed = {one["port"] for rule in of("production", "NetworkPolicy")["spec"]["egress"] for one in rule["ports"]}
    assert {int(each.rpartition(":")[2]) for each in servers} | {53} == allowed


@pytest.mark.parametrize("name", NAMES)
def test_selectors_select_the_pods(name: str) -> None:
    deployment = of(name, "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert of(name, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"].items() <= labels.items()
    jobs = [each["spec"]["template"]["metadata"]["labels"] for each in RENDERED[name] if each["kind"] == "Job"]
    assert not any(deployment["spec"]["selector"]["matchLabels"].items() <= other.items() for other in jobs)
    if name == "production":
        service = of(name, "Service")
        assert service["spec"]["selector"].items() <= labels.items()
        monitored = of(name, "ServiceMonitor")["spec"]["selector"]["matchLabels"]
        assert monitored.items() <= service["metadata"]["labels"].items()
        assert "moodstream" in service["metadata"]["name"]  # of the job, by which the alerts know it
        assert service["spec"]["publishNotReadyAddresses"] is True  # a standby has metrics, too


def test_never_more_taggers_than_partitions() -> None:
    scaled = of("production", "ScaledObject")
    partitions = int(scaled["metadata"]["annotations"]["moodstream/partitions"])
    assert scaled["spec"]["minReplicaCount"] <= scaled["spec"]["fallback"]["replicas"]
    assert scaled["spec"]["fallback"]["replicas"] <= scaled["spec"]["maxReplicaCount"] <= partitions
    (trigger,) = scaled["spec"]["triggers"]
    assert trigger["metadata"]["allowIdleConsumers"] == "false"
    # Who scales is one: a number in the deployment would be set anew by every apply.
    assert "replicas" not in of("production", "Deployment")["spec"]
    assert scaled["spec"]["scaleTargetRef"]["name"] == of("production", "Deployment")["metadata"]["name"]

    arguments = containers(of("small", "Job"))[0]["args"]
    assert of("small", "Deployment")["spec"]["replicas"] <= int(arguments[arguments.index("--partitions") + 1])


@pytest.mark.parametrize("name", NAMES)
def test_a_rollout_puts_no_pod_on_top(name: str) -> None:
    # One more than there are partitions would get none and never be ready.
    strategy = of(name, "Deployment")["spec"]["strategy"]["rollingUpdate"]
    assert strategy == {"maxSurge": 0, "maxUnavailable": 1}
    assert of(name, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1


def test_keda_watches_the_group_of_the_taggers() -> None:
    settings = of("production", "ConfigMap")["data"]
    (trigger,) = of("production", "ScaledObject")["spec"]["triggers"]
    watched = trigger["metadata"]
    assert watched["bootstrapServers"] == settings["MOODSTREAM_KAFKA__BOOTSTRAP_SERVERS"]
    assert watched["consumerGroup"] == settings["MOODSTREAM_KAFKA__GROUP_ID"]
    assert watched["topic"] == settings.get("MOODSTREAM_KAFKA__TOPIC", "audio.chunks")
    assert watched["tls"] == "enable" and settings["MOODSTREAM_KAFKA__SECURITY_PROTOCOL"] == "SASL_SSL"
    assert (
        watched["sasl"].replace("_", "-").upper().replace("SHA", "SHA-") == settings["MOODSTREAM_KAFKA__SASL_MECHANISM"]
    )
    assert trigger["authenticationRef"]["name"] == of("production", "TriggerAuthentication")["metadata"]["name"]


def test_the_secret_holds_all_that_is_asked_of_it() -> None:
    example = yaml.safe_load((OVERLAYS / "production" / "secret.example.yaml").read_text())
    pod = of("production", "Deployment")["spec"]["template"]["spec"]
    (volume,) = [each["secret"] for each in pod["volumes"] if "secret" in each]
    (user,) = [each["valueFrom"]["secretKeyRef"] for each in pod["containers"][0]["env"]]
    targets = of("production", "TriggerAuthentication")["spec"]["secretTargetRef"]
    assert {volume["secretName"], user["name"], *(each["name"] for each in targets)} == {example["metadata"]["name"]}
    asked = {user["key"], *(each["key"] for each in volume["items"]), *(each["key"] for each in targets)}
    assert asked == set(example["stringData"])
    (mount,) = [each for each in pod["containers"][0]["volumeMounts"] if each["name"] == "kafka"]
    files = {str(Path(mount["mountPath"]) / each["path"]) for each in volume["items"]}
    settings = of("production", "ConfigMap")["data"]
    assert files == {settings["MOODSTREAM_KAFKA__SASL_PASSWORD_FILE"], settings["MOODSTREAM_KAFKA__SSL_CAFILE"]}
    assert not any(each["kind"] == "Secret" for name in NAMES for each in RENDERED[name])
