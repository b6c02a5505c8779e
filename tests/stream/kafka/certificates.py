"""A certificate authority of the test's own, made by OpenSSL, and what it has signed; all of it PEM.

certificates = Certificates(tmp_path)
certificates.ca          # --ssl-cafile
certificates.client, certificates.client_key                   # --ssl-certfile, --ssl-keyfile
certificates.encrypted_client_key, certificates.KEY_PASSWORD   # the same key, behind a password
"""

from __future__ import annotations

import subprocess
from pathlib import Path

_CONFIG = Path(__file__).with_name("openssl.cnf")


class Certificates:
    """The files of one authority, in a folder."""

    KEY_PASSWORD = "key-secret"

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.ca, self._ca_key = self._make("ca")
        self.server, self.server_key = self._make("server", signed=True)
        self.client, self.client_key = self._make("client", signed=True)
        self.encrypted_client_key = folder / "client-encrypted.key"
        _openssl(
            *("pkcs8", "-topk8", "-v2", "aes256", "-in", self.client_key, "-out", self.encrypted_client_key),
            *("-passout", f"pass:{self.KEY_PASSWORD}"),
        )
        # Kafka takes the key and its certificate in one file.
        self.server_store = folder / "server-store.pem"
        self.server_store.write_text(self.server_key.read_text() + self.server.read_text())

    def _make(self, name: str, signed: bool = False) -> tuple[Path, Path]:
        certificate, key = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        by: list[str | Path] = ["-CA", self.ca, "-CAkey", self._ca_key] if signed else []
        _openssl(
            *("req", "-x509", "-config", _CONFIG, "-extensions", name, "-subj", f"/CN=moodstream test {name}"),
            *("-newkey", "rsa:2048", "-noenc", "-days", "30", "-keyout", key, "-out", certificate, *by),
        )
        return certificate, key


def _openssl(*arguments: str | Path) -> None:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]} failed:\n{done.stderr}")
