"""Sending the mails that answer what people demand. The requests are the queue; each mail leaves once.

As with every message: up to the server's 354 first, then the commit that uses the letter up, then the body. A sender
that dies in between has told nobody twice.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import structlog

from campaigns.channels.answering import Answering
from campaigns.channels.base import LineBroken, Refused, Slows, TryLater
from customers import installation, letters, suppression
from customers.models import PrivacyRequest, Suppression

PAGE = 500
log = structlog.get_logger()


def send_due(*, clock: Callable[[], datetime], limit: int = PAGE) -> Counter[str]:
    """Send the next mails that are owed; answers how many ended how.

    sent, waiting (to be tried again), dropped (not due after all), refused, unknown.
    """
    done: Counter[str] = Counter()
    if not installation.may_send(at=clock()):
        return done
    with Answering() as line:
        for request_id, kind in letters.due(at=clock(), limit=limit):
            try:
                done[_send(request_id, kind, line, clock)] += 1
            except TryLater as later:
                done["waiting"] += 1
                if later.slows == Slows.EVERYBODY:
                    break
    return done


def _send(request_id: UUID, kind: str, line: Answering, clock: Callable[[], datetime]) -> str:
    """How the mail ended. Raises TryLater, which leaves it due."""
    row = PrivacyRequest.objects.select_related("customer__key").get(pk=request_id)
    address, _language = letters.address_of(row)
    if not address:
        letters.give_up(request_id, kind, why="no address", at=clock())
        return "dropped"
    try:
        line.call(address)
    except Refused as error:
        _remember(address, error)
        letters.give_up(request_id, kind, why="the address takes no mail", at=clock())
        return "refused"
    try:
        letter = letters.Letter(request_id, kind, at=clock())
    except letters.NotDue:
        line.drop()
        return "dropped"
    if letter.address != address:  # changed meanwhile: the next round calls the new one
        line.drop()
        letters.unsend(letter)
        return "waiting"
    try:
        line.answer(letter)
    except TryLater:
        letters.unsend(letter)
        raise
    except Refused as error:
        _remember(address, error)
        letters.fail(letter, why="the address takes no mail")
        return "refused"
    except LineBroken:
        letters.fail(letter, why="the line broke: its fate is unknown")
        return "unknown"
    letters.sent(letter)
    return "sent"


def _remember(address: str, error: Refused) -> None:
    log.warning("an answer to a person was refused", is_hard_bounce=error.is_hard_bounce)
    if error.is_hard_bounce:
        suppression.add(address, reason=Suppression.Reason.HARD_BOUNCE, source="privacy request")
