"""Doing again what the journal knows and an older database does not."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from django.db import transaction

from customers import consent, encryption, journal, privacy, requests
from customers.consent import Answer, Evidence
from customers.journal import Line, Row
from customers.models import ConsentRecord, ConsentState, Customer, Installation, PrivacyRequest
from customers.requests import LIVING, State, Type
from customers.suppression import Place

UNDER_WAY = timedelta(hours=1)
"""A line without its `done` may be of a transaction that has not ended; after this it was rolled back."""
PAGE = 500
BY = "installation"
RESTRICTIONS = ("restriction", "lifting")


def replay(row: Installation, *, on_older: Callable[[], None], at: datetime) -> None:
    """Walk what the row has not seen, a page at a time. Does again what the database does not know.

    A page asks two queries where all is known. `journal_seen` stops in front of a line that may be under way.
    `on_older` is called before the first is done again.
    """
    done = {line.of for line in journal.lines(after=row.journal_seen) if line.what == "done"}
    is_older, seen, is_open = False, row.journal_seen, False
    waiting: list[Line] = []
    for page in _pages(journal.lines(after=row.journal_seen)):
        missing = {line.number: line for line in _missing(page)}
        if not is_older and missing.keys() & done:
            is_older = True
            on_older()
        waiting += missing.values()
        if is_older:
            for line in waiting:
                _do_again(line, is_proven=line.number in done, at=at)
            waiting = []
        for line in page:
            is_rolled_back = at - line.at >= UNDER_WAY
            is_open = is_open or not (line.number not in missing or is_older or is_rolled_back)
            seen = seen if is_open else line.number
    if seen > row.journal_seen:
        # Never backwards: another process may have come further.
        Installation.objects.filter(pk=row.pk, journal_seen__lt=seen).update(journal_seen=seen)


def _pages(lines: Iterator[Line]) -> Iterator[list[Line]]:
    page: list[Line] = []
    people = 0
    for line in lines:
        page.append(line)
        people += max(len(line.rows), 1)
        if people >= PAGE:
            yield page
            page, people = [], 0
    if page:
        yield page


def _missing(lines: Sequence[Line]) -> list[Line]:
    """Those of the lines of which the database does not know something. Two queries."""
    rows = [row for line in lines for row in line.rows]
    known = set(
        ConsentRecord.objects.filter(
            customer_id__in={row.customer for row in rows if row.hash},
            sequence__in={row.sequence for row in rows if row.hash},
        ).values_list("customer_id", "sequence", "hash")
    )
    others = {row.customer for row in rows if not row.hash}
    standing = Customer.objects.filter(pk__in=others).values_list("pk", "erased_at", "restriction_changes")
    erased = {pk for pk, erased_at, _changes in standing if erased_at is not None}
    changes = {pk: changes for pk, _erased_at, changes in standing}

    def is_known(line: Line, row: Row) -> bool:
        if row.customer in erased:
            return True
        if line.what in RESTRICTIONS:
            return changes.get(row.customer, 0) >= row.sequence
        return (row.customer, row.sequence, row.hash) in known

    return [line for line in lines if not all(is_known(line, row) for row in line.rows)]


def _do_again(line: Line, *, is_proven: bool, at: datetime) -> None:
    """Once more what the line tells of, for whoever of it is still here. Twice is once.

    is_proven : the line has its `done`. Without it a refusal is done again all the same, a lifting is not.
    """
    with transaction.atomic():
        people = consent.hold({row.customer for row in line.rows})
        here = [row for row in line.rows if _is_them(people.get(row.customer), row)]
        refusing = {Place(channel, index, "") for row in line.rows for channel, index in row.addresses}
        privacy.keep_suppressed(refusing, source="journal")
        if line.what == "erasure":
            for row in here:
                try:
                    privacy.erase(row.customer, actor=BY, at=at)
                except privacy.NobodyToErase:
                    continue  # with the one before: they were one person
            return
        if line.what in RESTRICTIONS:
            if line.what == "restriction" or is_proven:
                _restrict_again(line, [(people[row.customer], row.sequence) for row in here])
            return
        refused = set(
            ConsentState.objects.filter(
                customer_id__in=[row.customer for row in here], granted=False
            ).values_list("customer_id", "purpose")
        )
        evidence = Evidence("", "", "replay", "journal", BY)
        consent.record(
            [
                Answer(row.customer, row.purpose, False, evidence)
                for row in here
                if (row.customer, row.purpose) not in refused
            ],
            at=at,
        )


def _restrict_again(line: Line, here: Sequence[tuple[Customer, int]]) -> None:
    """Restrict, or lift, for whom the line's change is newer. The demand stands in the officer's queue again."""
    for person, number in here:
        if person.restriction_changes >= number:
            continue
        person.restricted_at = line.at if line.what == "restriction" else None
        person.restriction_changes = number
        person.save(update_fields=["restricted_at", "restriction_changes"])
        asked = PrivacyRequest.objects.filter(customer=person, type=Type.RESTRICTION)
        if person.restricted_at is not None and not asked.filter(state__in=(*LIVING, State.DONE)).exists():
            row = PrivacyRequest(
                customer=person, customer_number=person.pk, type=Type.RESTRICTION, state=State.DONE,
                source="journal", proven_by="journal", asked_at=line.at, proven_at=line.at, due_at=line.at,
                ended_at=line.at,
            )  # fmt: skip
            requests.note(row, "customers.Customer", "restricted", rows=1, at=line.at, by=BY)
            row.save(force_insert=True)


def _is_them(customer: Customer | None, row: Row) -> bool:
    """Numbers are given again where a backup is restored: the person is known by their own key."""
    if customer is None or customer.erased_at is not None:
        return False
    try:
        return journal.person(customer) == row.person
    except encryption.Unreadable:
        return True  # the master key is gone: nobody can read them, and nobody else can be meant
