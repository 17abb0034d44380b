"""A person's rights: to see, to take along, and to be forgotten.

What is theirs is found by walking Django's own list of models: every row whose foreign keys lead to a customer is
theirs, in whichever app it stands. So a new model is in the export, and gone after erasure, without being named here.
What erasure does to it is said at its foreign key: CASCADE deletes the row, SET_NULL lets go of the person.
"""

# ruff: noqa: SLF001 - `_meta` and `_default_manager` are Django's documented way of asking a model about itself

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import orjson
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import OperationalError, connection, models, transaction
from django.db.models import Q, QuerySet

from catalog.models import Review
from customers import (
    consent,
    data_files,
    encryption,
    journal,
    preferences,
    purposes,
    request_traces,
    suppression,
)
from customers.models import (
    ConsentRecord,
    ConsentState,
    Customer,
    IdempotentReply,
    PersonKey,
    Suppression,
)
from customers.suppression import Entry, Place

# A customer's number in a plain column: no foreign key leads from there.
NUMBERED: dict[type[models.Model], str] = {ConsentRecord: "customer_id", Review: "author_id"}
# Keys, and the keyed hashes made with them, say nothing to a person and might serve somebody else.
HIDDEN = frozenset({"key", "email_index", "phone_index", "index_key", "token_hash"})


# Whatever was under way when somebody was erased has ended after this.
STRAGGLERS = timedelta(days=1)


ERASE_TRIES = 5


class NobodyToErase(Exception):
    """There is no such person, or not any more."""


@lru_cache(maxsize=1)
def trails() -> dict[type[models.Model], tuple[str, ...]]:
    """For every model with a path to a person, the look-ups that lead there; a row is theirs if any of them does.

    One look-up where a path always exists, all of them where each may be empty.
    """
    found = {model: paths for model in apps.get_models(include_auto_created=True) if (paths := _paths(model))}
    return {
        model: tuple(sorted((path for path, is_certain in paths if is_certain), key=len)[:1])
        or tuple(path for path, _is_certain in paths)
        for model, paths in found.items()
    }


def _paths(model: type[models.Model], above: tuple[type[models.Model], ...] = ()) -> list[tuple[str, bool]]:
    """(look-up, whether it is never empty) of every way along foreign keys from a model to a customer."""
    if model is Customer:
        return [("pk", True)]
    found = [(NUMBERED[model], True)] if model in NUMBERED else []
    for column in model._meta.concrete_fields:
        target = column.related_model
        if not isinstance(target, type) or target in (model, *above):
            continue
        for onward, is_certain in _paths(target, (model, *above)):
            path = column.name if target is Customer else f"{column.name}__{onward}"
            found.append((path, is_certain and not column.null))
    return found


def rows(model: type[models.Model], people: list[int]) -> QuerySet[Any]:
    """The rows of a model that belong to these people."""
    condition = Q()
    for lookup in trails()[model]:
        condition |= Q(**{f"{lookup}__in": people})
    found = model._default_manager.filter(condition)
    return found.distinct() if len(trails()[model]) > 1 else found


def staff_notes(people: list[int]) -> QuerySet[LogEntry]:
    """What staff did with these people's pages in the admin, which names them by text."""
    kind = ContentType.objects.get_for_model(Customer)
    return LogEntry.objects.filter(content_type=kind, object_id__in=[str(pk) for pk in people])


def family(customer_id: int) -> list[int]:
    """The person and everyone who was merged into them, near and far."""
    found, newest = [customer_id], [customer_id]
    while newest:
        newest = list(
            Customer.objects.filter(merged_into__in=newest).exclude(pk__in=found).values_list("pk", flat=True)
        )
        found += newest
    return found


# --- seeing ------------------------------------------------------------------------------------------------


def suppressions(customer: Customer) -> QuerySet[Suppression]:
    """The lines of the suppression list that hold for the person's present addresses."""
    return suppression.of(suppression.places(customer))


def outliving() -> set[type[models.Model]]:
    """Whose rows stay when their person is erased: the ledger, and what only lets go of the person."""
    related = Customer._meta.related_objects
    return {ConsentRecord, *(r.related_model for r in related if r.on_delete is models.SET_NULL)}


def held(customer: Customer, *, without: Collection[type[models.Model]] = ()) -> list[tuple[str, int]]:
    """(what in words, how many), most first: a table of contents of the export."""
    people = family(customer.pk)
    counted = [
        (words(model), rows(model, people).count())
        for model in trails()
        if model is not Customer and model not in without
    ]
    return sorted((line for line in counted if line[1]), key=lambda line: (-line[1], line[0]))


def words(model: type[models.Model]) -> str:
    """What its rows are called; those that only join two models by the field that made them."""
    for owner in apps.get_models() if model._meta.auto_created else ():
        for join in owner._meta.many_to_many:
            if join.remote_field.through is model:
                return str(join.verbose_name)
    return str(model._meta.verbose_name_plural)


@dataclass(frozen=True)
class GivenAnswer:
    """One line of the person's ledger, in words."""

    words: str
    granted: bool
    method: str
    at: datetime
    record: int
    receipt: str
    """The hash of the record, by which it can be found in the ledger."""


def answers(customer: Customer, *, language: str, most: int = 50) -> list[GivenAnswer]:
    """What a person answered, newest first."""
    records = ConsentRecord.objects.filter(customer_id__in=family(customer.pk)).order_by("-at", "-pk")[:most]
    texts = {purpose: purposes.current_notice(purpose, language).text for purpose in purposes.PURPOSES}
    return [
        GivenAnswer(texts.get(row.purpose, row.purpose), row.granted, row.method, row.at, row.pk, row.hash)
        for row in records
    ]


