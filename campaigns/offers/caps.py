"""How often and how much: caps, budgets and pools, held exactly.

The lock of an offer's row guards everything that is counted of it (`given`, the money, the counts of its caps, the free
codes of its pool), so that N decisions, settlements and tills at once never pass a cap. Rows are locked in one order
everywhere: people, offers by id, codes, decisions. A person's own caps are counted from their rows, under the lock of
the person that the caller holds.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product
from math import inf
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import F, Q, QuerySet

from campaigns.models import CapCount, Code, Decision, Offer, OfferCap, Outcome, Placement, Redemption
from campaigns.offers.candidates import is_in_force, set_aside_of

Event, Scope = OfferCap.Event, OfferCap.Scope
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a wall clock's, in the shop's own zone
# Verdicts that hold for everybody, not only for the person turned away.
FOR_ALL = ("capped_total", "capped_placement", "budget_spent", "not_in_force")


class CapPassed(Exception):
    """A conditional update found less room than the lock had shown: a defect, and nothing may be kept."""


# --- periods -----------------------------------------------------------------------------------------------------------


def period(cap: OfferCap, at: datetime) -> int:
    """Which period of the cap the moment is in, counted from 1 January 1970 by the shop's clock; 0 for ever."""
    if cap.every_days is None:
        return 0
    local = at.astimezone(ZoneInfo(settings.DEFAULT_TIME_ZONE)).replace(tzinfo=None)
    return (local - EPOCH).days // cap.every_days


def since(cap: OfferCap, at: datetime) -> datetime:
    """When the cap's present period began: midnight by the shop's clock."""
    if cap.every_days is None:
        return datetime(1970, 1, 1, tzinfo=UTC)
    midnight = EPOCH + timedelta(days=period(cap, at) * cap.every_days)
    return midnight.replace(tzinfo=ZoneInfo(settings.DEFAULT_TIME_ZONE))


def caps_of(offer_ids: Collection[int], *, placement: str | None = None) -> list[OfferCap]:
    """The caps of these offers, those of another placement left out. One query."""
    rows = OfferCap.objects.filter(offer_id__in=offer_ids).select_related("placement").order_by("pk")
    if placement is not None:
        rows = rows.filter(Q(placement__isnull=True) | Q(placement__slug=placement))
    return list(rows)


def verdict(cap: OfferCap) -> str:
    if cap.placement_id is not None:
        return "capped_placement"
    return "capped_total" if cap.scope == Scope.TOTAL else "capped_customer"


# --- what was counted --------------------------------------------------------------------------------------------------


def decided(of: Sequence[OfferCap], *, begun: datetime) -> QuerySet[Decision]:
    """The decisions that the caps count, all of one placement; what was given back does not count."""
    rows = Decision.objects.filter(offer_id__in=[cap.offer_id for cap in of], decided_at__gte=begun)
    rows = rows.exclude(state=Decision.State.RELEASED)
    where = of[0].placement
    return rows if where is None else rows.filter(placement=where.slug)


def clicked(of: Sequence[OfferCap], *, begun: datetime) -> QuerySet[Outcome]:
    rows = Outcome.objects.filter(
        decision__offer_id__in=[cap.offer_id for cap in of],
        kind=Outcome.Kind.CLICKED,
        is_machine=False,
        at__gte=begun,
    )
    where = of[0].placement
    return rows if where is None else rows.filter(decision__placement=where.slug)


def redeemed(of: Sequence[OfferCap], *, begun: datetime) -> QuerySet[Redemption]:
    offers = [cap.offer_id for cap in of]
    rows = Redemption.objects.filter(code__offer_id__in=offers, at__gte=begun, reversed_at__isnull=True)
    where = of[0].placement
    if where is None:
        return rows
    return rows.filter(code__in=Decision.objects.filter(placement=where.slug).values("code"))


# What a cap counts, and the ways from there to the person and to the offer.
_COUNTS: dict[str, tuple[Callable[..., QuerySet[Any]], str, str]] = {
    Event.DECIDED: (decided, "customer_id", "offer_id"),
    Event.CLICKED: (clicked, "decision__customer_id", "decision__offer_id"),
    Event.REDEEMED: (redeemed, "code__customer_id", "code__offer_id"),
}


