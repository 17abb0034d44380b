"""The mails that answer a demand: one that asks whether it was the person, and one at every turn.

The requests are the queue. A `Letter` is made for one mail of one request: making it is the check and uses it up. It
has room for what was demanded and what came of it, and for nothing else; its words stand in `templates/people/rights_letter.*`.
It goes to suppressed addresses too, because it is an answer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.functional import Promise

from customers import encryption, export_files, requests
from customers.models import Customer, PrivacyRequest
from customers.request_work import FAREWELL, FAREWELL_KEPT_FOR
from customers.requests import LIVING, State, Type

KINDS = ("identity", "extended", "lifting", "refused", "done")
EXPORT = "rights export"
# An answer that could not leave for so long is given up; the desk shows that it never left.
TRIED_FOR = FAREWELL_KEPT_FOR
COPIES = (Type.ACCESS, Type.PORTABILITY)


class NotDue(Exception):
    """There is nothing, or nobody any more, to write to."""


def due(*, at: datetime, limit: int) -> list[tuple[UUID, str]]:
    """(request, kind) of the next mails, oldest first. One query; what ended long ago is not read."""
    reachable = Q(customer__email_index__gt="")
    waiting = Q(state=State.UNPROVEN, token_hash="", asked_at__gt=at - requests.VALID_FOR)
    longer = Q(state__in=LIVING) & ~Q(extended_reason="")
    ended = Q(state__in=(State.DONE, State.REFUSED), ended_at__gt=at - TRIED_FOR)
    lifting = Q(type=Type.RESTRICTION, state=State.DONE, customer__restricted_at__isnull=False)
    farewell = Q(type=Type.ERASURE, state=State.DONE, ended_at__gt=at - TRIED_FOR) & ~Q(sealed=b"")
    rows = PrivacyRequest.objects.filter(reachable & (waiting | longer | ended | lifting) | farewell)
    columns = ("pk", "type", "state", "token_hash", "steps", "extended_reason", "ended_at")
    found: list[tuple[UUID, str]] = []
    for row in rows.order_by("asked_at").only(*columns).iterator(chunk_size=500):
        found += [(row.pk, kind) for kind in _kinds(row, at=at)]
        if len(found) >= limit:
            break
    return found[:limit]


def _kinds(row: PrivacyRequest, *, at: datetime) -> Iterator[str]:
    """The mails that this request still owes."""
    if row.state == State.UNPROVEN and not row.token_hash:
        yield "identity"
    if row.extended_reason and row.state in LIVING and not _left(row, "extended"):
        yield "extended"
    is_fresh = row.ended_at is not None and row.ended_at > at - TRIED_FOR
    if row.state == State.REFUSED and is_fresh and not _left(row, "refused"):
        yield "refused"
    if row.state == State.DONE and is_fresh and not _left(row, "done"):
        yield "done"
    if requests.last_step(row, "restriction", "to be lifted") and not _left(row, "lifting"):
        yield "lifting"


def _left(row: PrivacyRequest, kind: str) -> bool:
    return any(requests.last_step(row, "mail", what) for what in (kind, f"{kind}: failed"))


@dataclass(frozen=True)
class Contents:
    """What a mail tells: no address, no name, nothing of the shop's offers."""

    kind: str
    type: str
    asked_at: datetime
    due_at: datetime
    reason: str = ""
    link: str = ""
    until: datetime | None = None
    fields: tuple[Promise, ...] = ()
    """What was corrected, in words."""


class Letter:
    """Proof that one mail of one request may leave now. Raises NotDue."""

    __slots__ = ("address", "contents", "language", "request_id")

    address: str
    contents: Contents
    language: str
    request_id: UUID

    def __init__(self, request_id: UUID, kind: str, *, at: datetime) -> None:
        with transaction.atomic():
            row = requests.held(request_id)
            if kind not in _kinds(row, at=at):
                raise NotDue(kind)
            self.address, locale = address_of(row)
            if not self.address:
                raise NotDue("no address")
            self.contents = _contents(row, kind, at=at)
            requests.note(row, "mail", kind, rows=1, at=at)
            row.save()
        self.request_id = row.pk
        self.language = "zh-hans" if locale.lower().startswith("zh") else "en"


