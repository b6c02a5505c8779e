"""What a broker says to a user who logs in, asked by hand.

error = answer_to_login(connection, sock)        # a kafka-python error, or None: the user is let in

kafka-python may miss it: a broker that refuses a user answers and hangs up at once, and bytes that come together with
the end of a connection are dropped. The protocol is kafka-python's; only the reading is ours.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from kafka import errors
from kafka.net.sasl import get_sasl_mechanism
from kafka.protocol.parser import KafkaProtocol
from kafka.protocol.sasl import SaslAuthenticateRequest, SaslHandshakeRequest

if TYPE_CHECKING:
    from stream.kafka.connection import Connection


def answer_to_login(connection: Connection, sock: socket.socket, host: str) -> Exception | None:
    """Log in and return the broker's error, or None.

    Args:
        connection: has a user.
        sock: connected, and encrypted if it is to be; it blocks.
        host: what it is connected to.

    Raises:
        OSError: the broker hangs up without an answer, or is silent.
    """
    parser: Any = KafkaProtocol(client_id="moodstream")
    answer = _ask(sock, parser, SaslHandshakeRequest(version=1, mechanism=connection.sasl_mechanism))
    if answer.error_code:
        refused: Exception = errors.for_code(answer.error_code)()
        return refused
    mechanism = get_sasl_mechanism(connection.sasl_mechanism)(host=host, **connection.config())
    while not mechanism.is_done():
        answer = _ask(sock, parser, SaslAuthenticateRequest(version=1, auth_bytes=mechanism.auth_bytes()))
        if answer.error_code:
            failed: Exception = errors.SaslAuthenticationFailedError(answer.error_message)
            return failed
        mechanism.receive(answer.auth_bytes)
    return None


def _ask(sock: socket.socket, parser: Any, request: Any) -> Any:
    parser.send_request(request)
    sock.sendall(parser.send_bytes())
    while data := sock.recv(4096):
        for _, answer in parser.receive_bytes(data):
            return answer
    raise ConnectionResetError("the broker hung up")
