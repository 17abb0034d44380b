"""How much is left: caps, budgets and pools, held exactly.

The lock of an offer's row guards everything that is counted of it (`given`, the money, the counts of its caps, the free
codes of its pool), so that N decisions, settlements and tills at once never pass a cap. Rows are locked in one order
everywhere: people, offers by id, codes, decisions.

A planner locks the offers, reads what is left of each and takes it. The shop, in a hurry, reads without a lock; what is
taken is taken by a change that holds the locks and misses where too little is left, and then the shop does as a planner.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from math import inf
from typing import Any

from django.db.models import (
    BigIntegerField,
    Case,
    DateTimeField,
    DecimalField,
    F,
    IntegerField,
    Q,
    Value,
    When,
)

from campaigns.models import CapCount, Code, Offer, OfferCap, Placement
from campaigns.offers import caps
from campaigns.offers.candidates import is_in_force, set_aside_of
from campaigns.offers.caps import Event, Scope
from catalog import together
from catalog.questions import Given, Questions, Rows
from catalog.together import Change

# Verdicts that hold for everybody, not only for the person turned away.
FOR_ALL = ("capped_total", "capped_placement", "budget_spent", "not_in_force")
MONEY = DecimalField(max_digits=14, decimal_places=2)


@dataclass
class Room:
    """What is left of one offer."""

    offer: Offer
    set_aside: Decimal
    left: float = inf
    money: Decimal | None = None
    """Left of the budget; None without one."""
    counts: list[tuple[OfferCap, CapCount]] = field(default_factory=list)
    owners: frozenset[int] = frozenset()
    """Who has a code of it that can still be used."""
    free: float = inf
    taken: int = 0
    verdict: str = ""
    """Why nobody may have it, whatever is left."""

    def take(self, person: int) -> str:
        """One for this person; the verdict where there is no room."""
        if self.verdict:
            return self.verdict
        if self.taken >= self.left:
            return "capped_total"
        for cap, count in self.counts:
            if count.used + self.taken >= cap.most:
                return caps.verdict(cap)
        if self.money is not None and (self.money <= 0 or self.money < self.set_aside):
            return "budget_spent"
        if person not in self.owners:
            if self.free < 1:
                return "no_code_left"
            self.free -= 1
        if self.money is not None:
            self.money -= self.set_aside
        self.taken += 1
        return ""


def _codes(whole: bool) -> Rows:
    return Code.objects.select_related("batch") if whole else Code.objects.only("offer", "customer")


def _own(whole: bool, offers: Collection[int], person: Collection[int] | Given) -> Rows:
    return _codes(whole).filter(offer_id__in=offers, customer_id__in=person)


def _free(whole: bool, offer: int, most: int, at: Given) -> Rows:
    still = Q(expires_at__isnull=True) | Q(expires_at__gt=at)
    return _codes(whole).filter(still, offer=offer, state=Code.State.FREE).order_by("pk")[:most]


_OWN = Questions(_own, person=BigIntegerField())
_FREE = Questions(_free, at=DateTimeField())
# A row where the last click that may be was made.
_CLICKED = Questions(
    lambda offers, placement, most, begun: caps.clicked(offers, placement, begun=begun).values_list("pk")[
        most - 1 : most
    ],
    begun=DateTimeField(),
)


class Supply:
    """What is asked of the database about how much is left of offers. Nothing is asked yet (`catalog.together`).

    spare : whole codes are read, so many of each pool; else only whose they are, as many of each pool as there are people.
    """

    def __init__(
        self,
        offers: Collection[Offer],
        people: Collection[int],
        of: Iterable[OfferCap],
        *,
        at: datetime,
        spare: int = 0,
    ) -> None:
        self.at = at
        self.totals = [cap for cap in of if cap.scope == Scope.TOTAL]
        self.counting = [cap for cap in self.totals if cap.event != Event.CLICKED]
        self.counts = caps.counts(self.counting, at=at)
        self.uncounted = caps.uncounted(self.counting, at=at)
        # A row where the last click that may be was made.
        self.clicked = {
            cap.pk: _CLICKED((cap.offer_id,), caps.place(cap), cap.most, begun=caps.since(cap, at))
            for cap in self.totals
            if cap.event == Event.CLICKED and cap.most
        }
        without = (Offer.CodeKind.NONE,) if spare else (Offer.CodeKind.NONE, Offer.CodeKind.UNIQUE)
        coded = tuple(offer.pk for offer in offers if offer.code_kind not in without)
        whole = bool(spare)
        self.own = (
            _OWN(whole, coded, person=next(iter(people))) if len(people) == 1 else _own(whole, coded, people)
        )
        self.free = {
            offer.pk: _FREE(whole, offer.pk, spare or len(people), at=at)
            for offer in offers
            if offer.code_kind == Offer.CodeKind.POOL
        }

    @property
    def questions(self) -> Sequence[Rows]:
        return (self.counts, *self.uncounted, self.own, *self.clicked.values(), *self.free.values())

    def used(self) -> dict[int, CapCount]:
        """The present counts, by cap; what has not begun to count has no key yet."""
        return caps.by_cap(self.counts, self.uncounted, self.counting, at=self.at)

    def is_full(self, cap: OfferCap) -> bool:
        """Whether a cap on clicks is used up."""
        return not cap.most or bool(self.clicked[cap.pk])


def rooms(offers: Iterable[Offer], supply: Supply) -> dict[int, Room]:
    """What is left of each of these offers, by their id."""
    found = {}
    for offer in offers:
        money = None
        if offer.budget is not None:
            money = offer.budget - offer.discount_given - offer.discount_reserved
        left = inf if offer.max_total is None else offer.max_total - offer.given
        found[offer.pk] = Room(offer, set_aside_of(offer), left, money)
        if not is_in_force(offer, at=supply.at):
            found[offer.pk].verdict = "not_in_force"
    used = supply.used()
    for cap in supply.totals:
        if (room := found.get(cap.offer_id)) is None:
            continue
        if cap.event == Event.DECIDED:
            room.counts.append((cap, used[cap.pk]))
        elif supply.is_full(cap) if cap.event == Event.CLICKED else used[cap.pk].used >= cap.most:
            room.verdict = caps.verdict(cap)
    for pk in found.keys() & supply.free.keys():
        found[pk].owners = frozenset(
            code.customer_id for code in supply.own if code.offer_id == pk and code.customer_id
        )
        found[pk].free = len(supply.free[pk])
    return found


def locked(
    offers: Sequence[Offer], people: Collection[int], *, placement: Placement, at: datetime
) -> dict[int, Room]:
    """Lock these offers and tell what is left of each. Three queries."""
    held = caps.lock(offer.pk for offer in offers)
    supply = Supply(held.values(), people, caps.caps_of(held, placement=placement.slug), at=at)
    together.read(*supply.questions)
    return rooms(held.values(), supply)


def taken(found: Mapping[int, Room], *, at: datetime) -> list[Change]:
    """What was taken of these rooms, as changes that hold the offers' rows and miss where a cap would be passed."""
    took = {pk: room for pk, room in found.items() if room.taken}
    if not took:
        return []
    n = _each({pk: room.taken for pk, room in took.items()}, IntegerField())
    money = _each({pk: room.set_aside * room.taken for pk, room in took.items()}, MONEY)
    # Held in the one order; without the limit the order would be lost.
    held = Offer.objects.select_for_update(no_key=True).filter(pk__in=took).order_by("pk")[: len(took)]
    rows = Offer.objects.in_force(at).filter(
        Q(max_total__isnull=True) | Q(max_total__gte=F("given") + n),
        Q(budget__isnull=True) | Q(budget__gte=F("discount_given") + F("discount_reserved") + money),
        pk__in=held.values("pk"),
    )
    # A count that begins is as it was read as long as nothing was given or taken back since.
    new = [pk for pk, room in took.items() if any(count.pk is None for _cap, count in room.counts)]
    for pk in new:
        rows = rows.filter(~Q(pk=pk) | Q(given=took[pk].offer.given))
    changes = [
        together.update(
            rows, len(took), given=F("given") + n, discount_reserved=F("discount_reserved") + money
        )
    ]
    counted = [(room.taken, cap, count) for room in took.values() for cap, count in room.counts]
    if counted:
        most = _each(
            {count.pk: cap.most - n for n, cap, count in counted if count.pk}, IntegerField(), Value(-1)
        )
        changes.append(
            together.insert(
                [
                    CapCount(cap=cap, period=count.period, used=n if count.pk else count.used + n)
                    for n, cap, count in counted
                ],
                by=("cap", "period"),
                or_add=("used",),
                # Of one that was to begin here, somebody else has begun it since.
                where=CapCount.objects.filter(used__lte=most),
            )
        )
    return changes


def _each(values: Mapping[int, Any], kind: Any, others: Value | None = None) -> Case:
    """The value of each row by its key, and of all others."""
    whens = [When(pk=pk, then=Value(value, kind)) for pk, value in values.items()]
    return Case(*whens, default=others, output_field=kind)
