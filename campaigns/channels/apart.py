"""What the mails share that may go without leave: they are made in one place each, for the address that was called."""

from email.utils import parseaddr
from typing import Any

from django.conf import settings

from campaigns.channels.email import Email
from campaigns.messages import Finished


class Apart(Email):
    """`call` an address, then transmit what was made for it, or `drop`."""

    purpose = ""

    def __init__(self) -> None:
        super().__init__()
        self._called = ""

    def call(self, address: str) -> None:
        """Everything before the point of no return. Raises TryLater, Refused."""
        self.open(mail(address, purpose=self.purpose))
        self._called = address


def frame() -> dict[str, Any]:
    """Whose mail it is: what every template of them shows."""
    return {"shop": parseaddr(settings.DEFAULT_FROM_EMAIL)[0], "postal_address": settings.POSTAL_ADDRESS}


def host() -> str:
    """The sender's, for a Message-ID."""
    return settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip(" >") or "localhost"


def mail(
    address: str,
    *,
    purpose: str,
    customer_id: int = 0,
    subject: str = "",
    html: str = "",
    text: str = "",
    message_id: str = "",
) -> Finished:
    return Finished(
        customer_id=customer_id,
        purpose=purpose,
        address=address,
        subject=subject,
        html=html,
        text=text,
        message_id=message_id,
        # RFC 3834: no out-of-office answer to this.
        headers={"Auto-Submitted": "auto-generated"},
        payload={},
    )
