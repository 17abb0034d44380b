"""What a person demands: asked, proven by their own click, on the clock, and told about at every turn.

    asked → unproven → open → working → done          (`customers.request_work` does the work)
                │        ├──→ refused, with a reason
                └→ lapsed after seven days without a click

A clock runs from the asking. Two demands of one kind at once are one. What takes something away from a person is done
only after a click in a mail to the address we hold, or on their own preference page, whose link came by such a mail.
An objection needs neither: a no always counts.
"""

import hashlib
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dateutil.relativedelta import relativedelta
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers import consent, encryption
from customers.models import Customer, Jurisdiction, PrivacyRequest

State, Type = PrivacyRequest.State, PrivacyRequest.Type
TOKEN = "rights"  # noqa: S105 - the kind of token, not a token
VALID_FOR = timedelta(days=7)
# A mail that got lost is sent anew for whoever asks again, once a day.
ASK_AGAIN_AFTER = timedelta(days=1)
MONTH_DAYS = 30
LIVING = (State.UNPROVEN, State.OPEN, State.WORKING)
CORRECTABLE = {
    "name": gettext_lazy("Name"),
    "email": gettext_lazy("E-mail"),
    "phone": gettext_lazy("Phone"),
    "country": gettext_lazy("Country"),
    "time_zone": gettext_lazy("Time zone"),
}
HINTS = {
    "country": gettext_lazy("two letters, such as DE"),
    "time_zone": gettext_lazy("such as Europe/Berlin"),
}
LONGEST_WORDS = 500
BY_PAGE, BY_CLICK, NEEDS_NONE = "own page", "click in a mail", "none needed: it only takes leave away"


class NotPossible(Exception):
    """This cannot be asked of this person, or done to this request as it stands; the text says why.

    field : the new word that is wrong, of CORRECTABLE; empty where it is nothing of the kind.
    """

    def __init__(self, why: str, *, field: str = "") -> None:
        super().__init__(why)
        self.field = field


class UnknownLink(Exception):
    """The token opens nothing; it says nothing about why."""


class Over(Exception):
    """The link of the mail did its one work already, or is older than seven days."""


@dataclass(frozen=True)
class Asked:
    request: PrivacyRequest
    is_new: bool


# --- the person's side -------------------------------------------------------------------------------------


def ask(
    customer: Customer,
    kind: str,
    *,
    source: str,
    at: datetime,
    details: Mapping[str, str] | None = None,
    proven_by: str = "",
) -> Asked:
    """Write a demand down, or find the one of its kind that is under way. Raises NotPossible.

    details : of a rectification, the new words by field (CORRECTABLE), and `note` for whatever else is wrong.
    proven_by : how we know that it is the person; empty lets a mail ask them.
    """
    if kind not in Type.values:
        raise NotPossible(_("There is no such request."))
    words = checked(details or {}) if kind == Type.RECTIFICATION else {}
    proven_by = NEEDS_NONE if kind == Type.OBJECTION and not proven_by else proven_by
    with transaction.atomic():
        person = consent.hold([customer.pk]).get(customer.pk)
        if (
            person is None
            or person.erased_at is not None
            or person.merged_into_id is not None
            or person.key is None
        ):
            raise NotPossible(_("There is nobody here any more."))
        before = _under_way(person, kind)
        if before is not None and before.state == State.UNPROVEN and before.asked_at <= at - VALID_FOR:
            end(before, State.LAPSED, at=at)
            before = None
        if before is None:
            sealed = encryption.seal(person.key, words) if words else b""
            row = PrivacyRequest(
                customer=person, customer_number=person.pk, type=kind, source=source[:50], sealed=sealed,
                asked_at=at, due_at=due_at(person, at=at),
            )  # fmt: skip
            if proven_by:
                mark_proven(row, proven_by, at=at)
            row.save(force_insert=True)
            return Asked(row, True)
        _join(before, person, words, proven_by=proven_by, at=at)
        return Asked(before, False)


def _under_way(person: Customer, kind: str) -> PrivacyRequest | None:
    rows = PrivacyRequest.objects.filter(customer=person, type=kind, state__in=LIVING)
    return rows.order_by("asked_at").first()


def _join(
    row: PrivacyRequest, person: Customer, words: dict[str, str], *, proven_by: str, at: datetime
) -> None:
    """A second asking: it may prove the first, or have its mail sent anew. Unproven words never change proven ones."""
    if row.state != State.UNPROVEN and not proven_by:
        return
    if words and person.key is not None and row.state != State.WORKING:
        earlier = {} if row.state == State.UNPROVEN and proven_by else details_of(row, person)
        if earlier != (both := earlier | words):
            row.sealed = encryption.seal(person.key, both)
            row.token_hash = ""  # the click that was asked for would now prove other words
    mailed = last_step(row, "mail", "identity")
    if mailed is None or datetime.fromisoformat(mailed["at"]) <= at - ASK_AGAIN_AFTER:
        row.token_hash = ""
    if row.state == State.UNPROVEN and proven_by:
        mark_proven(row, proven_by, at=at)
    row.save()


def mark_proven(row: PrivacyRequest, how: str, *, at: datetime) -> None:
    row.state, row.proven_at, row.proven_by, row.token_hash = State.OPEN, at, how[:100], ""


