"""Sending a message to oneself before anybody gets it. It is no delivery: nothing is decided, counted or tracked."""

from datetime import datetime

import structlog
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.utils.translation import gettext as _

from campaigns import previews
from campaigns.channels.base import LineBroken, Refused, TryLater, WrongPermission
from campaigns.channels.testing import Testing, addresses_of
from campaigns.liquid_templates import Aborted, TemplateFailed
from campaigns.models import Message

Person = AbstractBaseUser | AnonymousUser
log = structlog.get_logger()


class NotSent(Exception):
    """The test did not go out. The message says why."""


def addresses(by: Person) -> list[str]:
    """Where this member of staff may send a test; empty when they have no address."""
    return addresses_of(by)


def send(message: Message, *, to: str, by: Person, language: str, at: datetime) -> None:
    """One mail to one's own address, as someone made up would get it: no customer's data leaves. Raises NotSent."""
    try:
        finished = previews.made_up(message, language=language, at=at)
        with Testing() as line:
            line.try_out(finished, to=to, by=by)
    except (TemplateFailed, Aborted) as failed:
        raise NotSent(_("The message cannot be made: %s") % failed) from failed
    except WrongPermission as refused:
        raise NotSent(_("A test goes to your own address only.")) from refused
    except (TryLater, Refused) as refused:
        raise NotSent(_("The mail server did not take it: %s") % refused) from refused
    except LineBroken as broken:
        raise NotSent(_("The line broke while it was sent; it may have arrived.")) from broken
    log.info("a test was sent", message=message.pk, language=language, by=by.pk)
