"""One person, many ids: anonymous to known, and two that turn out to be one."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from customers import consent, contact, encryption, lawbook, purposes, restriction, suppression
from customers.models import ConsentState, Customer, Event, Identity, PersonKey, PrivacyRequest

SEALED = ("email", "phone", "name")
_CHANGEABLE = (
    "sealed", "email_index", "phone_index", "index_key", "locale", "time_zone", "country", "jurisdiction", "attributes",
)  # fmt: skip


@dataclass(frozen=True)
class Profile:
    """What a shop says of one of its customers; None leaves what is known unchanged, "" clears it."""

    id: str
    email: str | None = None
    phone: str | None = None
    name: str | None = None
    locale: str | None = None
    time_zone: str | None = None
    country: str | None = None
    attributes: dict[str, Any] | None = None


@dataclass(frozen=True)
class Saved:
    created: int
    changed: int
    unchanged: int


def find(values: Collection[str], kind: str = Identity.Kind.CUSTOMER) -> dict[str, int]:
    """Customer ids by the names they are known under. One query."""
    return dict(Identity.objects.filter(kind=kind, value__in=set(values)).values_list("value", "customer_id"))


def names(customer_ids: Collection[int]) -> dict[int, str]:
    """What each of these people is called by the shop, else their number here. One query."""
    rows = Customer.objects.filter(pk__in=customer_ids).values_list("pk", "external_id")
    return {pk: name or f"#{pk}" for pk, name in rows}


def find_or_create(values: Collection[str], kind: str = Identity.Kind.CUSTOMER) -> dict[str, int]:
    """Customer ids by name, with a new person behind each name nobody has yet. Five queries at most."""
    found = find(values, kind)
    while missing := sorted(set(values) - found.keys()):
        try:
            found |= _create(missing, kind)
        except IntegrityError:
            # Of two that make the same name at once only one gets past the unique name; the other finds it.
            late = find(missing, kind)
            if not late:
                raise
            found |= late
    return found


def _create(names: Sequence[str], kind: str) -> dict[str, int]:
    with transaction.atomic():
        keys = [encryption.new_key() for _ in names]
        PersonKey.objects.bulk_create(keys, batch_size=500)
        people = [
            Customer(
                external_id=name if kind == Identity.Kind.CUSTOMER else None,
                key=key,
                jurisdiction=settings.DEFAULT_JURISDICTION,
            )
            for name, key in zip(names, keys, strict=True)
        ]
        Customer.objects.bulk_create(people, batch_size=500)
        Identity.objects.bulk_create(
            [
                Identity(customer=person, kind=kind, value=name)
                for name, person in zip(names, people, strict=True)
            ],
            batch_size=500,
        )
    return {name: person.pk for name, person in zip(names, people, strict=True)}


def save_profiles(profiles: Sequence[Profile]) -> Saved:
    """Create or update people, all or none; personal fields are sealed under each one's own key.

    A bounded number of queries for any number of people; the last of two profiles of one id wins.
    """
    by_id = {profile.id: profile for profile in profiles}
    with transaction.atomic():
        before = find(by_id)
        ids = find_or_create(by_id)
        rows = consent.hold(ids.values())
        laws = purposes.jurisdictions() if any(profile.country for profile in profiles) else {}
        changed: list[Customer] = []
        known, moved = set(before.values()), []
        for external_id, profile in by_id.items():
            customer = rows[ids[external_id]]
            law = customer.jurisdiction
            if customer.erased_at is None and _apply(customer, profile, laws):
                changed.append(customer)
                if customer.jurisdiction != law and customer.pk in known:
                    moved.append((customer.pk, law))
        # An upsert by primary key: several times as fast as bulk_update's one CASE a column.
        Customer.objects.bulk_create(
            changed, update_conflicts=True, unique_fields=["id"], update_fields=_CHANGEABLE, batch_size=500
        )
        suppression.gather([place for customer in changed for place in suppression.places(customer)])
        lawbook.moved(moved, at=timezone.now())
    created = len(by_id) - len(before)
    altered = sum(customer.pk in before.values() for customer in changed)
    return Saved(created, altered, len(by_id) - created - altered)


def _apply(customer: Customer, profile: Profile, laws: Mapping[str, str]) -> bool:
    changed = False
    personal = {name: getattr(profile, name) for name in SEALED if getattr(profile, name) is not None}
    if personal and customer.key is not None:
        sealed = encryption.unseal(customer)
        merged = {name: value for name, value in (sealed | personal).items() if value}
        if merged != sealed:
            customer.sealed = encryption.seal(customer.key, merged)
            encryption.index(customer, merged)
            changed = True
    plain = {name: getattr(profile, name) for name in ("locale", "time_zone", "country")}
    if profile.country is not None:
        plain["country"] = profile.country.upper()
        plain["jurisdiction"] = laws.get(plain["country"], settings.DEFAULT_JURISDICTION)
    if profile.attributes is not None:
        plain["attributes"] = {**customer.attributes, **profile.attributes}
    for name, value in plain.items():
        if value is not None and getattr(customer, name) != value:
            setattr(customer, name, value)
            changed = True
    return changed


def merge(keep_id: int, gone_id: int, *, actor: str, at: datetime) -> None:
    """Two people turn out to be one. Events move; of two answers the most restrictive holds (C10).

    So does what either refused or left, and a restriction of either.
    """
    if keep_id == gone_id:
        return
    with transaction.atomic():
        people = consent.hold([keep_id, gone_id])
        keep, gone = people[keep_id], people[gone_id]
        kept = dict(ConsentState.objects.filter(customer=keep).values_list("purpose", "granted"))
        refused = ConsentState.objects.filter(customer=gone, granted=False).values_list("purpose", flat=True)
        lowered = [purpose for purpose in refused if kept.get(purpose) is not False]
        consent.withdraw_all(keep_id, method="merge", source="identities", actor=actor, at=at, only=lowered)
        Event.objects.filter(customer=gone).update(customer=keep)
        Identity.objects.filter(customer=gone).update(customer=keep)
        ConsentState.objects.filter(customer=gone).delete()
        contact.merge(keep_id, gone_id)
        _carry_refusals(keep, gone)
        if gone.restricted_at is not None:
            restriction.restrict([keep], at=at)
            # The demand goes along, so that whoever lifts it lifts it of the person they are now.
            asked = PrivacyRequest.objects.filter(customer=gone, type=PrivacyRequest.Type.RESTRICTION)
            asked.filter(ended_at__isnull=False).update(customer=keep, customer_number=keep_id)
        gone.merged_into, gone.external_id = keep, None
        gone.sealed, gone.email_index, gone.phone_index, gone.index_key = b"", "", "", ""
        gone.save(
            update_fields=["merged_into", "external_id", "sealed", "email_index", "phone_index", "index_key"]
        )


def _carry_refusals(keep: Customer, gone: Customer) -> None:
    """What either said no to, in every model of whichever app that says what a refusal is of: `refuses = column`.

    Found by walking Django's own list of models, as `privacy` does, so that nothing is called upwards.
    """
    for model in apps.get_models():
        if column := getattr(model, "refuses", ""):
            rows = model._default_manager  # noqa: SLF001 - Django's documented way
            twice = list(rows.filter(customer=keep).values_list(column, flat=True))
            rows.filter(customer=gone, **{f"{column}__in": twice}).delete()
            rows.filter(customer=gone).update(customer=keep)


def identify(anonymous_id: str, external_id: str, *, at: datetime) -> int:
    """A visitor says who they are. Returns the customer's id; an anonymous past joins the known person."""
    with transaction.atomic():
        visitor = find([anonymous_id], Identity.Kind.ANONYMOUS).get(anonymous_id)
        known = find([external_id]).get(external_id)
        if known is None and visitor is not None:
            row = Customer.objects.select_for_update().get(pk=visitor)
            if row.external_id is None:
                row.external_id = external_id
                row.save(update_fields=["external_id"])
                Identity.objects.create(customer=row, kind=Identity.Kind.CUSTOMER, value=external_id)
                return visitor
        known = known or find_or_create([external_id])[external_id]
        if visitor is None:
            Identity.objects.create(customer_id=known, kind=Identity.Kind.ANONYMOUS, value=anonymous_id)
        elif visitor != known:
            owner = Customer.objects.get(pk=visitor)
            if owner.external_id is None:  # never merge two people the shop itself tells apart
                merge(known, visitor, actor="identify", at=at)
            else:
                Identity.objects.filter(kind=Identity.Kind.ANONYMOUS, value=anonymous_id).update(
                    customer_id=known
                )
        return known