def capped_people(
    of: Sequence[OfferCap], people: Collection[int], *, at: datetime
) -> set[tuple[int, OfferCap]]:
    """(person, cap) where one of these people has used up a cap that counts each customer by themselves.

    A query for each kind of cap, that is event, placement and period, however many offers have one.
    """
    alike: dict[tuple[str, int | None, int | None], list[OfferCap]] = {}
    for cap in of:
        alike.setdefault((cap.event, cap.placement_id, cap.every_days), []).append(cap)
    found = set()
    for (event, _placement, _days), caps in alike.items():
        rows, person, offer = _COUNTS[event]
        counted = rows(caps, begun=since(caps[0], at)).filter(**{f"{person}__in": people})
        had = Counter(counted.values_list(person, offer))
        found |= {(pk, cap) for cap in caps for pk in people if had[pk, cap.offer_id] >= cap.most}
    return found


def given_to(people: Collection[int], capped: Mapping[int, int]) -> set[tuple[int, int]]:
    """(person, offer) of those who had each offer as often as one person may. One query, none without a cap."""
    if not capped:
        return set()
    had: Counter[tuple[int, int]] = Counter(dict.fromkeys(product(people, capped), 0))
    rows = Decision.objects.filter(customer_id__in=people, offer_id__in=list(capped))
    rows = rows.exclude(state=Decision.State.RELEASED)
    had.update((customer, offer) for customer, offer in rows.values_list("customer_id", "offer_id") if offer)
    return {pair for pair, n in had.items() if n >= capped[pair[1]]}


def counted(cap: OfferCap, *, at: datetime) -> CapCount:
    """The count of a cap that counts all together, in the present period. Call it under the offer's lock.

    A cap that was set when the offer was already out begins with what had been given or used before.
    """
    row = CapCount.objects.filter(cap=cap, customer__isnull=True, period=period(cap, at)).first()
    if row is not None:
        return row
    begun = since(cap, at)
    before = (decided if cap.event == Event.DECIDED else redeemed)([cap], begun=begun).count()
    return CapCount.objects.create(cap=cap, period=period(cap, at), used=before)


def counted_all(caps: Sequence[OfferCap], *, at: datetime) -> dict[int, CapCount]:
    """`counted` for many caps, by cap: one query, and two more for each that begins to count. Under the offers' locks."""
    rows = CapCount.objects.filter(cap_id__in=[cap.pk for cap in caps], customer__isnull=True)
    rows = rows.filter(period__in={period(cap, at) for cap in caps})
    found = {(row.cap_id, row.period): row for row in rows}
    return {cap.pk: found.get((cap.pk, period(cap, at))) or counted(cap, at=at) for cap in caps}


def add(count: CapCount, cap: OfferCap, n: int) -> bool:
    """Count n more, if the cap allows them; a conditional update."""
    rows = CapCount.objects.filter(pk=count.pk, used__lte=cap.most - n)
    return bool(rows.update(used=F("used") + n)) if n <= cap.most else False


def give_back(cap: OfferCap, n: int, *, within: int) -> None:
    """n fewer in that period, where it is counted. Call it under the offer's lock."""
    rows = CapCount.objects.filter(cap=cap, customer__isnull=True, period=within)
    rows.filter(used__gte=n).update(used=F("used") - n)


# --- room --------------------------------------------------------------------------------------------------------------


def lock(offer_ids: Iterable[int]) -> dict[int, Offer]:
    """Hold these offers' rows, in one order, until the transaction ends, and read them as they stand now."""
    rows = Offer.objects.select_for_update(no_key=True).filter(pk__in=set(offer_ids)).order_by("pk")
    return {offer.pk: offer for offer in rows}


@dataclass
class Room:
    """What is left of one offer while its row is locked."""

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
                return verdict(cap)
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


