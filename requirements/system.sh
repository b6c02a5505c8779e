#!/usr/bin/env bash
# Installs the system packages of a list where it may (Debian and Ubuntu; root, or sudo without a password), and names
# what is missing where it may not. With CI=true a missing package is a failure.
#
#   bash requirements/system.sh requirements/system-test.txt FOLDER     # FOLDER takes programs that are only unpacked
set -euo pipefail
list=$1
folder=$2
PATH=$folder:$PATH

is_there() {  # PACKAGE SIGN
    case $2 in
        /*) [ -e "$2" ] ;;
        lib:*) [ -n "$(find /lib /usr/lib /usr/lib64 /usr/local/lib /opt -name "${2#lib:}*" -print -quit 2>/dev/null)" ] ;;
        *) command -v "$2" >/dev/null ;;
    esac
}

missing() {  # [KIND]: names of the packages that are not there, of one kind or of all
    while read -r package sign kind; do
        [ $# -eq 0 ] || [ "${kind:-install}" = "$1" ] || continue
        is_there "$package" "$sign" || echo "$package"
    done < <(sed 's/ *#.*//; /^$/d' "$list")
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

apt_install() {
    # --no-remove: never at the cost of something that the machine's owner uses.
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends --no-remove "$@" \
        </dev/null >/dev/null
}

unpack() {  # PACKAGE: put its programs into the folder, without installing it
    local scratch
    scratch=$(mktemp -d)
    (cd "$scratch" && apt-get download -qq "$1" && dpkg-deb -x ./*.deb tree && cp tree/usr/bin/* "$folder") || true
    rm -rf "$scratch"
}

if [ -z "$(missing)" ]; then exit 0; fi

if command -v apt-get >/dev/null; then
    mapfile -t wanted < <(missing install)
    if [ ${#wanted[@]} -gt 0 ] && as_root true 2>/dev/null; then
        echo "installing system packages: ${wanted[*]}"
        apt_install "${wanted[@]}" 2>/dev/null || {
            as_root apt-get update -qq </dev/null || true
            apt_install "${wanted[@]}" || for package in "${wanted[@]}"; do apt_install "$package" || true; done
        }
    fi
    mkdir -p "$folder"
    for package in $(missing unpack); do unpack "$package" 2>/dev/null; done
fi

left=$(missing | paste -sd ' ')
if [ -n "$left" ]; then
    echo "not installed: $left" >&2
    echo "on Debian and Ubuntu: sudo apt-get install $left; elsewhere: the packages that hold the same" >&2
    if [ "${CI:-}" = true ]; then exit 1; fi
fi
