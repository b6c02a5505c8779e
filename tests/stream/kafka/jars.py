"""The jars of a Kafka broker: fetched once with Maven, then kept in the checkout's folder ``cache``.

if missing := needs(): ...      # what the machine lacks, for a message
java = ["java", "-cp", classpath(), "kafka.Kafka", "server.properties"]

``pom.xml`` beside this file says which; another version there is fetched into a folder of its own.
"""

from __future__ import annotations

import fcntl
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

_POM = Path(__file__).with_name("pom.xml")
_CACHE = Path(__file__).parents[3] / "cache"
_OLDEST_JAVA = 17
_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies"
_HOW = "on Debian and Ubuntu: sudo apt-get install default-jre-headless maven"


class JarsError(Exception):
    """The jars cannot be had; the message is one line that says why and what to do."""


def needs() -> str | None:
    """Return what this machine lacks to run a broker and how to get it, in one line; None if it lacks nothing."""
    missing = []
    if _java_version() < _OLDEST_JAVA:
        missing.append(f"Java {_OLDEST_JAVA} or newer (command java)")
    if not _complete() and shutil.which("mvn") is None:
        missing.append("Maven (command mvn)")
    return f"a Kafka broker needs {' and '.join(missing)}; {_HOW}" if missing else None


def classpath() -> str:
    """Return the Java class path of the broker; the first call on a machine downloads 43 MB.

    Raises:
        JarsError: Java or Maven is missing, or the download failed.
    """
    if missing := needs():
        raise JarsError(missing)
    if not _complete():
        _fetch()
    return f"{_folder()}/*"


def _folder() -> Path:
    match = re.search("<version>(.+?)</version>", _POM.read_text())
    if match is None:
        raise JarsError(f"{_POM} has no version")
    return _CACHE / f"kafka-{match[1]}"


def _complete() -> bool:
    # The list is put beside the jars last of all, so a folder that has the present one has all its jars.
    kept = _folder() / _POM.name
    return kept.is_file() and kept.read_bytes() == _POM.read_bytes()


def _fetch() -> None:
    _CACHE.mkdir(exist_ok=True)
    # Tests run in several processes, and Maven's own folder of downloads is not made for two at once.
    with (_CACHE / "kafka.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _complete():  # else another process was faster
            _fetch_into(_folder())


def _fetch_into(folder: Path) -> None:
    print(f"fetching Kafka's jars into {folder} (43 MB, only this once)", file=sys.stderr, flush=True)
    # Made aside and renamed, so that a process that looks meanwhile does not see half of it.
    with tempfile.TemporaryDirectory(prefix="kafka-", dir=_CACHE) as scratch:
        made = Path(scratch) / "jars"
        command = ["mvn", "-q", "-B", "-f", str(_POM), _PLUGIN, f"-DoutputDirectory={made}", "-DincludeScope=runtime"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            lines = [line for line in (done.stdout + done.stderr).splitlines() if "ERROR" in line]
            reason = lines[0] if lines else f"mvn ended with exit code {done.returncode}"
            reason = reason.rpartition("[ERROR] ")[2].removesuffix(" -> [Help 1]")
            raise JarsError(f"Maven cannot fetch Kafka's jars: {reason}")
        shutil.copy(_POM, made)
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)


def _java_version() -> int:
    if shutil.which("java") is None:
        return 0
    # -version writes to stderr: openjdk version "17.0.15" 2025-04-15
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    match = re.search(r'version "(\d+)', said)
    return int(match[1]) if match else 0
