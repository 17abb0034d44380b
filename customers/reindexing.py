"""Every index of an address under the newest index key, while everything goes on (S7, C9).

A person's addresses can be read, so their indexes are made anew, and the entries of the suppression list that are
about them too. An entry whose address nobody here knows waits until the address is seen again: until then it rests on
its key, which has to stay among `INDEX_KEY_FALLBACKS`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.core.checks import CheckMessage, Error
from django.db import DatabaseError, transaction
from django.db.models import Count, Q, QuerySet

from customers import consent, encryption, suppression
from customers.models import Customer, Suppression

log = structlog.get_logger()
PAGE = 500
NOBODY_SAYS = "?"
"""Stands for the key of entries that the journal brought back, or whose key was given up."""


@dataclass
class Reindexed:
    """What was done; keys are told by the name they have in the settings, those that are not there by their mark."""

    newest: str
    rewritten: int = 0
    """People whose indexes were made anew."""
    gathered: int = 0
    """Entries of the suppression list that were."""
    unreadable: int = 0
    """People whose address cannot be read, so that their indexes stay with an older key."""
    left: dict[str, int] = field(default_factory=dict)
    """key -> people whose indexes still rest on it"""
    resting: dict[str, int] = field(default_factory=dict)
    """key -> entries of the suppression list that still do"""
    unneeded: list[str] = field(default_factory=list)
    """Earlier keys that nothing of this database rests on any more."""
    missing: list[str] = field(default_factory=list)
    """Keys that something rests on and that are not in the settings."""


def waiting() -> int:
    """How many people's indexes were made with another key than the newest. One query along an index."""
    return _older().count()


def _older() -> QuerySet[Customer]:
    return Customer.objects.filter(suppression.made_with_none_of([encryption.index_key().mark]))


def reindex(*, progress: Callable[[int], None] | None = None) -> Reindexed:
    """Make every index anew with the newest key, a page of 500 in a transaction of its own; asked again it goes on.

    People are held for the length of their page, so a change or an erasure meanwhile comes before or after it. Five
    queries a page, more where somebody of it is on the suppression list. What processes with older settings write
    meanwhile is found by a second walk.
    """
    done = Reindexed(encryption.index_key().name)
    while _walk(_older(), done, _make_anew, progress):
        done.unreadable = 0
    mark = encryption.index_key().mark
    if Suppression.objects.exclude(index_key=mark).exists():
        # Entries made by a process with older settings, about people who had been walked past.
        _walk(Customer.objects.filter(index_key=mark), done, _gather)
    return _told(done)


def _walk(
    people: QuerySet[Customer],
    done: Reindexed,
    deed: Callable[[Sequence[int], Reindexed], None],
    progress: Callable[[int], None] | None = None,
) -> int:
    """Once through these people; answers how many indexes were made anew."""
    before, last = done.rewritten, 0
    while True:
        page = list(people.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:PAGE])
        if not page:
            return done.rewritten - before
        last = page[-1]
        deed(page, done)
        if progress is not None:
            progress(len(page))


def _gather(customer_ids: Sequence[int], done: Reindexed) -> None:
    """Nobody is held: an entry is right under the newest key even if its address was left a moment ago."""
    people = Customer.objects.filter(pk__in=customer_ids).select_related("key").order_by()
    needed = people.only(*suppression.COLUMNS)
    done.gathered += suppression.gather([place for one in needed for place in suppression.places(one)])


def _make_anew(customer_ids: Sequence[int], done: Reindexed) -> None:
    newest = encryption.index_key().mark
    with transaction.atomic():
        people = consent.hold(customer_ids)
        places = {pk: suppression.places(customer) for pk, customer in people.items()}
        anew = []
        for pk, customer in people.items():
            if customer.index_key in (newest, ""):
                continue
            if all(place.key == newest for place in places[pk]):
                by_channel = {place.channel: place.index for place in places[pk]}
                customer.email_index = by_channel.get("email", "")
                customer.phone_index = by_channel.get("sms", "")
                customer.index_key = newest if by_channel else ""
                anew.append(customer)
            else:
                done.unreadable += 1
        # An upsert by primary key, as saving profiles is; those rows are held, so none of them can have gone.
        Customer.objects.bulk_create(
            anew,
            update_conflicts=True,
            unique_fields=["id"],
            update_fields=["email_index", "phone_index", "index_key"],
        )
        done.rewritten += len(anew)
        done.gathered += suppression.gather([place for own in places.values() for place in own])


def _told(done: Reindexed) -> Reindexed:
    keys = encryption.index_keys()
    names = {key.mark: key.name for key in keys} | {"": NOBODY_SAYS}
    newest = keys[0].mark
    addressed = ~Q(email_index="", phone_index="")
    people = Customer.objects.filter(addressed).exclude(index_key=newest)
    entries = Suppression.objects.exclude(index_key=newest)
    for rows, told in ((people, done.left), (entries, done.resting)):
        counted = rows.order_by("index_key").values_list("index_key").annotate(n=Count("pk"))
        told |= {names.get(mark, mark): n for mark, n in counted}
    needed = done.left.keys() | done.resting.keys()
    done.unneeded = [key.name for key in keys[1:] if key.name not in needed]
    done.missing = sorted(needed - set(names.values()))
    return done


def give_up(mark: str) -> int:
    """A person says that this key is lost for good: its entries stay and keep nobody from sending; answers how many.

    Nobody will be recognised by them again. Raises ValueError for a key that is in the settings.
    """
    if mark in {"", *(key.mark for key in encryption.index_keys())}:
        raise ValueError(f"{mark!r} is no missing key")
    log.warning("a key is given up", mark=mark)
    return Suppression.objects.filter(index_key=mark).update(index_key="")


def is_key_missing() -> bool:
    """Whether an index rests on a key that is not in the settings. Two queries along indexes at most."""
    marks = [key.mark for key in encryption.index_keys()]
    return suppression.is_unanswerable() or (
        Customer.objects.filter(suppression.made_with_none_of(marks)).exists()
    )


def check(**_options: Any) -> list[CheckMessage]:
    """For `manage.py check --deploy`: every key that an index rests on is in the settings."""
    try:
        is_missing = is_key_missing()
    except DatabaseError:  # there is none yet, or it is not migrated: nothing rests on anything
        return []
    if not is_missing:
        return []
    return [
        Error(
            "Addresses were indexed with a key that is not in the settings: they are not found, and nothing is sent.",
            hint="Put it into INDEX_KEY_FALLBACKS. `manage.py rotate_keys --index` says what rests on it.",
            id="customers.E001",
        )
    ]
