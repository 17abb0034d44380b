"""Sending the mails that double opt-in asks with. The waiting grants are the queue; each is asked about once.

As with every message: up to the server's 354 first, then the commit that uses the question up, then the body. A
sender that dies in between has asked nobody twice; the person can ask the shop again.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime

import structlog

from campaigns.channels.asking import Asking
from campaigns.channels.base import LineBroken, Refused, TryLater
from customers import encryption, installation, optin, suppression
from customers.models import PendingConsent, Suppression

PAGE = 100
log = structlog.get_logger()


def send_due(*, clock: Callable[[], datetime], limit: int = PAGE) -> Counter[str]:
    """Ask the next page of people who wait to be asked; answers how many ended how.

    asked, waiting (to be tried again), dropped (not to be asked after all), refused, unknown.
    """
    done: Counter[str] = Counter()
    if not installation.may_send(at=clock()):
        return done
    with Asking() as line:
        for pending in optin.waiting(at=clock(), limit=limit):
            done[_ask(pending, line, clock)] += 1
    return done


def _ask(pending: PendingConsent, line: Asking, clock: Callable[[], datetime]) -> str:
    try:
        address = encryption.unseal(pending.customer).get("email", "")
    except encryption.Unreadable:
        address = ""
    if not address:
        optin.drop(pending.pk)
        return "dropped"
    try:
        line.call(address)
    except TryLater:
        return "waiting"
    except Refused as error:
        return _refused(pending, address, error)
    try:
        question = optin.Question(pending.pk, at=clock())
    except optin.NotAskable as error:
        line.drop()
        optin.drop(pending.pk)
        log.info("not asked", pending=pending.pk, reason=str(error))
        return "dropped"
    if question.address != address:  # changed meanwhile: the next round calls the new one
        line.drop()
        optin.unask(question)
        return "waiting"
    try:
        line.ask(question)
    except TryLater:
        optin.unask(question)
        return "waiting"
    except Refused as error:
        return _refused(pending, address, error)
    except LineBroken:
        return "unknown"
    return "asked"


def _refused(pending: PendingConsent, address: str, error: Refused) -> str:
    if error.is_hard_bounce:
        suppression.add(address, reason=Suppression.Reason.HARD_BOUNCE, source="double opt-in")
    optin.drop(pending.pk)
    return "refused"
