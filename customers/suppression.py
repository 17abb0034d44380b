"""Who must not be written to, whatever key their entry was made with (C9, U7).

An entry is a keyed hash and nothing else, so only the address itself leads to it. Whoever knows the address asks by
its hashes under every index key, in one query; an entry that an earlier key made is then made anew with the newest.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from customers import encryption
from customers.models import Customer, Suppression

KINDS = {"email": "email", "sms": "phone"}
"""Channel -> kind of address."""
COLUMNS = ("email_index", "phone_index", "index_key", "sealed", "key__wrapped", "key__master_key_id")
"""What `places` reads of a person."""
TRIES = 3


@dataclass(frozen=True)
class Place:
    """Where an address stands on the list, if it does."""

    channel: str
    index: str
    """Its keyed hash by the newest key; of an address that nobody can read the one that is kept."""
    key: str
    """The mark of the key that `index` is made with."""
    earlier: tuple[str, ...] = ()
    """Its keyed hashes by other keys."""

    @property
    def indexes(self) -> tuple[str, ...]:
        return (self.index, *self.earlier)


@dataclass(frozen=True)
class Entry:
    """An address that is to be on the list."""

    place: Place
    reason: str
    source: str


def place(address: str, *, channel: str = "email") -> Place | None:
    """Where this address stands; None for no address."""
    indexes = encryption.blind_indexes(KINDS.get(channel, "email"), address)
    if not indexes:
        return None
    return Place(channel, indexes[0], encryption.index_key().mark, _others(indexes[0], indexes))


def places(customer: Customer) -> list[Place]:
    """Where a person's addresses stand. Select `key` along with the customer: this opens no query then."""
    kept = {"email": customer.email_index, "sms": customer.phone_index}
    kept = {channel: index for channel, index in kept.items() if index}
    if not kept or is_settled(customer.index_key):
        return [Place(channel, index, customer.index_key) for channel, index in kept.items()]
    try:
        fields = encryption.unseal(customer)
    except encryption.Unreadable:
        fields = {}
    found = []
    for channel, index in kept.items():
        indexes = encryption.blind_indexes(KINDS[channel], fields.get(KINDS[channel], ""))
        if indexes:
            others = _others(indexes[0], (*indexes, index))
            found.append(Place(channel, indexes[0], encryption.index_key().mark, others))
        else:
            found.append(Place(channel, index, customer.index_key))
    return found


def _others(newest: str, indexes: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(index for index in indexes if index != newest))


def is_settled(mark: str) -> bool:
    """Whether an index made with this key is the only one its address can have."""
    keys = encryption.index_keys()
    return len(keys) == 1 and mark == keys[0].mark


def of(asked: Iterable[Place]) -> QuerySet[Suppression]:
    """The entries of these addresses."""
    return Suppression.objects.filter(address_index__in={index for one in asked for index in one.indexes})


def is_listed(customer: Customer, *, channel: str = "email") -> bool:
    """Whether the person's address is on the list. One query."""
    return bool(reasons([customer], channel=channel))


def reasons(customers: Iterable[Customer], *, channel: str = "email") -> dict[int, str]:
    """customer id -> why their address is on the list, of those whose is. One query; select `key` along."""
    asked = {one.pk: place for one in customers for place in places(one) if place.channel == channel}
    rows = of(asked.values()).filter(channel=channel).order_by()
    listed: dict[str, str] = dict(rows.values_list("address_index", "reason"))
    found = {pk: [listed[index] for index in place.indexes if index in listed] for pk, place in asked.items()}
    return {pk: whys[0] for pk, whys in found.items() if whys}


def reasons_of(customer_ids: Collection[int], *, channel: str = "email") -> dict[int, str]:
    """As `reasons`, of people by their numbers. Two queries."""
    people = Customer.objects.filter(pk__in=customer_ids).select_related("key").order_by()
    return reasons(people.only(*COLUMNS), channel=channel)


# --- writing ---------------------------------------------------------------------------------------------------


def add(address: str, *, channel: str = "email", reason: str, source: str) -> None:
    """Put an address on the list; one that stands there already keeps its reason."""
    if (found := place(address, channel=channel)) is not None:
        keep([Entry(found, reason, source)])


def keep(entries: Sequence[Entry]) -> None:
    """Put these on the list; who stands there already keeps their reason. One statement, more while keys change."""
    if not entries:
        return
    with transaction.atomic():
        gather([entry.place for entry in entries])
        Suppression.objects.bulk_create(
            [
                Suppression(
                    channel=entry.place.channel,
                    address_index=entry.place.index,
                    index_key=entry.place.key,
                    reason=entry.reason,
                    source=entry.source[:100],
                )
                for entry in entries
            ],
            ignore_conflicts=True,
        )


def gather(asked: Collection[Place]) -> int:
    """Make the entries of these addresses anew with the newest key, those of an earlier one; answers how many.

    Of several of one address the first stays. One query where there is none, four however many there are; nothing is
    asked while there is one key only. In a transaction.
    """
    if not any(one.earlier for one in asked):
        return 0
    target = {(one.channel, index): one for one in asked for index in one.indexes}
    for left in reversed(range(TRIES)):
        try:
            with transaction.atomic():
                return _gather(target)
        except IntegrityError:  # somebody has put the same address on the list since: now it is seen
            if not left:
                raise
    raise AssertionError


def _gather(target: Mapping[tuple[str, str], Place]) -> int:
    rows = Suppression.objects.select_for_update().filter(address_index__in={index for _c, index in target})
    first: dict[Place, Suppression] = {}
    beside: list[int] = []
    for row in sorted(rows.order_by("pk"), key=lambda row: (row.created_at, row.pk)):
        place = target.get((row.channel, row.address_index))
        if place is None:
            continue
        if place in first:
            beside.append(row.pk)
        else:
            first[place] = row
    moved = []
    for place, row in first.items():
        if (row.address_index, row.index_key) != (place.index, place.key):
            row.address_index, row.index_key = place.index, place.key
            moved.append(row)
    if beside:
        Suppression.objects.filter(pk__in=beside).delete()
    if moved:
        Suppression.objects.bulk_update(moved, ["address_index", "index_key"], batch_size=250)
    return len(moved) + len(beside)


# --- which keys it rests on --------------------------------------------------------------------------------------


def made_with_none_of(marks: Collection[str]) -> Q:
    """Rows whose `index_key` is another, as ranges: an index answers them, however many rows there are."""
    known = sorted({*marks, ""})
    found = Q(index_key__gt=known[-1])
    for low, high in pairwise(known):
        found |= Q(index_key__gt=low, index_key__lt=high)
    return found


def is_unanswerable() -> bool:
    """Whether an entry was made with a key that is not in the settings, so that nobody can tell whose it is. One query."""
    known = [key.mark for key in encryption.index_keys()]
    return Suppression.objects.filter(made_with_none_of(known)).exists()
