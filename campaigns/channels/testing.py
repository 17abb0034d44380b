"""A message on trial: to whoever works on it, and to nobody else.

`Channel.send` keeps its lock: this mail's purpose is none that a Permission can be made for. What stands in for the
permission is that the address is the sender's own.
"""

import secrets
from dataclasses import replace

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User

from campaigns.channels.base import WrongPermission
from campaigns.channels.email import Email
from campaigns.messages import Finished

PURPOSE = "test"


def addresses_of(user: AbstractBaseUser | AnonymousUser) -> list[str]:
    """Where this member of staff may send a test: their own address first, then the shop's test mailboxes."""
    if not isinstance(user, User) or not (user.is_active and user.is_staff):
        return []
    shared = settings.TEST_ADDRESSES
    return list(dict.fromkeys(address for address in (user.email, *shared) if address))


class Testing(Email):
    """No other message leaves by it, so it needs no line of several."""

    def try_out(self, message: Finished, *, to: str, by: AbstractBaseUser | AnonymousUser) -> None:
        """Send it now. Raises WrongPermission, TryLater, Refused, LineBroken."""
        if to not in addresses_of(by):
            raise WrongPermission("a test goes to one's own address only")
        host = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip(" >") or "localhost"
        mail = replace(
            message,
            customer_id=0,
            purpose=PURPOSE,
            address=to,
            subject=f"[Test] {message.subject}",
            message_id=f"<tact-test-{secrets.token_hex(12)}@{host}>",
            # RFC 3834: no out-of-office answer; and no way out that would end somebody's permission.
            headers={"Auto-Submitted": "auto-generated"},
            payload={},
        )
        self.open(mail)
        self._transmit(mail)
