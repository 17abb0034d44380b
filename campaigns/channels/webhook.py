"""A partner's webhook, signed as Standard Webhooks say; only to public https addresses (S3)."""

import http.client
import ssl
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

import orjson
from standardwebhooks import Webhook as Signer

from campaigns import outward
from campaigns.channels.base import Channel, LineBroken, Refused, TryLater
from campaigns.messages import Finished

TIMEOUT_S = 10


class Webhook(Channel):
    """`url` and `secret` (whsec_…) are the campaign's own; the last two are for tests of a local server.

    earlier : secrets that a receiver may still know; each signs too, as Standard Webhooks say of rotation.
    """

    def __init__(
        self,
        url: str = "",
        secret: str = "",
        *,
        earlier: Sequence[str] = (),
        context: ssl.SSLContext | None = None,
        public: Callable[[str], bool] = outward.is_public,
    ) -> None:
        self.url, self._secrets = url, (secret, *earlier)
        self._context = context or ssl.create_default_context()
        self._public = public
        self._address = ""

    def open(self, message: Finished) -> None:
        try:
            parts = urlsplit(self.url)
            if parts.scheme != "https" or not parts.hostname:
                raise Refused("a webhook's address begins with https://")
            addresses = outward.resolve(parts.hostname, parts.port or 443)
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
            "webhook-signature": " ".join(
                Signer(secret).sign(message_id, now, body) for secret in self._secrets
            ),
        }
        line = outward.Pinned(
            self._address, parts.hostname or "", parts.port or 443, self._context, timeout=TIMEOUT_S
        )
        try:
            line.connect()
        except OSError as error:
            raise TryLater(f"{type(error).__name__}: nobody to trust answers there") from error
        try:
            line.request("POST", outward.target(parts), body.encode(), headers)
            status = line.getresponse().status  # all that counts; what else is said is never read
        except (OSError, http.client.HTTPException) as error:
            raise LineBroken(f"{type(error).__name__} after the body began") from error
        finally:
            line.close()
        if status == 429 or status >= 500:
            raise TryLater(f"the receiver said {status}")
        if not 200 <= status < 300:
            raise Refused(f"the receiver said {status}")