def address_of(row: PrivacyRequest) -> tuple[str, str]:
    """(address, language) that a mail of this request goes to; empty where there is none (any more)."""
    try:
        if row.customer is not None:
            return encryption.unseal(row.customer).get("email", ""), row.customer.locale
        if row.type == Type.ERASURE and row.sealed:
            said = orjson.loads(encryption.open_token(FAREWELL, bytes(row.sealed).decode()))
            return said["address"], said["language"]
    except encryption.Unreadable:
        pass
    return "", ""


def _contents(row: PrivacyRequest, kind: str, *, at: datetime) -> Contents:
    link, until = "", None
    fields: tuple[Promise, ...] = ()
    if kind == "identity" and row.customer is not None:
        link = f"{settings.PUBLIC_URL}/privacy/request/{requests.token_for(row, row.customer)}/"
        until = row.asked_at + requests.VALID_FOR
    if kind == "done" and row.type in COPIES and row.customer is not None:
        link = export_url(row, row.customer)
        until = (row.ended_at or at) + export_files.KEPT_FOR
    if kind == "done" and row.type == Type.RECTIFICATION:
        done = {line["what"] for line in row.steps if line["store"] == "customers.Customer"}
        fields = tuple(words for name, words in requests.CORRECTABLE.items() if f"{name} corrected" in done)
    reason = {"refused": row.why, "extended": row.extended_reason}.get(kind, "")
    return Contents(kind, row.type, row.asked_at, row.due_at, reason, link, until, fields)


def export_url(row: PrivacyRequest, person: Customer) -> str:
    """Where a person fetches their copy; the address is a key to it, for as long as it waits and they are here."""
    if person.key_id is None:
        raise NotDue("no key")
    token = encryption.opaque_token(EXPORT, row.pk.bytes + person.key_id.bytes)
    return f"{settings.PUBLIC_URL}/privacy/copy/{token}/"


def copy_of(token: str) -> PrivacyRequest:
    """The request whose copy a link opens. Raises requests.UnknownLink; one query."""
    try:
        content = encryption.open_token(EXPORT, token)
    except encryption.Unreadable as error:
        raise requests.UnknownLink from error
    rows = PrivacyRequest.objects.filter(
        pk=UUID(bytes=content[:16]), customer__key_id=UUID(bytes=content[16:])
    )
    row = rows.select_related("customer__key").filter(type__in=COPIES, state=State.DONE).first()
    if row is None:
        raise requests.UnknownLink
    return row


def is_waiting(row: PrivacyRequest, *, at: datetime) -> bool:
    """Whether the copy is there to be fetched."""
    fresh = row.ended_at is not None and at < row.ended_at + export_files.KEPT_FOR
    return row.type in COPIES and row.state == State.DONE and fresh and export_files.is_there(row.pk)


def unsend(letter: Letter) -> None:
    """The mail did not leave: it is due again."""
    _rewrite(letter, "")


def fail(letter: Letter, *, why: str) -> None:
    """The mail did not arrive, or its fate is unknown, and is not sent again."""
    _rewrite(letter, why)


def _rewrite(letter: Letter, why: str) -> None:
    kind = letter.contents.kind
    with transaction.atomic():
        row = requests.held(letter.request_id)
        line: dict[str, Any] | None = requests.last_step(row, "mail", kind)
        if line is None:
            return
        others = [other for other in row.steps if other is not line]
        row.steps = [*others, {**line, "what": f"{kind}: failed", "why": why}] if why else others
        if kind == "identity" and not why:
            row.token_hash = ""
        if why and row.type == Type.ERASURE and row.customer is None:
            row.sealed = b""
        row.save()


def sent(letter: Letter) -> None:
    """After the last mail of an erasure the address is forgotten."""
    if letter.contents.kind == "done":
        PrivacyRequest.objects.filter(pk=letter.request_id, type=Type.ERASURE, customer__isnull=True).update(
            sealed=b""
        )


def give_up(request_id: UUID, kind: str, *, why: str, at: datetime) -> None:
    """This mail is not sent: its address takes none, or is none."""
    with transaction.atomic():
        row = requests.held(request_id)
        requests.note(row, "mail", f"{kind}: failed", at=at)
        row.steps[-1]["why"] = why
        if kind == "done" and row.type == Type.ERASURE:
            row.sealed = b""
        if kind == "identity":
            row.token_hash = "-"  # noqa: S105 - nobody has a token of this hash: it waits for a proof by hand
        row.save()
