"""One person, many ids: anonymous to known, and two that turn out to be one."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import transaction

from customers import consent, contact, encryption, purposes, restriction
from customers.models import ConsentState, Customer, Event, Identity, PersonKey, PrivacyRequest

SEALED = ("email", "phone", "name")
_CHANGEABLE = (
    "sealed", "email_index", "phone_index", "locale", "time_zone", "country", "jurisdiction", "attributes",
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


def find_or_create(values: Collection[str], kind: str = Identity.Kind.CUSTOMER) -> dict[str, int]:
    """Customer ids by name, with a new person behind each name nobody has yet. Five queries at most."""
    found = find(values, kind)
    missing = sorted(set(values) - found.keys())
    if missing:
        with transaction.atomic():
            # Only one of two that make the same name at once gets past the unique name; the other finds it.
            keys = [encryption.new_key() for _ in missing]
            PersonKey.objects.bulk_create(keys, batch_size=500)
            people = [
                Customer(
                    external_id=value if kind == Identity.Kind.CUSTOMER else None,
                    key=key,
                    jurisdiction=settings.DEFAULT_JURISDICTION,
                )
                for value, key in zip(missing, keys, strict=True)
            ]
            Customer.objects.bulk_create(people, batch_size=500)
            Identity.objects.bulk_create(
                [
                    Identity(customer=person, kind=kind, value=value)
                    for value, person in zip(missing, people, strict=True)
                ],
                batch_size=500,
            )
            found |= {value: person.pk for value, person in zip(missing, people, strict=True)}
    return found


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
        changed = []
        for external_id, profile in by_id.items():
            customer = rows[ids[external_id]]
            if customer.erased_at is None and _apply(customer, profile, laws):
                changed.append(customer)
        # An upsert by primary key: several times as fast as bulk_update's one CASE a column.
        Customer.objects.bulk_create(
            changed, update_conflicts=True, unique_fields=["id"], update_fields=_CHANGEABLE, batch_size=500
        )
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
            customer.email_index = encryption.blind_index("email", merged.get("email", ""))
            customer.phone_index = encryption.blind_index("phone", merged.get("phone", ""))
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
        gone.sealed, gone.email_index, gone.phone_index = b"", "", ""
        gone.save(update_fields=["merged_into", "external_id", "sealed", "email_index", "phone_index"])


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
