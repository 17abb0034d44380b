"""A partner's webhook, signed as Standard Webhooks say; only to public https addresses (S3)."""

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import SplitResult, quote, urlsplit

import orjson
from standardwebhooks import Webhook as Signer

from campaigns.channels.base import Channel, LineBroken, Refused, TryLater
from campaigns.messages import Finished

TIMEOUT_S = 10
# Addresses that carry another one inside, which may be anybody's: NAT64 and 6to4.
CARRIERS = [ipaddress.ip_network(name) for name in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16")]


def resolve(host: str, port: int) -> list[str]:
    """Every address a name has."""
    return sorted({str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)})


def is_public(address: str) -> bool:
    found = ipaddress.ip_address(address)
    if not found.is_global or found.is_multicast or getattr(found, "is_site_local", False):
        return False
    return not any(found in network for network in CARRIERS)


def _target(parts: SplitResult) -> str:
    """Path and query as they stand in a request; what is quoted already stays as it is."""
    whole = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return quote(whole, safe="/?%:@!$&'()*+,;=~")


class _Pinned(http.client.HTTPSConnection):
    """Speaks to the address that was checked, whatever the name says by now."""

    def __init__(self, address: str, host: str, port: int, context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=TIMEOUT_S, context=context)
        self._address, self._tls = address, context

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), TIMEOUT_S)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)


class Webhook(Channel):
    """`url` and `secret` (whsec_…) are the campaign's own; the other two are for tests of a local server."""

    def __init__(
        self,
        url: str = "",
        secret: str = "",
        *,
        context: ssl.SSLContext | None = None,
        public: Callable[[str], bool] = is_public,
    ) -> None:
        self.url, self._secret = url, secret
        self._context = context or ssl.create_default_context()
        self._public = public
        self._address = ""

    def open(self, message: Finished) -> None:
        try:
            parts = urlsplit(self.url)
            if parts.scheme != "https" or not parts.hostname:
                raise Refused("a webhook's address begins with https://")
            addresses = resolve(parts.hostname, parts.port or 443)
        except ValueError as error:
            raise Refused("this is no address") from error
        except OSError as error:
            raise TryLater(f"the name {parts.hostname} cannot be looked up") from error
        if not addresses or not all(self._public(address) for address in addresses):
            raise Refused(f"{parts.hostname} leads to an address that is not public")
        self._address = addresses[0]

    def _transmit(self, message: Finished) -> None:
        parts = urlsplit(self.url)
        body = orjson.dumps(message.payload).decode()
        now = datetime.now(UTC)
        message_id = message.message_id.strip("<>").partition("@")[0]
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Signer(self._secret).sign(message_id, now, body),
        }
        line = _Pinned(self._address, parts.hostname or "", parts.port or 443, self._context)
        try:
            line.connect()
        except OSError as error:
            raise TryLater(f"{type(error).__name__}: nobody to trust answers there") from error
        try:
            line.request("POST", _target(parts), body.encode(), headers)
            status = line.getresponse().status  # all that counts; what else is said is never read
        except (OSError, http.client.HTTPException) as error:
            raise LineBroken(f"{type(error).__name__} after the body began") from error
        finally:
            line.close()
        if status == 429 or status >= 500:
            raise TryLater(f"the receiver said {status}")
        if not 200 <= status < 300:
            raise Refused(f"the receiver said {status}")
