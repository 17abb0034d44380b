"""A partner's webhook, signed as Standard Webhooks say; only to public https addresses (S3)."""

import ssl
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import orjson

from campaigns import outward
from campaigns.channels.base import Channel, LineBroken, Refused, TryLater
from campaigns.messages import Finished

TIMEOUT_S = outward.TIMEOUT_S


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
        self._place: outward.Place | None = None

    @property
    def _way(self) -> outward.Way:
        return outward.Way(self._context, self._public, TIMEOUT_S)

    def open(self, message: Finished) -> None:
        try:
            self._place = self._way.look_up(self.url)
        except outward.NotAllowed as error:
            raise Refused(str(error)) from error
        except outward.Unreachable as error:
            raise TryLater(str(error)) from error

    def _transmit(self, message: Finished) -> None:
        assert self._place is not None, "a message is opened before it is sent"  # noqa: S101
        body = orjson.dumps(message.payload)
        message_id = message.message_id.strip("<>").partition("@")[0]
        headers = outward.signed(message_id, body, self._secrets, at=datetime.now(UTC))
        try:
            status = self._way.post(self._place, body, headers)
        except outward.Unreachable as error:
            raise TryLater(str(error)) from error
        except outward.Broken as error:
            raise LineBroken(str(error)) from error
        if status == 429 or status >= 500:
            raise TryLater(f"the receiver said {status}")
        if not 200 <= status < 300:
            raise Refused(f"the receiver said {status}")
