"""A partner's webhook, signed as Standard Webhooks say; only to public https addresses (S3)."""

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlsplit

import orjson
from standardwebhooks import Webhook as Signer

from campaigns.channels.base import Channel, LineBroken, Refused, TryLater
from campaigns.messages import Finished

TIMEOUT_S = 10
MAX_ANSWER = 1024 * 1024
Resolver = Callable[[str, int], list[str]]


def resolve(host: str, port: int) -> list[str]:
    """Every address a name has."""
    return sorted({str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)})


def is_public(address: str) -> bool:
    return ipaddress.ip_address(address).is_global


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
        parts = urlsplit(self.url)
        if parts.scheme != "https" or not parts.hostname:
            raise Refused("a webhook's address begins with https://")
        try:
            addresses = resolve(parts.hostname, parts.port or 443)
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
            path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
            line.request("POST", path, body.encode(), headers)
            answer = line.getresponse()
            answer.read(MAX_ANSWER)
        except ConnectionRefusedError as error:
            raise TryLater("nobody answers there") from error
        except (OSError, http.client.HTTPException) as error:
            raise LineBroken(f"{type(error).__name__} after the body began") from error
        finally:
            line.close()
        if answer.status == 429 or answer.status >= 500:
            raise TryLater(f"the receiver said {answer.status}")
        if not 200 <= answer.status < 300:
            raise Refused(f"the receiver said {answer.status}")
