"""Speaking to addresses that others wrote down: only to public ones, and to the very address that was checked (S3)."""

import http.client
import ipaddress
import socket
import ssl
from urllib.parse import SplitResult, quote

# Addresses that carry another one inside, which may be anybody's: NAT64 and 6to4.
CARRIERS = [ipaddress.ip_network(name) for name in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16")]


def resolve(host: str, port: int) -> list[str]:
    """Every address a name has. Raises OSError, and ValueError for what is no name."""
    return sorted({str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)})


def is_public(address: str) -> bool:
    found = ipaddress.ip_address(address)
    if not found.is_global or found.is_multicast or getattr(found, "is_site_local", False):
        return False
    return not any(found in network for network in CARRIERS)


def target(parts: SplitResult) -> str:
    """Path and query as they stand in a request; what is quoted already stays as it is."""
    whole = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return quote(whole, safe="/?%:@!$&'()*+,;=~")


class Pinned(http.client.HTTPSConnection):
    """Speaks to the address that was checked, whatever the name says by now; without a context, in the plain."""

    def __init__(
        self, address: str, host: str, port: int, context: ssl.SSLContext | None, *, timeout: float
    ) -> None:
        super().__init__(host, port, timeout=timeout, context=context)
        self._address, self._tls = address, context

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), self.timeout)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host) if self._tls else plain
