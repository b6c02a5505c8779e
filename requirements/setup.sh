#!/usr/bin/env bash
# Makes or completes the environment in .venv:
#
#   bash requirements/setup.sh run      # what listening needs: a small download
#   bash requirements/setup.sh dev      # and what the tests and training need: torch, some gigabytes
#
# PYTHON=... chooses the interpreter, where python3 is not the wanted one.
set -euo pipefail
cd "$(dirname "$0")/.."
kind=$1
venv=$PWD/.venv

find_python() {
    local candidate
    for candidate in "${PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "moodstream needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3.11" >&2
    exit 1
}

make_venv() {
    local python
    python=$(find_python)
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        # Debian and Ubuntu keep a part of Python's venv in a package of its own.
        local package
        package=$("$python" -c 'import sys; print("python{}.{}-venv".format(*sys.version_info))')
        echo "$package $("$python" -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')/ensurepip" > "$venv.needs"
        CI='' bash requirements/system.sh "$venv.needs" "$venv/bin"
        rm -f "$venv.needs"
        "$python" -c 'import ensurepip, venv' 2>/dev/null || {
            echo "$python cannot make a virtual environment: install $package" >&2
            exit 1
        }
    fi
    echo "making the environment $venv with $("$python" --version)"
    "$python" -m venv "$venv"
}

install() {
    # uv is several times faster than pip, but does not read pip's configuration (a mirror, say).
    "$venv/bin/uv" pip install -q --python "$venv/bin/python" "$@" || "$venv/bin/python" -m pip install -q "$@"
}

"$venv/bin/python" -c '' 2>/dev/null || make_venv
bash requirements/system.sh "requirements/system-$([ "$kind" = dev ] && echo test || echo run).txt" "$venv/bin"
"$venv/bin/uv" --version >/dev/null 2>&1 ||
    "$venv/bin/python" -m pip install -q --disable-pip-version-check -c requirements/dev.txt uv || true
echo "installing requirements/$kind.txt"
install -r "requirements/$kind.txt"
install --no-deps -e .
echo "the environment is .venv; to work in it: source .venv/bin/activate"
