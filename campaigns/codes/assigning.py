"""Whose code it is: one an offer and person, on every channel the same."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import Q

from campaigns.codes.values import new_value
from campaigns.models import Code, Offer

State = Code.State


class NoCodeLeft(Exception):
    """The pool holds fewer codes than were asked for; nothing may be kept."""


def assign(offer: Offer, customer_ids: Collection[int], *, at: datetime) -> dict[int, Code]:
    """Each person's code of this offer: the one they have already, or a new one. A page of rows a query.

    The same person gets the same code on every channel; a database constraint holds it. Raises NoCodeLeft when the pool
    is too small: `offers.choose_and_commit` gives such an offer only to as many as there are codes.
    """
    own = Code.objects.filter(offer=offer, customer_id__in=customer_ids).select_related("batch")
    found = {code.customer_id: code for code in own if code.customer_id}
    _bring_back(offer, found.values(), at=at)
    missing = [pk for pk in customer_ids if pk not in found]
    if not missing:
        return found
    taken = _from_pool(offer, missing, at=at) if offer.code_kind == Offer.CodeKind.POOL else []
    if offer.code_kind == Offer.CodeKind.UNIQUE:
        taken = [
            Code(
                offer=offer,
                value=new_value(offer.code_prefix),
                state=State.ASSIGNED,
                customer_id=pk,
                assigned_at=at,
                expires_at=_end(offer, None, at=at),
            )
            for pk in missing
        ]
        # 31^10 values: a collision is not expected in the life of a shop, and would fail loudly here.
        Code.objects.bulk_create(taken, batch_size=500)
    return found | {code.customer_id: code for code in taken if code.customer_id}


def _end(offer: Offer, batch_end: datetime | None, *, at: datetime) -> datetime:
    """After its days, and never after its offer or its batch."""
    ends = (at + timedelta(days=offer.code_valid_days), offer.ends_at, batch_end)
    return min(end for end in ends if end is not None)


def _bring_back(offer: Offer, codes: Collection[Code], *, at: datetime) -> None:
    """A code that has lapsed is of no use in a new message: it lives again until the new end."""
    lapsed: dict[datetime, list[Code]] = {}
    for code in codes:
        is_over = code.expires_at is not None and code.expires_at <= at
        if code.state in (State.ASSIGNED, State.EXPIRED) and (is_over or code.state == State.EXPIRED):
            end = _end(offer, code.batch.expires_at if code.batch is not None else None, at=at)
            lapsed.setdefault(end, []).append(code)
    for end, together in lapsed.items():
        rows = Code.objects.filter(pk__in=[code.pk for code in together])
        rows.filter(state__in=(State.ASSIGNED, State.EXPIRED)).update(state=State.ASSIGNED, expires_at=end)
        for code in together:
            code.state, code.expires_at = State.ASSIGNED, end


def _from_pool(offer: Offer, people: Collection[int], *, at: datetime) -> list[Code]:
    free = Code.objects.filter(offer=offer, state=State.FREE).filter(
        Q(expires_at__isnull=True) | Q(expires_at__gt=at)
    )
    locked = free.select_for_update(of=("self",), skip_locked=True).select_related("batch").order_by("pk")
    taken = list(locked[: len(people)])
    if len(taken) < len(people):
        raise NoCodeLeft(f"{offer.slug}: {len(people)} asked for, {len(taken)} left")
    for pk, code in zip(people, taken, strict=True):
        code.state, code.customer_id, code.assigned_at = State.ASSIGNED, pk, at
        code.expires_at = _end(
            offer, code.batch.expires_at if code.batch is not None else code.expires_at, at=at
        )
    Code.objects.bulk_update(taken, ["state", "customer_id", "assigned_at", "expires_at"], batch_size=200)
    return taken
