"""As much of kustomize as docker/kubernetes needs, so that its overlays can be looked at where there is no kubectl.

    objects = render(OVERLAYS / "small")                    # what `kubectl kustomize` prints, parsed
    by_kubectl(OVERLAYS / "small")                          # the same by the real one; None where there is none

Only what the files here use: resources, namespace, labels, images, configMapGenerator (without the hash in the name)
and strategic merge patches. Anything else in a kustomization is refused, so that nothing is left out silently.
`kustomization/` has an example of all of it, with what the real one made of it:

    kubectl kustomize tests/docker/kustomization/overlay > tests/docker/kustomization/rendered.yaml
"""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

KUBERNETES = Path(__file__).parents[2] / "docker" / "kubernetes"
OVERLAYS = KUBERNETES / "overlays"
EXAMPLE = Path(__file__).parent / "kustomization"

Object = dict[str, Any]

_KNOWN = {"apiVersion", "kind", "resources", "namespace", "labels", "images", "configMapGenerator", "patches"}
_OF_MAKERS = {"name", "behavior", "literals", "files", "options"}
_KEYS = {
    "containers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "topologySpreadConstraints": "topologyKey",
}
_CLUSTER_WIDE = ("Namespace",)
_HASH = re.compile(r"^(moodstream)-[2456789bcdfghkmt]{10}$")  # the letters that kustomize makes hashes of


def render(folder: Path) -> list[Object]:
    """Return the objects of a kustomization."""
    here = yaml.safe_load((folder / "kustomization.yaml").read_text())
    assert set(here) <= _KNOWN, set(here) - _KNOWN
    objects: list[Object] = []
    for resource in here.get("resources", []):
        path = (folder / resource).resolve()
        objects += render(path) if path.is_dir() else list(yaml.safe_load_all(path.read_text()))
    for maker in here.get("configMapGenerator", []):
        _make_config_map(objects, maker, folder)
    for patch in here.get("patches", []):
        change = yaml.safe_load((folder / patch["path"]).read_text())
        _merge(_find(objects, change["kind"], change["metadata"]["name"]), change)
    for each in objects:
        for one in here.get("labels", []):
            each["metadata"].setdefault("labels", {}).update(one["pairs"])
            if one.get("includeSelectors"):
                _select(each, one["pairs"])
        if "namespace" in here and each["kind"] not in _CLUSTER_WIDE:
            each["metadata"]["namespace"] = here["namespace"]
        for container in containers(each):
            for image in here.get("images", []):
                if container["image"] == image["name"]:
                    container["image"] = f"{image['newName']}:{image['newTag']}"
    return objects


def by_kubectl(folder: Path) -> list[Object] | None:
    """Return the same by the real kustomize; None where there is no kubectl that does it."""
    if shutil.which("kubectl") is None:
        return None
    done = subprocess.run(["kubectl", "kustomize", str(folder)], check=False, capture_output=True, text=True)
    if "unknown field" in done.stderr:  # one that is years old
        return None
    assert done.returncode == 0, done.stderr
    return parsed(done.stdout)


def parsed(printed: str) -> list[Object]:
    """Return the objects of what the real kustomize prints, the hash taken off names."""
    text = json.dumps(list(yaml.safe_load_all(printed)))
    objects: list[Object] = json.loads(text, object_hook=lambda each: {k: _without_hash(v) for k, v in each.items()})
    return objects


def containers(each: Object) -> list[Object]:
    """The containers of an object that makes pods."""
    template = each.get("spec", {}).get("template", {})
    found: list[Object] = template.get("spec", {}).get("containers", [])
    return found


def _make_config_map(objects: list[Object], maker: Object, folder: Path) -> None:
    assert set(maker) <= _OF_MAKERS, set(maker) - _OF_MAKERS
    data = dict(each.split("=", 1) for each in maker.get("literals", []))
    data |= {name: (folder / name).read_text() for name in maker.get("files", [])}
    if maker.get("behavior") == "merge":
        _find(objects, "ConfigMap", maker["name"])["data"].update(data)
        return
    metadata: Object = {"name": maker["name"]}
    if "labels" in (options := maker.get("options", {})):
        metadata["labels"] = options["labels"]
    objects.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})


def _find(objects: list[Object], kind: str, name: str) -> Object:
    (found,) = [each for each in objects if each["kind"] == kind and each["metadata"]["name"] == name]
    return found


def _merge(into: Object, change: Object) -> None:
    for key, value in change.items():
        if value is None:
            into.pop(key, None)
        elif isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        elif key in _KEYS and key in into:
            there = {each[_KEYS[key]]: each for each in into[key]}
            named = {one[_KEYS[key]]: there.pop(one[_KEYS[key]], {}) for one in value}  # come first
            for one in value:
                _merge(named[one[_KEYS[key]]], one)
            into[key] = [*named.values(), *there.values()]
        else:
            into[key] = copy.deepcopy(value)


def _select(each: Object, labels: dict[str, str]) -> None:
    match each["kind"]:
        case "Deployment":
            each["spec"].setdefault("selector", {}).setdefault("matchLabels", {}).update(labels)
            each["spec"]["template"]["metadata"].setdefault("labels", {}).update(labels)
            for spread in each["spec"]["template"]["spec"].get("topologySpreadConstraints", []):
                spread["labelSelector"]["matchLabels"].update(labels)
        case "PodDisruptionBudget":
            each["spec"]["selector"]["matchLabels"].update(labels)


def _without_hash(value: Any) -> Any:
    return _HASH.sub(r"\1", value) if isinstance(value, str) else value
