"""Changing whose law holds where, and what it says: how many people a change would make a yes of silence for."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from customers import purposes, softoptin
from customers.models import ConsentState, Customer, Jurisdiction, SilentYes, SoftOptIn
from customers.models.customer import CustomerQuerySet


@dataclass(frozen=True)
class Terms:
    """What a jurisdiction is to say from now on."""

    countries: frozenset[str]
    silent: frozenset[str]
    soft_opt_in: bool


@dataclass(frozen=True)
class Widened:
    """People who never answered, and of whom more would be allowed after the change."""

    what: str
    """A purpose, or `purposes.SOFT_OPT_IN`."""
    people: int


def terms_of(row: Jurisdiction) -> Terms:
    silent = row.silent.values_list("purpose", flat=True) if row.pk else ()
    return Terms(frozenset(row.countries), frozenset(silent), bool(row.pk) and row.soft_opt_in)


def silent_by_law() -> dict[str, set[str]]:
    """purpose -> the codes of the jurisdictions where silence means yes. One query."""
    found: dict[str, set[str]] = {purpose: set() for purpose in purposes.PURPOSES}
    for code, purpose in SilentYes.objects.values_list("jurisdiction__code", "purpose"):
        found.setdefault(purpose, set()).add(code)
    return found


def widened(code: str, before: Terms, after: Terms) -> list[Widened]:
    """For whom, purpose by purpose, the change would turn silence into a yes; only where it is anybody's, or may
    become so.

    Counts each person once a purpose; a query a purpose that may widen, each reads the people it is about.
    """
    law = silent_by_law()
    found = []
    for purpose in purposes.PURPOSES:
        groups: list[Q] = []
        if purpose in after.silent:
            if purpose not in before.silent:
                groups.append(Q(jurisdiction=code) & ~Q(country__in=before.countries - after.countries))
            groups.append(
                Q(country__in=after.countries - before.countries) & ~Q(jurisdiction__in=law[purpose])
            )
        if _default_is_silent(code, purpose, after, law) and purpose not in before.silent:
            groups.append(Q(jurisdiction=code, country__in=before.countries - after.countries))
        if groups:
            people = _unanswered(purpose).filter(_any(groups)).count()
            if people or (purpose in after.silent and purpose not in before.silent):
                found.append(Widened(purpose, people))
    if after.soft_opt_in and not before.soft_opt_in:
        bought = Exists(SoftOptIn.objects.filter(customer_id=OuterRef("pk")))
        here = Q(jurisdiction=code) | Q(country__in=after.countries)
        people = _unanswered(softoptin.PURPOSE).filter(here, bought).count()
        found.append(Widened(purposes.SOFT_OPT_IN, people))
    return found


def _default_is_silent(code: str, purpose: str, after: Terms, law: dict[str, set[str]]) -> bool:
    """Whether the law that people of no jurisdiction's country are under takes silence for a yes."""
    default = settings.DEFAULT_JURISDICTION
    return purpose in after.silent if default == code else default in law[purpose]


def _any(groups: Sequence[Q]) -> Q:
    found = groups[0]
    for group in groups[1:]:
        found |= group
    return found


def _unanswered(purpose: str) -> CustomerQuerySet:
    answers = ConsentState.objects.filter(customer_id=OuterRef("pk"), purpose=purpose)
    people: CustomerQuerySet = Customer.objects.present().filter(~Exists(answers))
    return people


def change(row: Jurisdiction, before: Terms, after: Terms) -> int:
    """Make it hold: the row is saved, silence is set, and people of the countries that moved come under the law that
    is now theirs. How many people moved. Four queries at most, two of which write to those people.
    """
    row.countries, row.soft_opt_in = sorted(after.countries), after.soft_opt_in
    moved = 0
    with transaction.atomic():
        row.save()
        SilentYes.objects.filter(jurisdiction=row).exclude(purpose__in=after.silent).delete()
        SilentYes.objects.bulk_create(
            [SilentYes(jurisdiction=row, purpose=purpose) for purpose in sorted(after.silent)],
            ignore_conflicts=True,
        )
        for people, code in _moving(row.code, before.countries, after.countries):
            moved += people.exclude(jurisdiction=code).update(jurisdiction=code)
    return moved


def _moving(
    code: str, before: Collection[str], after: Collection[str]
) -> Iterator[tuple[CustomerQuerySet, str]]:
    gone, come = set(before) - set(after), set(after) - set(before)
    if gone:
        yield Customer.objects.filter(country__in=gone, jurisdiction=code), settings.DEFAULT_JURISDICTION
    if come:
        yield Customer.objects.filter(country__in=come), code
