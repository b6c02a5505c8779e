"""A real Kafka broker on this machine, without containers: one node, in a folder of its own.

    broker = Broker(tmp_path)                       # tests: the fixtures `broker` and `own_broker`
    broker.start()                                  # returns when a client gets answers
    KafkaProducer(bootstrap_servers=broker.bootstrap_servers)
    broker.kill(); broker.start()                   # a crash; the same ports and data afterwards
    broker.stop()                                   # an orderly end

    make kafka                                      # by hand: on 127.0.0.1:9092 until Ctrl-C
    python -m tests.stream.kafka.broker --port 9092 --data FOLDER

No broker outlives the process that started it, however that ends: the kernel kills it with the thread that started it
(``setpriv --pdeathsig``; Linux, and only where that is the main thread, as another may end long before the process),
and an exit handler does it elsewhere. Ctrl-C in a terminal does not reach it: it has a session of its own.
"""

from __future__ import annotations

import argparse
import atexit
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from tests.stream.kafka.jars import JarsError, classpath
from tests.stream.kafka.ports import HOST, free_ports, is_free

_READY_SECONDS = 90.0
_STOP_SECONDS = 30.0
_JAVA = ("java", "-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_LOG_LEVEL = "-Dorg.apache.logging.log4j.level=INFO"
_SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "auto.create.topics.enable": "false",
    "num.partitions": "1",
    "default.replication.factor": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "5",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "5",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    # Sooner than usual, so that tests need not wait: a killed client's transaction ends, compaction runs.
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    "log.cleaner.enable": "true",
    "log.cleaner.backoff.ms": "1000",
    "log.cleaner.dedupe.buffer.size": str(8 * 2**20),
    # After a crash the controller refuses the new broker until the old one's session is over.
    "broker.heartbeat.interval.ms": "500",
    "broker.session.timeout.ms": "3000",
}


class BrokerError(Exception):
    """The broker does not run; the message says why and ends with what it logged last."""


