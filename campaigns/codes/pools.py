"""Pools: codes made beforehand or brought in a file, and codes whose time is over."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import islice

from django.db import connection, transaction
from django.db.models import F, Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.codes.values import LONGEST, is_readable, new_values, normalised
from campaigns.models import Code, CodeBatch, Decision, Offer
from campaigns.offers import caps

MOST_AT_ONCE = 1_000_000
MOST_BYTES = 100 * 1024 * 1024
MOST_TOLD = 20
PAGE = 5000
EXPIRED_AT_ONCE = 1000
State = Code.State


@dataclass(frozen=True)
class Problem:
    line: int
    value: str
    told: str


class InvalidFile(Exception):
    """The file brings nothing in: these lines are at fault, or the whole is."""

    def __init__(self, message: str, problems: list[Problem] | None = None) -> None:
        super().__init__(message)
        self.problems = problems or []


@dataclass(frozen=True)
class Imported:
    count: int
    batch: CodeBatch | None
    """None after a dry run."""


class _DryRun(Exception):
    """Nothing is to be kept."""


def generate(
    offer: Offer, count: int, *, by: str, at: datetime, expires_at: datetime | None = None
) -> CodeBatch:
    """So many new codes for the offer's pool, all or none. Raises ValueError for fewer than 1 or more than a million."""
    if not 1 <= count <= MOST_AT_ONCE:
        raise ValueError(f"from 1 to {MOST_AT_ONCE:,} codes at once")
    with transaction.atomic():
        batch = CodeBatch.objects.create(
            offer=offer, origin=CodeBatch.Origin.GENERATED, count=count, expires_at=expires_at, created_by=by
        )
        make(batch)
    return batch


def make(batch: CodeBatch, *, tell: Callable[[float], None] | None = None) -> None:
    """The codes of a batch, in the caller's transaction. tell : told the share that is made, a page at a time."""
    made = 0
    while made < batch.count:
        made += _put(batch, new_values(batch.offer.code_prefix, min(PAGE, batch.count - made)))
        if tell is not None:
            tell(made / batch.count)


def _put(batch: CodeBatch, values: Sequence[str]) -> int:
    """Into the batch, but for those that are known; how many went in.

    In plain SQL: a row of the ORM costs as much again as the database takes for it.
    """
    is_sqlite = connection.vendor == "sqlite"
    given = "json_each(%s)" if is_sqlite else "json_array_elements_text(%s) AS given(value)"
    # `WHERE true` keeps SQLite from reading ON CONFLICT as part of a join.
    asked = f"""
        INSERT INTO campaigns_code (offer_id, batch_id, expires_at, state, reserved_for, value)
        SELECT %s, %s, %s, %s, '', value FROM {given} WHERE true ON CONFLICT (value) DO NOTHING
    """  # noqa: S608 - of our own words
    with connection.cursor() as cursor:
        cursor.execute(asked, [batch.offer_id, batch.pk, batch.expires_at, State.FREE, json.dumps(values)])
        return int(cursor.rowcount)


def import_file(
    offer: Offer,
    lines: Iterable[str],
    *,
    name: str,
    by: str,
    at: datetime,
    expires_at: datetime | None = None,
    dry_run: bool = False,
) -> Imported:
    """Bring a CSV file into the offer's pool, whole or not at all (`read_in`)."""
    batch: CodeBatch | None = None
    try:
        with transaction.atomic():
            batch = CodeBatch.objects.create(
                offer=offer,
                origin=CodeBatch.Origin.IMPORTED,
                name=name[:200],
                expires_at=expires_at,
                created_by=by,
            )
            count = batch.count = read_in(batch, lines)
            CodeBatch.objects.filter(pk=batch.pk).update(count=count)
            if dry_run:
                raise _DryRun
    except _DryRun:
        batch = None
    return Imported(count, batch)


def read_in(batch: CodeBatch, lines: Iterable[str]) -> int:
    """Bring the first column of a CSV file into the batch, in the caller's transaction; a heading `code` is passed over.

    Read as it comes, at most 100 MB; memory does not grow with the file. Raises InvalidFile with the lines at fault: codes
    that stand twice in the file or are known already, and what no code can be.
    """
    problems: list[Problem] = []
    at_fault = count = 0
    rows = _read(lines)
    while page := list(islice(rows, PAGE)):
        fresh, wrong = _sorted_out(batch, page)
        at_fault += len(wrong)
        problems += wrong[: MOST_TOLD - len(problems)]
        count += len(fresh)
        if _put(batch, fresh) < len(fresh):
            raise InvalidFile(_("Somebody brought in some of these codes at the same moment. Try again."))
    if at_fault:
        raise InvalidFile(_at_fault(at_fault), problems)
    if not count:
        raise InvalidFile(_("There is no code in this file."))
    return count


