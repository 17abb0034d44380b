"""Whose code it is: one an offer and person, on every channel the same."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import BigIntegerField, Case, DateTimeField, F, Func, Q, Value, When

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
    template = "nextval(pg_get_serial_sequence('campaigns_code', 'id'))"
    output_field = BigIntegerField()


_NUMBERS = Questions(lambda made: Offer.objects.filter(pk__in=made).values_list("pk", _NextNumber()))


def numbers(offers: Collection[Offer]) -> Rows:
    """(offer, the number that a new code of it will have), drawn beforehand so that a code and what points at it are
    written at once. None on SQLite, where a row gets its number when it is written."""
    if connection.vendor != "postgresql":
        return Offer.objects.none()
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

    own : what they have · free : some that each pool can still give · numbers : see there. A change misses where
    somebody else took the code since it was read. Without numbers new codes are written at once, by one statement.
    """
    found = {code.offer_id: code for code in own}
    new: list[Code] = []
    taken: list[Code] = []
    lapsed: list[Code] = []
    ends: dict[int, datetime] = {}
    for offer in offers:
        if (code := found.get(offer.pk)) is not None:
            if _has_lapsed(code, at=at):
                lapsed.append(code)
                ends[code.pk] = _end(offer, _end_of_batch(code), at=at)
        elif offer.code_kind == Offer.CodeKind.UNIQUE:
            new.append(_made(offer, customer_id, at=at, number=numbers.get(offer.pk)))
        elif offer.code_kind == Offer.CodeKind.POOL:
            # Not all the first one, which all but one of those who come at once would miss.
            spare = list(free[offer.pk])
            code = spare[customer_id % len(spare)]
            taken.append(code)
            ends[code.pk] = _end_of_new(offer, code, at=at)
    changes = []
    if ends:
        is_free = Q(pk__in=[code.pk for code in taken], state=State.FREE)
        is_theirs = Q(pk__in=[code.pk for code in lapsed], state__in=(State.ASSIGNED, State.EXPIRED))
        end = Case(
            *(When(pk=pk, then=Value(end, DateTimeField())) for pk, end in ends.items()),
            output_field=DateTimeField(),
        )
        changes.append(
            together.update(
                Code.objects.filter(is_free | is_theirs),
                len(ends),
                state=State.ASSIGNED,
                customer=customer_id,
                assigned_at=Case(When(state=State.FREE, then=Value(at)), default=F("assigned_at")),
                expires_at=end,
            )
        )
        for code in (*taken, *lapsed):
            code.state, code.customer_id, code.expires_at = State.ASSIGNED, customer_id, ends[code.pk]
    if new and numbers:
        changes.append(together.insert(new))
    elif new:
        Code.objects.bulk_create(new)
    return found | {code.offer_id: code for code in (*new, *taken)}, changes


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
