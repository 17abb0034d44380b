"""Fresh rows that an endpoint wants to hear of: a message for each, once.

An endpoint is locked while its rows are looked at; a page is one transaction, which also moves its cursor: killed at
any line, looking goes on where the last whole page ended. The key of a message sees to it that nothing is handed over
twice. An endpoint that is paused is looked after too: its messages wait.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from campaigns.models import WebhookEndpoint, WebhookMessage
from campaigns.webhooks import cursors, facts
from campaigns.webhooks.cursors import NOWHERE, Cursor, Position
from campaigns.webhooks.facts import PURPOSE, Source
from customers.consent import Permission
from customers.models import Customer

PAGE = 500
# More than this many pages at one ring would keep the others waiting; what is left is looked at at the next.
MOST_PAGES = 100
Row = tuple[Any, ...]


def gather_all(*, at: datetime) -> int:
    """Look for every endpoint; answers how many messages were written."""
    endpoints = WebhookEndpoint.objects.order_by("pk").only("pk", "types")
    return sum(gather(row.pk, source, at=at) for row in endpoints for source in facts.wanted(row.types))


def gather(endpoint_id: int, source: Source, *, at: datetime) -> int:
    """Hand over what is new of one kind to one endpoint; answers how many messages were written."""
    written = 0
    for _page in range(MOST_PAGES):
        found, is_last = look_page(endpoint_id, source, at=at)
        written += found
        if is_last:
            break
    return written


def begin(endpoint: WebhookEndpoint) -> None:
    """From now on: what is there already is not told. In memory; a query for each kind that is new to the endpoint."""
    wanted = facts.wanted(endpoint.types)
    kept = {source.name: endpoint.cursors.get(source.name) for source in wanted}
    endpoint.cursors = {source.name: kept[source.name] or cursors.newest(source).kept() for source in wanted}


def look_page(endpoint_id: int, source: Source, *, at: datetime) -> tuple[int, bool]:
    """Look at the next page and write its messages, in one transaction; how many, and whether it was the last."""
    with transaction.atomic():
        rows = WebhookEndpoint.objects.filter(pk=endpoint_id)
        if connection.features.has_select_for_update_skip_locked:
            rows = rows.select_for_update(skip_locked=True, no_key=True)
        endpoint = rows.first()
        if endpoint is None or source.name not in endpoint.cursors:  # somebody else is looking, or it is gone
            return 0, True
        cursor = Cursor.read(endpoint.cursors[source.name])
        page = _new(source, cursor)
        written = _hand_over(endpoint, source, page, at=at)
        is_last = len(page) < PAGE
        if is_last:
            cursor.watch(source, at=at)
            if cursor.is_settled:
                late, is_last = _look_again(endpoint, source, cursor, at=at)
                written += late
        endpoint.cursors[source.name] = cursor.kept()
        endpoint.save(update_fields=["cursors"])
    return written, is_last


def _new(source: Source, cursor: Cursor) -> list[Row]:
    page = _page(source, cursor.ahead, None)
    if page:
        cursor.ahead = Position.of(source, page[-1])
    return page


def _look_again(
    endpoint: WebhookEndpoint, source: Source, cursor: Cursor, *, at: datetime
) -> tuple[int, bool]:
    """What became visible behind the cursor, now that everything has; how many, and whether that was all of it."""
    page = _page(source, cursor.floor, cursor.mark)
    numbers = [str(row[0]) for row in page]
    known = set(
        WebhookMessage.objects.filter(endpoint=endpoint, fact__in=numbers, type__in=source.types.values())
        .values_list("fact", flat=True)
    )  # fmt: skip
    written = _hand_over(endpoint, source, [row for row in page if str(row[0]) not in known], at=at)
    if len(page) < PAGE:
        cursor.settle()
        return written, True
    cursor.floor = Position.of(source, page[-1])
    return written, False


def _page(source: Source, after: Position, until: Position | None) -> list[Row]:
    """The next rows beyond a place. One query."""
    rows = source.rows.filter(after.after(source))
    if source.stamp and after == NOWHERE:
        rows = rows.filter(**{f"{source.stamp}__isnull": False})
    if until is not None:
        rows = rows.filter(until.until(source))
    return list(cursors.in_order(source, rows).values_list(*source.columns)[:PAGE])


def _hand_over(endpoint: WebhookEndpoint, source: Source, page: Sequence[Row], *, at: datetime) -> int:
    """Write a message for each row that the endpoint wants and may hear of; answers how many. Three queries at most."""
    rows = [row for row in page if source.type_of(row[4]) in endpoint.types]
    heard_of = _heard_of(endpoint, source, {row[2] for row in rows}, at=at)
    messages = [
        WebhookMessage(
            endpoint=endpoint,
            type=source.type_of(said),
            fact=str(number),
            customer_id=person,
            not_before=at,
            occurred_at=happened,
            gathered_at=at,
        )
        for number, _stamp, person, happened, said in rows
        if person in heard_of
    ]
    WebhookMessage.objects.bulk_create(messages, batch_size=PAGE, ignore_conflicts=True)
    return len(messages)


def _heard_of(
    endpoint: WebhookEndpoint, source: Source, people: set[int | None], *, at: datetime
) -> set[int | None]:
    """Of whom the endpoint may hear now. A partner: of those who allow it. The shop itself: of everyone not erased."""
    known = [pk for pk in people if pk is not None]
    if not people:
        return set()
    if endpoint.receiver == WebhookEndpoint.Receiver.PARTNER:
        return {*Permission.of_many(known, PURPOSE, at=at)}
    there = Customer.objects.filter(pk__in=known, erased_at__isnull=True)
    if not source.of_restricted:
        there = there.filter(restricted_at__isnull=True)
    # Where nobody is known, nobody has to be asked.
    return {None, *there.values_list("pk", flat=True)}
