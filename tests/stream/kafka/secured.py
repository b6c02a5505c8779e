"""A broker that asks who its clients are: the fixture `secured_broker`.

broker.address("SASL_SSL")          # password (SCRAM-SHA-512 or PLAIN) over TLS
broker.address("SASL_PLAINTEXT")    # the same without TLS
broker.address("SSL")               # TLS, and a client needs a certificate
broker.username, broker.password, broker.ca_file, broker.certificates
KafkaProducer(**broker.client("SASL_SSL"))      # with what the listener asks for
broker.bootstrap_servers            # without security, for the test's own use
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.stream.kafka.broker import Broker
from tests.stream.kafka.certificates import Certificates

LISTENERS = ("SASL_SSL", "SASL_PLAINTEXT", "SSL")
MECHANISMS = ("SCRAM-SHA-512", "PLAIN")
_LOGIN = "org.apache.kafka.common.security"


class SecuredBroker(Broker):
    """A broker with the listeners of LISTENERS besides PLAINTEXT, and one user."""

    username = "listener"
    password = "only-for-tests"

    def __init__(self, folder: Path) -> None:
        self.certificates = Certificates(folder / "certificates")
        settings = {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self.certificates.server_store),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.certificates.ca),
            "listener.name.ssl.ssl.client.auth": "required",
        }
        plain = f'{_LOGIN}.plain.PlainLoginModule required user_{self.username}="{self.password}";'
        for listener in ("sasl_ssl", "sasl_plaintext"):
            prefix = f"listener.name.{listener}"
            settings[f"{prefix}.sasl.enabled.mechanisms"] = ",".join(MECHANISMS)
            settings[f"{prefix}.scram-sha-512.sasl.jaas.config"] = f"{_LOGIN}.scram.ScramLoginModule required;"
            settings[f"{prefix}.plain.sasl.jaas.config"] = plain
        user = f"SCRAM-SHA-512=[name={self.username},password={self.password}]"
        super().__init__(folder, listeners=LISTENERS, settings=settings, format_arguments=["--add-scram", user])

    @property
    def ca_file(self) -> Path:
        """The certificate that clients need to trust."""
        return self.certificates.ca

    def client(self, listener: str, mechanism: str = "SCRAM-SHA-512") -> dict[str, Any]:
        """Return the keyword arguments with which a kafka-python client gets in."""
        config: dict[str, Any] = {"bootstrap_servers": self.address(listener), "security_protocol": listener}
        if listener.endswith("SSL"):
            config["ssl_cafile"] = str(self.ca_file)
        if listener == "SSL":
            config["ssl_certfile"] = str(self.certificates.client)
            config["ssl_keyfile"] = str(self.certificates.client_key)
        else:
            config["sasl_mechanism"] = mechanism
            config["sasl_plain_username"] = self.username
            config["sasl_plain_password"] = self.password
        return config
