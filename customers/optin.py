"""Double opt-in: a yes waits until its person confirms it from their own mailbox.

A waiting grant allows nothing. The rows are the queue: whoever may send mail takes those with an empty `asked_at`,
makes a `Question` of each, and sends that and nothing else.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from customers import consent, encryption, purposes, suppression
from customers.consent import Evidence
from customers.models import ConsentRecord, ConsentState, Customer, PendingConsent
from customers.purposes import ShownText

METHOD = "double opt-in"
TOKEN = "confirm"  # noqa: S105 - the kind of token, not a token
VALID_FOR = timedelta(days=7)
# Nobody is asked the same thing twice within a day, whoever types their address into a form; and a mail that could
# not leave for a day is given up.
ASK_AGAIN_AFTER = timedelta(days=1)


class NotAskable(Exception):
    """This person is not asked by mail; the text says why."""


class NotOpen(Exception):
    """The link of the mail cannot confirm any more."""


class Used(NotOpen):
    """It did its one work already."""


class Expired(NotOpen):
    """Older than seven days, or the person's address is another by now."""


class UnknownLink(Exception):
    """The token opens nothing; it says nothing about why."""


def ask(
    customer: Customer,
    purpose: str,
    *,
    source: str,
    at: datetime,
    language: str = "en",
    notice: str = "",
) -> PendingConsent:
    """Let a yes wait for its confirmation. The newest question of a day is answered instead of a second one.

    notice : `slug@version` of the words the person saw; empty for those that hold now.
    Raises NotAskable, purposes.UnknownNotice.
    """
    if purpose not in purposes.PURPOSES:
        raise NotAskable(f"{purpose!r} is no purpose")
    shown = (
        purposes.find_notice(notice, language, purpose)
        if notice
        else purposes.current_notice(purpose, language)
    )
    with transaction.atomic():
        held = consent.hold([customer.pk]).get(customer.pk)
        _check(held, purpose)
        waiting = PendingConsent.objects.filter(
            customer_id=customer.pk, purpose=purpose, confirmed_at__isnull=True
        )
        recent = (
            waiting.filter(expires_at__gt=at + VALID_FOR - ASK_AGAIN_AFTER).order_by("-expires_at").first()
        )
        if recent is not None:
            return recent
        waiting.delete()  # only the newest link works
        return PendingConsent.objects.create(
            customer_id=customer.pk,
            purpose=purpose,
            notice=shown.notice,
            language=shown.language,
            source=source,
            # Nobody knows a token for this hash: the real one is made when the mail leaves.
            token_hash=_hash(encryption.opaque_token(TOKEN, b"")),
            expires_at=at + VALID_FOR,
        )


def _check(customer: Customer | None, purpose: str) -> None:
    """Raise NotAskable unless the person is here, has an address that may be written to, and has not said yes."""
    if customer is None or customer.erased_at is not None or customer.merged_into_id is not None:
        raise NotAskable("unknown person")
    if not customer.email_index:
        raise NotAskable("no address")
    if suppression.is_listed(customer):
        raise NotAskable("the address is on the suppression list")
    if ConsentState.objects.filter(customer=customer, purpose=purpose, granted=True).exists():
        raise NotAskable("allowed already")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def waiting(*, at: datetime, limit: int) -> list[PendingConsent]:
    """The next questions nobody has mailed yet, oldest first."""
    rows = PendingConsent.objects.filter(
        asked_at__isnull=True, confirmed_at__isnull=True, expires_at__gt=at + VALID_FOR - ASK_AGAIN_AFTER
    )
    return list(rows.select_related("customer__key").order_by("pk")[:limit])


class Question:
    """Proof that one waiting grant may be asked about by one mail. Making one is the check, and uses it up.

    It carries the words of the notice and the link, and no room for anything else. Raises NotAskable, purposes.UnknownNotice.
    """

    __slots__ = ("address", "customer_id", "language", "notice", "pending_id", "token")

    address: str
    customer_id: int
    language: str
    notice: ShownText
    pending_id: int
    token: str

    def __init__(self, pending_id: int, *, at: datetime) -> None:
        with transaction.atomic():
            row = _held(pending_id)
            if (
                row is None
                or row.asked_at is not None
                or row.confirmed_at is not None
                or row.expires_at <= at
            ):
                raise NotAskable("not waiting")
            _check(row.customer, row.purpose)
            self.notice = purposes.find_notice(row.notice, row.language, row.purpose)
            content = f"{row.pk}:{row.customer.email_index}"
            self.token = encryption.opaque_token(TOKEN, content.encode())
            self.address = encryption.unseal(row.customer).get("email", "")
            row.token_hash, row.asked_at, row.expires_at = _hash(self.token), at, at + VALID_FOR
            row.save(update_fields=["token_hash", "asked_at", "expires_at"])
        self.pending_id, self.customer_id, self.language = row.pk, row.customer_id, row.language


def _held(pending_id: int) -> PendingConsent | None:
    """The row under its person's lock, which is always taken first."""
    customer_id = PendingConsent.objects.filter(pk=pending_id).values_list("customer_id", flat=True).first()
    if customer_id is None:
        return None
    consent.hold([customer_id])
    return PendingConsent.objects.select_related("customer__key").filter(pk=pending_id).first()


def unask(question: Question) -> None:
    """The mail did not leave: let the grant wait again."""
    PendingConsent.objects.filter(pk=question.pending_id, token_hash=_hash(question.token)).update(
        asked_at=None
    )


def drop(pending_id: int) -> None:
    """The person is not to be asked after all."""
    PendingConsent.objects.filter(pk=pending_id, confirmed_at__isnull=True).delete()


@dataclass(frozen=True)
class Opened:
    """What a link of the mail is about."""

    pending_id: int
    customer: Customer
    notice: ShownText


def look(token: str, *, at: datetime) -> Opened:
    """What the link would confirm; changes nothing. Raises UnknownLink, Used, Expired."""
    pending_id, _index = _parts(token)
    row = PendingConsent.objects.select_related("customer__key").filter(pk=pending_id).first()
    return _opened(row, token, at)


def confirm(token: str, *, at: datetime) -> ConsentRecord:
    """The person says yes from their mailbox, once. Raises UnknownLink, Used, Expired."""
    pending_id, _index = _parts(token)
    with transaction.atomic():
        row = _held(pending_id)
        _opened(row, token, at)
        if row is None:
            raise UnknownLink
        record = consent.give(
            row.customer_id,
            row.purpose,
            evidence=Evidence(row.notice, row.language, METHOD, row.source, "customer"),
            at=at,
        )
        PendingConsent.objects.filter(pk=row.pk).update(confirmed_at=at)
        return record


def _parts(token: str) -> tuple[int, str]:
    try:
        pending_id, _colon, index = encryption.open_token(TOKEN, token).decode().partition(":")
        return int(pending_id), index
    except (encryption.Unreadable, ValueError) as error:
        raise UnknownLink from error


def _opened(row: PendingConsent | None, token: str, at: datetime) -> Opened:
    _pending_id, index = _parts(token)
    if row is None or row.token_hash != _hash(token):
        raise Expired  # dropped, or asked anew since
    customer = row.customer
    if row.confirmed_at is not None:
        raise Used
    if row.expires_at <= at or not encryption.is_indexed(customer, "email", index):
        raise Expired
    if customer.erased_at is not None or customer.merged_into_id is not None:
        raise Expired
    return Opened(row.pk, customer, purposes.find_notice(row.notice, row.language, row.purpose))
