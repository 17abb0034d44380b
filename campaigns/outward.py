"""Speaking to addresses that others wrote down: only to public ones, and to the very address that was checked (S3)."""

import http.client
import io
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

from standardwebhooks import Webhook as Signer

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
        # Head and body are two writes; the second would wait for the first to be confirmed, 40 ms on most systems.
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host) if self._tls else plain


# --- a signed POST ---------------------------------------------------------------------------------------------------

TIMEOUT_S = 10
MOST_BYTES = 1024 * 1024


class NotAllowed(Exception):
    """This is no https address, or it leads where others have no business."""


class Unreachable(Exception):
    """Nobody to trust answers there; nothing was said."""


class Broken(Exception):
    """The line broke after the body began: whether it arrived is unknown."""


@dataclass(frozen=True)
class Place:
    """An address that was looked up and checked."""

    parts: SplitResult
    address: str


@dataclass(frozen=True)
class Way:
    """How others are spoken to. The first two are for tests of a local server."""

    context: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    public: Callable[[str], bool] = is_public
    timeout_s: float = TIMEOUT_S

    def look_up(self, url: str) -> Place:
        """Raises NotAllowed, Unreachable. One private address among public ones is enough to refuse."""
        parts = parts_of(url)
        try:
            addresses = resolve(parts.hostname or "", parts.port or 443)
        except ValueError as error:
            raise NotAllowed("this is no address") from error
        except OSError as error:
            raise Unreachable(f"the name {parts.hostname} cannot be looked up") from error
        if not addresses or not all(self.public(address) for address in addresses):
            raise NotAllowed(f"{parts.hostname} leads to an address that is not public")
        return Place(parts, addresses[0])

    def post(self, place: Place, body: bytes, headers: Mapping[str, str]) -> int:
        """Say it and answer the status, which is all that counts: no redirect is followed and no body read.

        All of it takes `timeout_s` at most, however slowly the other side speaks. Raises Unreachable, Broken.
        """
        until = time.monotonic() + self.timeout_s
        parts = place.parts
        line = Pinned(
            place.address, parts.hostname or "", parts.port or 443, self.context, timeout=self.timeout_s
        )
        try:
            line.connect()
        except OSError as error:
            raise Unreachable(f"{type(error).__name__}: nobody to trust answers there") from error
        try:
            line.sock.settimeout(max(until - time.monotonic(), 0.001))
            line.request("POST", target(parts), body, dict(headers))
            return _status(line.sock, until)
        except (OSError, http.client.HTTPException) as error:
            raise Broken(f"{type(error).__name__} after the body began") from error
        finally:
            line.close()


def parts_of(url: str) -> SplitResult:
    """The parts of an https address. Raises NotAllowed for anything else."""
    try:
        parts = urlsplit(url)
        is_good = parts.scheme == "https" and bool(parts.hostname)
        _port = parts.port  # a number that is none is told here
    except ValueError as error:
        raise NotAllowed("this is no address") from error
    if not is_good:
        raise NotAllowed("a webhook's address begins with https://")
    return parts


def signed(message_id: str, body: bytes, secrets: Sequence[str], *, at: datetime) -> dict[str, str]:
    """The headers of Standard Webhooks: signed by each secret, so that whoever knows one of them is understood."""
    signatures = [Signer(secret).sign(message_id, at, body.decode()) for secret in secrets]
    return {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _status(line: socket.socket, until: float) -> int:
    answer = http.client.HTTPResponse(_Listening(line, until), method="POST")  # type: ignore[arg-type]
    answer.begin()
    return answer.status


class _Listening(io.RawIOBase):
    """What the other side says, until the time is over and no more than a megabyte, whatever it says."""

    def __init__(self, line: socket.socket, until: float) -> None:
        self._line, self._until, self._left = line, until, MOST_BYTES

    def makefile(self, *_mode: Any) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left_s = self._until - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("the answer took too long")
        self._line.settimeout(left_s)
        found = self._line.recv_into(memoryview(buffer)[: self._left])
        self._left -= found
        return found