def _at_fault(n: int) -> str:
    told = ngettext(
        "%s line is at fault; nothing was brought in.", "%s lines are at fault; nothing was brought in.", n
    )
    return told % f"{n:,}"


def _read(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """(line, code as it is stored) of the first column. Raises InvalidFile past 100 MB and for what is no CSV."""
    size = 0

    def measured() -> Iterator[str]:
        nonlocal size
        for line in lines:
            size += len(line.encode())
            if size > MOST_BYTES:
                raise InvalidFile(_("The file is larger than 100 MB: bring it in in parts."))
            yield line.replace("\0", "")

    reader = csv.reader(measured())
    try:
        for n, row in enumerate(reader, start=1):
            value = normalised(row[0].lstrip("\ufeff")) if row else ""
            if value and not (n == 1 and value == "CODE"):
                yield n, value
    except csv.Error as error:
        raise InvalidFile(f"Line {reader.line_num} cannot be read as CSV: {error}.") from error


def _sorted_out(batch: CodeBatch, page: list[tuple[int, str]]) -> tuple[list[str], list[Problem]]:
    """The new codes of a page, and its lines at fault. One query."""
    known = dict(
        Code.objects.filter(value__in=[value for _line, value in page]).values_list("value", "batch_id")
    )
    fresh: dict[str, None] = {}
    wrong = []
    for line, value in page:
        if not is_readable(value):
            wrong.append(
                Problem(line, value[:LONGEST], _("no code: at most %s signs of ASCII, no spaces") % LONGEST)
            )
        elif value in fresh or (value in known and known[value] == batch.pk):
            wrong.append(Problem(line, value, _("stands in this file before")))
        elif value in known:
            wrong.append(Problem(line, value, _("is known already")))
        else:
            fresh[value] = None
    return list(fresh), wrong


# --- the end of a code -------------------------------------------------------------------------------------------------


def free_reservations(*, at: datetime, limit: int = EXPIRED_AT_ONCE) -> int:
    """Codes whose order did not come in time are their owner's again; how many."""
    with transaction.atomic():
        late = Code.objects.filter(state=State.RESERVED, reserved_until__lte=at).order_by("pk")
        ids = list(late.select_for_update(skip_locked=True).values_list("pk", flat=True)[:limit])
        return Code.objects.filter(pk__in=ids, state=State.RESERVED).update(
            state=State.ASSIGNED, reserved_for="", reserved_until=None
        )


def expire(*, at: datetime, limit: int = EXPIRED_AT_ONCE) -> int:
    """Codes whose time is over are expired, and what was set aside for them returns to the budget; how many.

    An offer's page a transaction; run again it does nothing.
    """
    over = Code.objects.filter(state__in=(State.FREE, State.ASSIGNED, State.REVERSED), expires_at__lte=at)
    done = 0
    for offer_id in list(over.order_by("offer_id").values_list("offer_id", flat=True).distinct()):
        while n := _expire_page(offer_id, at=at, limit=limit):
            done += n
    return done


def _expire_page(offer_id: int, *, at: datetime, limit: int) -> int:
    with transaction.atomic():
        caps.lock([offer_id])
        over = Code.objects.filter(
            offer_id=offer_id, state__in=(State.FREE, State.ASSIGNED, State.REVERSED), expires_at__lte=at
        )
        ids = list(
            over.select_for_update(skip_locked=True).order_by("pk").values_list("pk", flat=True)[:limit]
        )
        waiting = Decision.objects.filter(code_id__in=ids, set_aside__gt=0)
        held = waiting.aggregate(held=Sum("set_aside", default=Decimal(0)))["held"]
        if held:
            Offer.objects.filter(pk=offer_id).update(discount_reserved=F("discount_reserved") - held)
            waiting.update(set_aside=0)
        return Code.objects.filter(pk__in=ids).update(state=State.EXPIRED)
