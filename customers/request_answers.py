"""What the privacy officer may do with a demand: prove by hand, extend once, refuse with a reason, lift a restriction."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from customers import request_traces, requests
from customers.models import Jurisdiction, PrivacyRequest
from customers.requests import LIVING, NotPossible, State, Type


def prove_by_hand(pk: Any, *, how: str, by: str, at: datetime) -> PrivacyRequest:
    """Somebody saw who it is by another way, and says by which. Raises NotPossible."""
    how = _reason(how)
    with transaction.atomic():
        row = requests.held(pk)
        if row.state != State.UNPROVEN:
            raise NotPossible(_("This request does not wait for a proof."))
        requests.mark_proven(row, f"staff:{by}", at=at)
        requests.note(row, "identity", f"{request_traces.BY_HAND}: {how}", at=at, by=by)
        row.save()
        return row


def extend(pk: Any, *, reason: str, by: str, at: datetime) -> PrivacyRequest:
    """One more period, once, before the first is over; the person is told why (GDPR 12(3)). Raises NotPossible."""
    reason = _reason(reason)
    with transaction.atomic():
        row = requests.held(pk)
        if row.state not in LIVING or row.customer is None:
            raise NotPossible(_("This request has ended."))
        if row.extended_reason:
            raise NotPossible(_("It was extended already; that is allowed once."))
        if row.due_at <= at:
            raise NotPossible(_("It is overdue; only before that could it be extended."))
        row.extended_reason = reason
        days = Jurisdiction.objects.filter(code=row.customer.jurisdiction).values_list(
            "answer_days", flat=True
        )
        row.due_at = requests.later(row.due_at, days.first() or requests.MONTH_DAYS)
        requests.note(row, "clock", "extended", at=at, by=by)
        row.save()
        return row


def refuse(pk: Any, *, reason: str, by: str, at: datetime) -> PrivacyRequest:
    """Say no, with a reason that the person gets. Raises NotPossible; of an objection always (GDPR 21(3))."""
    reason = _reason(reason)
    with transaction.atomic():
        row = requests.held(pk)
        if row.type == Type.OBJECTION:
            raise NotPossible(_("An objection to marketing cannot be refused."))
        if row.state not in (State.UNPROVEN, State.OPEN):
            raise NotPossible(_("This request is being worked on, or has ended."))
        row.why = reason
        requests.note(row, "request", "refused", at=at, by=by)
        requests.end(row, State.REFUSED, at=at)
        return row


def ask_lifting(pk: Any, *, by: str, at: datetime) -> PrivacyRequest:
    """Let a restriction end: the person is told first (GDPR 18(3)), then it is lifted. Raises NotPossible."""
    with transaction.atomic():
        row = requests.held(pk)
        person = row.customer
        if (
            row.type != Type.RESTRICTION
            or row.state != State.DONE
            or person is None
            or person.restricted_at is None
        ):
            raise NotPossible(_("There is no restriction to lift."))
        if requests.last_step(row, "restriction", "to be lifted") is not None:
            raise NotPossible(_("It is being lifted already; the person is told first."))
        requests.note(row, "restriction", "to be lifted", at=at, by=by)
        row.save()
        return row


def _reason(words: str) -> str:
    """What staff write to a person: some words, and no link, so that it cannot become an advertisement."""
    words = " ".join(words.split())
    if len(words) < 5:
        raise NotPossible(_("Say why, in words the person will understand."))
    if len(words) > requests.LONGEST_WORDS:
        raise NotPossible(_("That is too long: %s characters at most.") % requests.LONGEST_WORDS)
    if "://" in words or "www." in words.casefold():
        raise NotPossible(_("A reason holds no link."))
    return words