def join(pairs: Collection[tuple[str, str]], *, at: datetime) -> None:
    """(anonymous id, the shop's own id) of one person, many at once: what visitors did becomes theirs.

    Two queries where all are known, six where new names come; only people who turn out to be one cost more each.
    """
    if not pairs:
        return
    with transaction.atomic():
        visitors = find({visitor for visitor, _known in pairs}, Identity.Kind.ANONYMOUS)
        people = find({known for _visitor, known in pairs})
        fresh: dict[str, str] = {}
        for visitor, known in sorted(pairs):
            owner = visitors.get(visitor)
            if owner is None:
                fresh.setdefault(visitor, known)
            elif owner != people.get(known):
                people[known] = visitors[visitor] = identify(visitor, known, at=at)
        if fresh:
            people |= find_or_create(set(fresh.values()))
            Identity.objects.bulk_create(
                [
                    Identity(customer_id=people[known], kind=Identity.Kind.ANONYMOUS, value=visitor)
                    for visitor, known in fresh.items()
                ],
                batch_size=500,
                ignore_conflicts=True,
            )


def alias(previous: str, external_id: str, *, at: datetime) -> None:
    """The shop says that another name, its own or a visitor's, is this customer: who had it becomes one with them."""
    with transaction.atomic():
        gone = find([previous]).get(previous)
        if gone is None:
            join([(previous, external_id)], at=at)
            return
        known = find_or_create([external_id])[external_id]
        if gone != known:
            merge(known, gone, actor="alias", at=at)
