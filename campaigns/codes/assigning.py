"""Whose code it is: one an offer and person, on every channel the same."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import BigIntegerField, Func, Q

from campaigns.codes.values import new_value
from campaigns.models import Code, Offer
from catalog import together
from catalog.questions import Questions, Rows
from catalog.together import Change

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
        taken = [_made(offer, pk, at=at) for pk in missing]
        # 31^10 values: a collision is not expected in the life of a shop, and would fail loudly here.
        Code.objects.bulk_create(taken, batch_size=500)
    return found | {code.customer_id: code for code in taken if code.customer_id}


# --- one person's, with the caller waiting ---------------------------------------------------------------------------


class _NextNumber(Func):
    """On SQLite the caller holds the whole database, so nobody else draws the same."""

    template = "nextval(pg_get_serial_sequence('campaigns_code', 'id'))"
    output_field = BigIntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        last = "SELECT seq FROM sqlite_sequence WHERE name = 'campaigns_code'"
        return self.as_sql(compiler, connection, template=f"COALESCE(({last}), 0) + row_number() OVER ()")


_NUMBERS = Questions(lambda made: Offer.objects.filter(pk__in=made).values_list("pk", _NextNumber()))


def numbers(offers: Collection[Offer]) -> Rows:
    """(offer, the number that a new code of it will have), drawn beforehand so that a code and what points at it are
    written at once. Ask it inside the transaction that writes the code."""
    return _NUMBERS(tuple(offer.pk for offer in offers if offer.code_kind == Offer.CodeKind.UNIQUE))


def assign_one(
    offers: Collection[Offer],
    customer_id: int,
    *,
    own: Iterable[Code],
    free: Mapping[int, Iterable[Code]],
    numbers: Mapping[int, int],
    at: datetime,
) -> tuple[dict[int, Code], list[Change]]:
    """One person's code of each of these offers, by offer, and the changes that make it so.

    own : what they have · free : some that each pool can still give · numbers : see there. The change misses where
    somebody else took the code since it was read.
    """
    found = {code.offer_id: code for code in own}
    changed: list[Code] = []
    for offer in offers:
        if (code := found.get(offer.pk)) is not None:
            if _has_lapsed(code, at=at):
                code.state, code.expires_at = State.ASSIGNED, _end(offer, _end_of_batch(code), at=at)
                changed.append(code)
        elif offer.code_kind == Offer.CodeKind.UNIQUE:
            changed.append(_made(offer, customer_id, at=at, number=numbers[offer.pk]))
        elif offer.code_kind == Offer.CodeKind.POOL:
            # Not all the first one, which all but one of those who come at once would miss.
            spare = list(free[offer.pk])
            code = spare[customer_id % len(spare)]
            code.state, code.customer_id, code.assigned_at = State.ASSIGNED, customer_id, at
            code.expires_at = _end_of_new(offer, code, at=at)
            changed.append(code)
    if not changed:
        return found, []
    still = Q(state=State.FREE) | Q(state__in=(State.ASSIGNED, State.EXPIRED), customer=customer_id)
    change = together.insert(
        changed,
        or_change=("state", "customer", "assigned_at", "expires_at"),
        where=Code.objects.filter(still),
    )
    return found | {code.offer_id: code for code in changed}, [change]


# --- the parts of both -----------------------------------------------------------------------------------------------


def _made(offer: Offer, customer_id: int, *, at: datetime, number: int | None = None) -> Code:
    return Code(
        pk=number,
        offer=offer,
        value=new_value(offer.code_prefix),
        state=State.ASSIGNED,
        customer_id=customer_id,
        assigned_at=at,
        expires_at=_end(offer, None, at=at),
    )


def _has_lapsed(code: Code, *, at: datetime) -> bool:
    """Whether it is of no use in a new message unless it lives again."""
    is_over = code.expires_at is not None and code.expires_at <= at
    return code.state in (State.ASSIGNED, State.EXPIRED) and (is_over or code.state == State.EXPIRED)


def _end(offer: Offer, batch_end: datetime | None, *, at: datetime) -> datetime:
    """After its days, and never after its offer or its batch."""
    ends = (at + timedelta(days=offer.code_valid_days), offer.ends_at, batch_end)
    return min(end for end in ends if end is not None)


def _end_of_new(offer: Offer, code: Code, *, at: datetime) -> datetime:
    """Of a code that comes from its pool."""
    return _end(offer, code.expires_at if code.batch is None else code.batch.expires_at, at=at)


def _end_of_batch(code: Code) -> datetime | None:
    return code.batch.expires_at if code.batch is not None else None


def _bring_back(offer: Offer, codes: Collection[Code], *, at: datetime) -> None:
    """A code that has lapsed is of no use in a new message: it lives again until the new end."""
    lapsed: dict[datetime, list[Code]] = {}
    for code in codes:
        if _has_lapsed(code, at=at):
            lapsed.setdefault(_end(offer, _end_of_batch(code), at=at), []).append(code)
    for end, alike in lapsed.items():
        rows = Code.objects.filter(pk__in=[code.pk for code in alike])
        rows.filter(state__in=(State.ASSIGNED, State.EXPIRED)).update(state=State.ASSIGNED, expires_at=end)
        for code in alike:
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
        code.expires_at = _end_of_new(offer, code, at=at)
    Code.objects.bulk_update(taken, ["state", "customer_id", "assigned_at", "expires_at"], batch_size=200)
    return taken
