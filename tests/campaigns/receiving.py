"""A receiver of webhooks: a real https server that answers what it is told to, with a certificate of its own."""

import http.server
import socket
import ssl
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Partner(http.server.ThreadingHTTPServer):
    """Answers what it is told to, and remembers what reached it."""

    daemon_threads = True
    answer: str = "200"

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.received: list[tuple[str, dict[str, str], bytes]] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A line that the other side hung up on is what some of these tests are about."""

    @property
    def url(self) -> str:
        return f"https://localhost:{self.server_port}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Partner

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, dict(self.headers.items()), body))
        match self.server.answer:
            case "cut":
                self.connection.shutdown(socket.SHUT_RDWR)
            case "rubbish":
                self.wfile.write(b"HELLO\r\n\r\n")
            case "silence":
                time.sleep(1)
            case "drip":
                for byte in b"HTTP/1.1 200 OK\r\n":
                    self.wfile.write(bytes([byte]))
                    time.sleep(0.1)
            case "endless":
                self.send_response(200)
                self.end_headers()
                for _ in range(2000):
                    self.wfile.write(b"x" * 65536)
            case code:
                self.send_response(int(code))
                if code.startswith("3"):
                    self.send_header("Location", f"{self.server.url}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

    def log_message(self, *args: Any) -> None: ...


def write_certificate(path: Path) -> Path:
    """A certificate for localhost that nobody else trusts, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(pem, pkcs8, plain) + made.public_bytes(pem))
    return path
