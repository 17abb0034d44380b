"""Changing whose law holds where, and what it says: for how many people silence would become a yes, or cease to be one."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from customers import lawbook, purposes, softoptin
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


@dataclass(frozen=True)
class Narrowed:
    """People who never answered, and are allowed now and would not be after the change."""

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
        here = Q(jurisdiction=code) | Q(country__in=after.countries)
        found.append(Widened(purposes.SOFT_OPT_IN, _buyers().filter(here).count()))
    return found


def narrowed(code: str, before: Terms, after: Terms) -> list[Narrowed]:
    """Who would be left, purpose by purpose, where the change asks first whom silence makes a yes of now; only where
    it is anybody.

    Counts as `widened` does; who is restricted is used for nothing already.
    """
    law = silent_by_law()
    found = []
    for purpose in purposes.PURPOSES:
        groups = _leaving(
            code,
            before,
            after,
            said=purpose in before.silent,
            says=purpose in after.silent,
            default_says=_default_is_silent(code, purpose, after, law),
            saying=law[purpose],
        )
        if groups and (people := _unanswered(purpose).filter(_any(groups), restricted_at=None).count()):
            found.append(Narrowed(purpose, people))
    soft, default = set(softoptin.lawful().values_list("code", flat=True)), settings.DEFAULT_JURISDICTION
    groups = _leaving(
        code,
        before,
        after,
        said=before.soft_opt_in,
        says=after.soft_opt_in,
        default_says=after.soft_opt_in if default == code else default in soft,
        saying=soft,
    )
    if groups and (people := _buyers().filter(_any(groups), restricted_at=None).count()):
        found.append(Narrowed(purposes.SOFT_OPT_IN, people))
    return found


def _leaving(
    code: str,
    before: Terms,
    after: Terms,
    *,
    said: bool,
    says: bool,
    default_says: bool,
    saying: Collection[str],
) -> list[Q]:
    """Who is under a law that says yes and comes under one that does not: who stays, who goes and who comes."""
    gone, come = before.countries - after.countries, after.countries - before.countries
    groups = []
    if said and not says:
        groups.append(Q(jurisdiction=code) & ~Q(country__in=gone))
    if said and gone and not default_says:
        groups.append(Q(jurisdiction=code, country__in=gone))
    if come and not says and (others := set(saying) - {code}):
        groups.append(Q(country__in=come, jurisdiction__in=others))
    return groups


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


def _buyers() -> CustomerQuerySet:
    """Who bought what a law may let be written about, and never answered."""
    bought = Exists(SoftOptIn.objects.filter(customer_id=OuterRef("pk")))
    return _unanswered(softoptin.PURPOSE).filter(bought)


def change(row: Jurisdiction, before: Terms, after: Terms, *, by: str, at: datetime) -> int:
    """Make it hold: the row is saved, silence is set, people of the countries that moved come under the law that is
    now theirs, and what held until now is kept. How many people moved. Ten queries at most, however many those are.
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
            moved += lawbook.move(people, code, at=at)
        lawbook.write(row, after.silent, by=by, at=at)
    return moved


def remove(row: Jurisdiction, *, by: str, at: datetime) -> None:
    """Delete it; what it said until now is kept. Who is under it is allowed nothing without having said yes (C1)."""
    with transaction.atomic():
        lawbook.write(row, (), by=by, at=at, is_removed=True)
        row.delete()


def _moving(
    code: str, before: Collection[str], after: Collection[str]
) -> Iterator[tuple[CustomerQuerySet, str]]:
    gone, come = set(before) - set(after), set(after) - set(before)
    if gone:
        yield Customer.objects.filter(country__in=gone, jurisdiction=code), settings.DEFAULT_JURISDICTION
    if come:
        yield Customer.objects.filter(country__in=come), code
