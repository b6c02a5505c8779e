#!/usr/bin/env bash
# Builds the image with whatever is there, docker, podman or buildah, and says how large it is:
#
#   make image                                      # or: bash docker/build.sh
#   BASE=registry.example/python:3.12-slim TAG=registry.example/moodstream:1.2 bash docker/build.sh
#   FILE=docker/Dockerfile.train TAG=moodstream-train bash docker/build.sh
#   BUILDER=buildah bash docker/build.sh --volume /etc/ssl/certs:/etc/ssl/certs:ro    # further options of the builder
#
# Without a Docker engine, and without rights to namespaces, buildah does:
#   export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(sed -n 's/^version = //p' setup.cfg)
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
file=${FILE:-docker/Dockerfile}
tag=${TAG:-moodstream:$version}

find_builder() {
    local candidate
    for candidate in docker podman buildah; do
        if command -v "$candidate" >/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "an image needs docker, podman or buildah (Debian: apt-get install buildah)" >&2
    exit 1
}

builder=${BUILDER:-$(find_builder)}
options=(-f "$file" -t "$tag" --build-arg "VERSION=$version" --build-arg "REVISION=$revision")
if [ -n "${BASE:-}" ]; then options+=(--build-arg "BASE=$BASE"); fi
# The format of the others, OCI's, has no health check.
if [ "$builder" != docker ]; then options+=(--format docker); fi

"$builder" build "${options[@]}" "$@" .

case $builder in
    buildah) size=$(buildah images --format '{{.Size}}' "$tag") ;;
    *) size=$("$builder" image inspect --format '{{.Size}}' "$tag" | awk '{print int($1 / 1e6) " MB"}') ;;
esac
echo "$tag: $size, base image and all"