def rooms(
    offers: Sequence[Offer], people: Collection[int], *, placement: Placement, at: datetime
) -> dict[int, Room]:
    """Lock these offers and tell what is left of each. Queries grow with the offers and their caps."""
    locked = lock(offer.pk for offer in offers)
    found = {}
    for offer in locked.values():
        money = None
        if offer.budget is not None:
            money = offer.budget - offer.discount_given - offer.discount_reserved
        left = inf if offer.max_total is None else offer.max_total - offer.given
        found[offer.pk] = Room(offer, set_aside_of(offer), left, money)
        if not is_in_force(offer, at=at):
            found[offer.pk].verdict = "not_in_force"
    of_all = [cap for cap in caps_of(locked, placement=placement.slug) if cap.scope == Scope.TOTAL]
    counts = counted_all([cap for cap in of_all if cap.event != Event.CLICKED], at=at)
    for cap in of_all:
        room = found[cap.offer_id]
        if cap.event == Event.DECIDED:
            room.counts.append((cap, counts[cap.pk]))
        elif cap.event == Event.REDEEMED:
            if counts[cap.pk].used >= cap.most:
                room.verdict = verdict(cap)
        elif clicked([cap], begun=since(cap, at))[: cap.most].count() >= cap.most:
            room.verdict = verdict(cap)
    _count_codes(found, people, at=at)
    return found


def _count_codes(found: Mapping[int, Room], people: Collection[int], *, at: datetime) -> None:
    pools = {pk: room for pk, room in found.items() if room.offer.code_kind == Offer.CodeKind.POOL}
    if not pools:
        return
    owners: dict[int, set[int]] = {}
    own = Code.objects.filter(offer_id__in=list(pools), customer_id__in=people)
    for offer, customer in own.values_list("offer_id", "customer_id"):
        owners.setdefault(offer, set()).add(customer)
    for pk, room in pools.items():
        room.owners = frozenset(owners.get(pk, ()))
        free = Code.objects.filter(offer_id=pk, state=Code.State.FREE)
        free = free.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=at))
        room.free = free[: len(people)].count()


def without_a_code(offers: Sequence[Offer], people: Collection[int], *, at: datetime) -> set[tuple[int, int]]:
    """(person, offer) where the person's one code of the offer can be used no more. One query at most."""
    coded = [offer.pk for offer in offers if offer.code_kind != Offer.CodeKind.NONE]
    if not coded:
        return set()
    gone = Q(state=Code.State.REDEEMED) | Q(batch__expires_at__lte=at)
    rows = Code.objects.filter(gone, offer_id__in=coded, customer_id__in=people)
    return {(customer, offer) for customer, offer in rows.values_list("customer_id", "offer_id") if customer}


def keep(found: Mapping[int, Room], *, placement: Placement, at: datetime) -> None:
    """Write down what was taken, each offer by a conditional update of its own. Raises CapPassed."""
    for pk in sorted(found):
        room = found[pk]
        if not (n := room.taken):
            continue
        money = room.set_aside * n
        rows = Offer.objects.filter(pk=pk).filter(
            Q(max_total__isnull=True) | Q(max_total__gte=F("given") + n),
            Q(budget__isnull=True) | Q(budget__gte=F("discount_given") + F("discount_reserved") + money),
        )
        if not rows.update(given=F("given") + n, discount_reserved=F("discount_reserved") + money):
            raise CapPassed(f"{room.offer.slug}: {n} more")
        for cap, count in room.counts:
            if not add(count, cap, n):
                raise CapPassed(f"{room.offer.slug}: {n} more of {cap}")


# --- whom it is not for ------------------------------------------------------------------------------------------------


def shown_elsewhere(
    offers: Sequence[Offer], people: Collection[int], *, placement: Placement, at: datetime
) -> set[tuple[int, int]]:
    """(person, offer) that another place in the shop shows the person now. One query.

    A message is read once and shows nothing now; what was mailed may be shown, with the same code.
    """
    rows = Decision.objects.filter(
        customer_id__in=people,
        offer_id__in=[offer.pk for offer in offers],
        run__isnull=True,
        arm=Decision.Arm.TREATED,
        expires_at__gt=at,
    )
    rows = rows.exclude(placement=placement.slug).exclude(state=Decision.State.RELEASED)
    return {(customer, offer) for customer, offer in rows.values_list("customer_id", "offer_id") if offer}