def due_at(person: Customer, *, at: datetime) -> datetime:
    """When the answer is due by the person's law. Thirty days stand for a month, which may be shorter (GDPR 12(3))."""
    days = Jurisdiction.objects.filter(code=person.jurisdiction).values_list("answer_days", flat=True).first()
    return later(at, MONTH_DAYS if days is None else days)


def later(moment: datetime, days: int) -> datetime:
    end = moment + timedelta(days=days)
    return min(end, moment + relativedelta(months=1)) if days == MONTH_DAYS else end


def checked(details: Mapping[str, str]) -> dict[str, str]:
    """The new words that can be taken on. Raises NotPossible where one cannot be, or there is none."""
    words = {name: str(value).strip() for name, value in details.items()}
    words = {name: value for name, value in words.items() if value}
    if unknown := sorted(words.keys() - {*CORRECTABLE, "note"}):
        raise NotPossible(_("%s cannot be corrected here; write it as a note.") % unknown[0])
    if not words:
        raise NotPossible(_("Say what is wrong, or the new words."))
    for name, value in words.items():
        if len(value) > LONGEST_WORDS:
            raise NotPossible(_("That is too long: %s characters at most.") % LONGEST_WORDS, field=name)
    if "email" in words:
        try:
            validate_email(words["email"])
        except ValidationError as error:
            raise NotPossible(_("This is not an e-mail address."), field="email") from error
    if "country" in words:
        words["country"] = words["country"].upper()
        if len(words["country"]) != 2 or not words["country"].isalpha():
            raise NotPossible(_("A country is written in two letters, such as DE."), field="country")
    if "time_zone" in words and words["time_zone"] not in zoneinfo.available_timezones():
        raise NotPossible(_("A time zone is written like Europe/Berlin."), field="time_zone")
    return words


def details_of(row: PrivacyRequest, person: Customer) -> dict[str, str]:
    """The new words of a rectification; none once it has ended. Raises encryption.Unreadable."""
    return encryption.unseal(Customer(key=person.key, sealed=bytes(row.sealed))) if row.sealed else {}


def token_for(row: PrivacyRequest, person: Customer) -> str:
    """A fresh token for the mail that asks; only its hash is kept, and the former one works no more."""
    token = encryption.opaque_token(TOKEN, row.pk.bytes + person.email_index.encode())
    row.token_hash = _hash(token)
    return token


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def look(token: str, *, at: datetime) -> PrivacyRequest:
    """The request that the link would prove; changes nothing. Raises UnknownLink, Over."""
    try:
        content = encryption.open_token(TOKEN, token)
    except encryption.Unreadable as error:
        raise UnknownLink from error
    number, index = content[:16].hex(), content[16:].decode()
    row = PrivacyRequest.objects.select_related("customer__key").filter(pk=number).first()
    if row is None:
        raise UnknownLink
    person = row.customer
    fits = row.state == State.UNPROVEN and row.token_hash == _hash(token) and row.asked_at > at - VALID_FOR
    if not fits or person is None or person.erased_at is not None:
        raise Over
    if not encryption.is_indexed(person, "email", index):
        raise Over
    return row


def prove(token: str, *, at: datetime) -> PrivacyRequest:
    """The person's click, once. Raises UnknownLink, Over."""
    found = look(token, at=at)
    with transaction.atomic():
        row = held(found.pk)
        look(token, at=at)  # under the lock: of two clicks at once one is late
        mark_proven(row, BY_CLICK, at=at)
        row.save()
        return row


def held(pk: Any) -> PrivacyRequest:
    """The request under its own lock, after its person's, which is always taken first. In a transaction."""
    person = PrivacyRequest.objects.filter(pk=pk).values_list("customer_id", flat=True).first()
    if person is not None:
        consent.hold([person])
    rows = PrivacyRequest.objects.select_for_update(of=("self",)).select_related("customer__key")
    return rows.get(pk=pk)


# --- evidence ----------------------------------------------------------------------------------------------------


def note(row: PrivacyRequest, store: str, what: str, *, at: datetime, rows: int = 0, by: str = "") -> None:
    """One more line of evidence; it names no person. To be saved in the transaction of what it tells of."""
    line = {"store": store, "what": what, "rows": rows, "at": at.isoformat()}
    row.steps = [*row.steps, line | ({"by": by} if by else {})]


def last_step(row: PrivacyRequest, store: str, what: str = "") -> dict[str, Any] | None:
    lines = [line for line in row.steps if line["store"] == store and what in ("", line["what"])]
    return lines[-1] if lines else None


def end(row: PrivacyRequest, state: str, *, at: datetime) -> None:
    row.state, row.ended_at, row.sealed, row.token_hash = state, at, b"", ""
    row.save()


def end_done(row: PrivacyRequest, *, at: datetime) -> None:
    row.state, row.ended_at = State.DONE, at
    if row.type != Type.ERASURE:  # there the address of the last mail waits, until that has left
        row.sealed = b""
    row.save()


def lapse_old(*, at: datetime) -> int:
    """End what was never proven, and what lost its person meanwhile; how many. Two statements."""
    living = PrivacyRequest.objects.filter(state__in=LIVING)
    ended = {"ended_at": at, "sealed": b"", "token_hash": ""}
    count = living.filter(state=State.UNPROVEN, asked_at__lte=at - VALID_FOR).update(
        state=State.LAPSED, **ended
    )
    gone = Q(customer__isnull=True) & ~Q(type=Type.ERASURE, state=State.WORKING)
    return count + living.filter(gone).update(state=State.LAPSED, why="erased meanwhile", **ended)