# --- forgetting --------------------------------------------------------------------------------------------


@dataclass
class Erased:
    """What erasure did, by model."""

    people: int = 0
    deleted: Counter[str] = field(default_factory=Counter)
    let_go: Counter[str] = field(default_factory=Counter)
    """Rows that stay without their person (a redeemed code is part of the shop's books)."""


def erase(customer_id: int, *, actor: str, at: datetime) -> Erased:
    """Forget a person and everyone merged into them. Raises NobodyToErase.

    Where another transaction was rewriting the same rows (a training), it is done anew, some times.
    """
    for left in reversed(range(ERASE_TRIES)):
        try:
            return _erase(customer_id, actor=actor, at=at)
        except OperationalError:
            if not left or connection.in_atomic_block:
                raise
    raise AssertionError


def _erase(customer_id: int, *, actor: str, at: datetime) -> Erased:
    """In one transaction, under the person's lock.

    Left are a nameless row, which the ledger's numbers point at, the ledger itself, and the suppression list. The
    journal outside the database knows of it before it commits, so that an older backup is told (D3). Copies that wait
    to be fetched go with it, and every file of an export that holds people.
    """
    done = Erased()
    with transaction.atomic():
        people = family(customer_id)
        persons = consent.hold(people)
        if customer_id not in persons or persons[customer_id].erased_at is not None:
            raise NobodyToErase(f"customer #{customer_id}")
        kept = _keep_refusals(list(persons.values()))
        allowed = [purpose for purpose in purposes.PURPOSES if preferences.is_allowed(customer_id, purpose)]
        consent.withdraw_all(
            customer_id, method="erasure", source="privacy", actor=actor, at=at, only=allowed
        )
        _blank_replies(list(persons.values()))
        request_traces.forget(people)
        # Not earlier, as for their copies; a file that was left behind is not given out (`campaigns.exports.leaving`).
        transaction.on_commit(data_files.drop_of_people, robust=True)
        _remove_rows(people, done)
        staff_notes(people).update(object_repr="", change_message="")
        journal.erased([one for one in persons.values() if one.erased_at is None], kept, at=at)
        PersonKey.objects.filter(customer__in=people).delete()
        done.people = Customer.objects.filter(pk__in=people, erased_at__isnull=True).update(
            external_id=None,
            sealed=b"",
            email_index="",
            phone_index="",
            index_key="",
            locale="",
            time_zone="",
            country="",
            attributes={},
            erased_at=at,
        )
    return done


def sweep(*, at: datetime) -> Erased:
    """Remove what was written of people while they were being erased: a request or training under way saw them still.

    Looks at those of the last day; SQLite's log of old pages is emptied too. One read of the table of customers, and about two queries a table where there are any.
    """
    done = Erased()
    recent = Customer.objects.filter(erased_at__gt=at - STRAGGLERS)
    people = list(recent.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(people), 500):
        with transaction.atomic():
            _remove_rows(people[start : start + 500], done)
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        with connection.cursor() as cursor:  # the log beside the file still holds what was written over in it
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return done


def _remove_rows(people: list[int], done: Erased) -> None:
    for relation in Customer._meta.related_objects:
        theirs = relation.related_model._default_manager.filter(**{f"{relation.field.name}__in": people})
        if relation.on_delete is models.CASCADE:
            _total, by_model = theirs.delete()
            done.deleted.update(by_model)
        elif relation.on_delete is models.SET_NULL and relation.related_model is not Customer:
            done.let_go[relation.related_model._meta.label] += theirs.update(**{relation.field.name: None})
    _total, by_model = Review.objects.filter(author_id__in=people).delete()
    done.deleted.update(by_model)


def _keep_refusals(persons: list[Customer]) -> list[tuple[str, str]]:
    """Who refused marketing is not written to after a re-import either; answers (channel, keyed hash) of those."""
    kept: list[Place] = []
    for purpose, (channel, _column) in journal.ADDRESSES.items():
        refused = ConsentState.objects.filter(customer__in=persons, purpose=purpose, granted=False).exists()
        if refused:
            theirs = {place for one in persons for place in suppression.places(one)}
            kept += [place for place in theirs if place.channel == channel]
    keep_suppressed(kept, source="erasure")
    return [(place.channel, place.index) for place in kept]


def keep_suppressed(places: Collection[Place], *, source: str) -> None:
    """Put these on the suppression list; who stands there already keeps their reason."""
    suppression.keep([Entry(place, Suppression.Reason.UNSUBSCRIBED, source) for place in places])


def _blank_replies(persons: list[Customer]) -> None:
    """Kept answers of the API may quote a person: those keep their place, so that nothing acts twice, and lose their text."""
    names = {name for person in persons for name in _names(person)}
    needles = [orjson.dumps(name) for name in names]
    quoting = [
        pk
        for pk, body in IdempotentReply.objects.exclude(body=b"").values_list("pk", "body").iterator()
        if any(needle in bytes(body) for needle in needles)
    ]
    IdempotentReply.objects.filter(pk__in=quoting).update(body=b"")


def _names(person: Customer) -> set[str]:
    known = {person.external_id or "", *encryption.unseal(person).values()}
    known |= set(person.identities.values_list("value", flat=True))
    return known - {""}