class Broker:
    """One broker. Its ports and data stay the same through every start.

    Args:
        folder: takes the settings, the data and the log; a folder of an earlier broker goes on from there.
        port: of the listener PLAINTEXT; a free one unless given.
        listeners: names of further listeners, each on a free port of its own.
        settings: of the broker, besides its usual ones.
        format_arguments: for the tool that prepares an empty data folder.
    """

    is_ours = True

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        listeners: Sequence[str] = (),
        settings: Mapping[str, str] | None = None,
        format_arguments: Sequence[str] = (),
    ) -> None:
        self._folder = folder
        self.data = folder / "data"
        self.log = folder / "broker.log"
        self._properties = folder / "server.properties"
        self._format_arguments = list(format_arguments)
        self._process: subprocess.Popen[bytes] | None = None
        names = ["PLAINTEXT", *listeners, "CONTROLLER"]
        self._ports = dict(zip(names, free_ports(len(names)), strict=True))
        if port is not None:
            self._ports["PLAINTEXT"] = port
        self._settings = {**_SETTINGS, **self._addresses(), "log.dirs": str(self.data), **(settings or {})}

    @property
    def bootstrap_servers(self) -> str:
        """Where clients without any security connect, as HOST:PORT."""
        return self.address("PLAINTEXT")

    @property
    def is_running(self) -> bool:
        """Whether its process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Process id of the running broker."""
        return self._running().pid

    def address(self, listener: str) -> str:
        """Return where a listener takes connections, as HOST:PORT."""
        return f"{HOST}:{self._ports[listener]}"

    def partition_folder(self, topic: str, partition: int = 0) -> Path:
        """Return the folder with the log segments of a partition."""
        return self.data / f"{topic}-{partition}"

    def start(self) -> None:
        """Start it, and return when it answers clients.

        Raises:
            BrokerError: it did not come up.
            JarsError: Java, Maven or the jars are missing.
        """
        if self.is_running:
            return
        for name, port in self._ports.items():
            if not is_free(port):
                taken = f"port {port} (Kafka's {name}) is taken by another program"
                raise BrokerError(f"{taken}: end that, or choose another port")
        self._folder.mkdir(parents=True, exist_ok=True)
        self._properties.write_text("".join(f"{key}={value}\n" for key, value in self._settings.items()))
        if not (self.data / "meta.properties").exists():
            self._format()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*_tied_to_us(), *_JAVA, _LOG_LEVEL, "-cp", classpath(), "kafka.Kafka", str(self._properties)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                start_new_session=True,
            )
        atexit.register(self.kill)
        self._await_answer()

    def stop(self) -> None:
        """End it in order; its data stay."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise BrokerError(f"Kafka did not end in {_STOP_SECONDS:.0f} s and was killed\n{self.log_tail()}") from None
        self._forget()

    def kill(self) -> None:
        """End it as a crash would (SIGKILL); what it had not yet given to the system is lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._forget()

    def pause(self) -> None:
        """Make it stand still: it keeps its connections and answers nobody."""
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused broker go on."""
        self._running().send_signal(signal.SIGCONT)

    def wait(self) -> int:
        """Wait until it ends by itself and return its exit code."""
        return self._running().wait()

    def log_tail(self, lines: int = 40) -> str:
        """Return the last lines that it logged."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise BrokerError("the broker is not running")
        return self._process

    def _forget(self) -> None:
        self._process = None
        atexit.unregister(self.kill)

    def _addresses(self) -> dict[str, str]:
        listeners = {name: f"{name}://{self.address(name)}" for name in self._ports}
        clients = [address for name, address in listeners.items() if name != "CONTROLLER"]
        # A listener is named after its protocol; the controller's is nobody else's.
        protocols = [f"{name}:{'PLAINTEXT' if name == 'CONTROLLER' else name}" for name in listeners]
        return {
            "listeners": ",".join(listeners.values()),
            "advertised.listeners": ",".join(clients),
            "listener.security.protocol.map": ",".join(protocols),
            "controller.quorum.voters": f"1@{self.address('CONTROLLER')}",
        }

    def _format(self) -> None:
        # Spelled in hexadecimal: a random id in Kafka's own spelling may begin with "-" and be taken for a flag.
        tool = ["kafka.tools.StorageTool", "format", "-t", uuid.uuid4().hex[:22], "-c", str(self._properties)]
        command = [*_JAVA, "-cp", classpath(), *tool, *self._format_arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self._folder)
        if done.returncode != 0:
            raise BrokerError(f"Kafka's data folder {self.data} cannot be prepared\n{done.stdout}{done.stderr}")

    def _await_answer(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while not self._answers():
            process = self._running()
            if (code := process.poll()) is not None:
                self._forget()
                raise BrokerError(f"Kafka ended at its start with exit code {code}\n{self.log_tail()}")
            if time.monotonic() > deadline:
                self.kill()
                raise BrokerError(f"Kafka did not answer within {_READY_SECONDS:.0f} s\n{self.log_tail()}")
            time.sleep(0.1)  # between two questions to a program that cannot call back

    def _answers(self) -> bool:
        try:
            # The client would log each refused connection as an error.
            socket.create_connection((HOST, self._ports["PLAINTEXT"]), timeout=2).close()
            admin = KafkaAdminClient(
                bootstrap_servers=self.bootstrap_servers, bootstrap_timeout_ms=2000, request_timeout_ms=2000
            )
            try:
                return bool(admin.describe_cluster()["brokers"])
            finally:
                admin.close()
        except (OSError, KafkaError):
            return False


def _tied_to_us() -> list[str]:
    if shutil.which("setpriv") and threading.current_thread() is threading.main_thread():
        return ["setpriv", "--pdeathsig", "KILL"]
    return []


def main() -> int:
    """Run a broker until Ctrl-C, for trying things out."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.stream.kafka.broker",
        description="Runs a Kafka broker on this machine until Ctrl-C, for trying things out: one node, no security, "
        "only reachable from here. Needs Java 17 and Maven; the first use downloads 43 MB.",
    )
    parser.add_argument("--port", type=_port, default=9092, help="where clients connect (default 9092)")
    parser.add_argument(
        "--data", type=Path, metavar="FOLDER", help="keeps topics and records for the next time (default: gone at end)"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kafka-") as scratch:
        broker = Broker(options.data.absolute() if options.data else Path(scratch), port=options.port)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            broker.start()
            kept = f"in {options.data}" if options.data else "gone when it stops (--data FOLDER keeps it)"
            print(f"Kafka listens on {broker.bootstrap_servers}; its data: {kept}. Ctrl-C stops it.", flush=True)
            code = broker.wait()
            print(f"Kafka ended by itself with exit code {code}\n{broker.log_tail()}", file=sys.stderr)
        except KeyboardInterrupt:
            print("stopping Kafka", file=sys.stderr)
            broker.stop()
            return 0
        except (BrokerError, JarsError) as error:
            print(error, file=sys.stderr)
        except OSError as error:
            if options.data is None:
                raise
            print(f"--data {options.data} cannot be used: {error.strerror}", file=sys.stderr)
        return 1


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to 65535, not {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
