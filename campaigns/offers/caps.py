"""How often: what the caps of offers count.

A person's own caps are counted from their rows, under the lock of the person that the caller holds. What counts all
together is guarded by the lock of the offer's row. What is left of an offer is told by `rooms`.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import (
    BigIntegerField,
    Count,
    DateTimeField,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.functions import Coalesce

from campaigns.models import CapCount, Decision, Offer, OfferCap, Outcome, Redemption
from catalog import together
from catalog.questions import Given, Questions, Rows

Event, Scope = OfferCap.Event, OfferCap.Scope
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a wall clock's, in the shop's own zone


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
    rows = (
        OfferCap.objects.select_related("placement").order_by("pk") if placement is None else here(placement)
    )
    return list(rows.filter(offer_id__in=offer_ids))


def here(placement: str | Given) -> QuerySet[OfferCap]:
    """The caps that count in a placement."""
    rows = OfferCap.objects.filter(Q(placement__isnull=True) | Q(placement__slug=placement))
    return rows.select_related("placement").order_by("pk")


def place(cap: OfferCap) -> str | None:
    """The slug of the placement that the cap is about; None for everywhere."""
    return None if cap.placement is None else cap.placement.slug


def verdict(cap: OfferCap) -> str:
    if cap.placement_id is not None:
        return "capped_placement"
    return "capped_total" if cap.scope == Scope.TOTAL else "capped_customer"


# --- what was counted --------------------------------------------------------------------------------------------------


Offers = Collection[int] | OuterRef
"""Their ids; or the one of a row outside."""


def _of(way: str, offers: Offers) -> Q:
    return Q(**{way if isinstance(offers, OuterRef) else f"{way}__in": offers})


def decided(offers: Offers, placement: str | None, *, begun: datetime | Given) -> Rows:
    """The decisions about these offers, of one placement if that is said; what was given back does not count."""
    rows = Decision.objects.filter(_of("offer_id", offers), decided_at__gte=begun)
    rows = rows.exclude(state=Decision.State.RELEASED)
    return rows if placement is None else rows.filter(placement=placement)


def clicked(offers: Offers, placement: str | None, *, begun: datetime | Given) -> Rows:
    rows = Outcome.objects.filter(
        _of("decision__offer_id", offers), kind=Outcome.Kind.CLICKED, is_machine=False, at__gte=begun
    )
    return rows if placement is None else rows.filter(decision__placement=placement)


def redeemed(offers: Offers, placement: str | None, *, begun: datetime | Given) -> Rows:
    rows = Redemption.objects.filter(_of("code__offer_id", offers), at__gte=begun, reversed_at__isnull=True)
    if placement is None:
        return rows
    return rows.filter(code__in=Decision.objects.filter(placement=placement).values("code"))


# What a cap counts, and the ways from there to the person and to the offer.
_COUNTS: Mapping[str, tuple[Callable[..., Rows], str, str]] = {
    Event.DECIDED: (decided, "customer_id", "offer_id"),
    Event.CLICKED: (clicked, "decision__customer_id", "decision__offer_id"),
    Event.REDEEMED: (redeemed, "code__customer_id", "code__offer_id"),
}


def alike(of: Iterable[OfferCap]) -> list[list[OfferCap]]:
    """The caps by what they count: event, placement and period."""
    kinds: dict[tuple[str, int | None, int | None], list[OfferCap]] = {}
    for cap in of:
        kinds.setdefault((cap.event, cap.placement_id, cap.every_days), []).append(cap)
    return list(kinds.values())


def _had(
    event: str,
    offers: Collection[int],
    placement: str | None,
    person: Collection[int] | Given,
    begun: datetime | Given,
) -> Rows:
    rows, to_person, to_offer = _COUNTS[event]
    counted = rows(offers, placement, begun=begun).filter(**{f"{to_person}__in": person})
    return counted.values_list(to_person, to_offer)


_HAD = Questions(_had, person=BigIntegerField(), begun=DateTimeField())


def had(caps: Sequence[OfferCap], people: Collection[int], *, at: datetime) -> Rows:
    """(person, offer) of each time that these caps, all `alike`, count of these people."""
    what = (caps[0].event, tuple(cap.offer_id for cap in caps), place(caps[0]))
    begun = since(caps[0], at)
    if len(people) == 1:
        return _HAD(*what, person=next(iter(people)), begun=begun)
    return _had(*what, people, begun)


def used_up(
    caps: Sequence[OfferCap], people: Collection[int], rows: Iterable[tuple[int, int]]
) -> set[tuple[int, OfferCap]]:
    """(person, cap) where one of these people has used up a cap of these, by what they `had`."""
    n = Counter(rows)
    return {(pk, cap) for cap in caps for pk in people if n[pk, cap.offer_id] >= cap.most}


def capped_people(
    of: Iterable[OfferCap], people: Collection[int], *, at: datetime
) -> set[tuple[int, OfferCap]]:
    """(person, cap) where one of these people has used up a cap that counts each customer by themselves.

    A query for each kind of cap, that is event, placement and period, however many offers have one.
    """
    found: set[tuple[int, OfferCap]] = set()
    for caps in alike(of):
        found |= used_up(caps, people, had(caps, people, at=at))
    return found


def _given(offers: Collection[int], person: Collection[int] | Given) -> Rows:
    rows = Decision.objects.filter(customer_id__in=person, offer_id__in=offers)
    return rows.exclude(state=Decision.State.RELEASED).values_list("customer_id", "offer_id")


_GIVEN = Questions(_given, person=BigIntegerField())


def given(people: Collection[int], offer_ids: Collection[int]) -> Rows:
    """(person, offer) of each time that these people had one of these offers."""
    if len(people) == 1:
        return _GIVEN(tuple(offer_ids), person=next(iter(people)))
    return _given(offer_ids, people)


def given_to(
    people: Collection[int], capped: Mapping[int, int], rows: Iterable[tuple[int, int]]
) -> set[tuple[int, int]]:
    """(person, offer) of those who had each offer as often as one person may, by what they were `given`."""
    n = Counter(rows)
    return {(pk, offer) for pk in people for offer, most in capped.items() if n[pk, offer] >= most}


_COUNTED = Questions(lambda caps, periods: CapCount.objects.filter(cap_id__in=caps, period__in=periods))


def counts(of: Collection[OfferCap], *, at: datetime) -> Rows:
    """The counts of caps that count all together, in the present period, of those that have begun to count."""
    return _COUNTED(tuple(cap.pk for cap in of), tuple(sorted({period(cap, at) for cap in of})))


def _uncounted(event: str, caps: Collection[int], placement: str | None, period: int, begun: Given) -> Rows:
    counting = decided if event == Event.DECIDED else redeemed
    before = counting(OuterRef("offer_id"), placement, begun=begun).order_by().values(one=Value(1))
    n = Subquery(before.annotate(n=Count("pk")).values("n"), output_field=IntegerField())
    counted = Exists(CapCount.objects.filter(cap=OuterRef("pk"), period=period))
    return OfferCap.objects.filter(~counted, pk__in=caps).values_list("pk", Coalesce(n, 0))


_UNCOUNTED = Questions(_uncounted, begun=DateTimeField())


def uncounted(of: Iterable[OfferCap], *, at: datetime) -> list[Rows]:
    """(cap, number) of those caps that have not begun to count in the present period: what was given or used in it before,
    as when a cap is set on an offer that is already out. A question for each kind of cap, whatever the number of offers.
    """
    return [
        _UNCOUNTED(
            caps[0].event,
            tuple(cap.pk for cap in caps),
            place(caps[0]),
            period(caps[0], at),
            begun=since(caps[0], at),
        )
        for caps in alike(of)
    ]


def by_cap(
    rows: Iterable[CapCount], before: Iterable[Rows], of: Iterable[OfferCap], *, at: datetime
) -> dict[int, CapCount]:
    """Of these `counts` those of the caps' present periods, by cap. One that is `uncounted` has no key yet."""
    found = {(row.cap_id, row.period): row for row in rows}
    numbers = {cap: n for part in before for cap, n in part}
    told = {}
    for cap in of:
        now = period(cap, at)
        told[cap.pk] = found.get((cap.pk, now)) or CapCount(cap=cap, period=now, used=numbers[cap.pk])
    return told


def counted(cap: OfferCap, *, at: datetime) -> CapCount:
    """The count of a cap that counts all together, in the present period; it begins if need be. Call it under the offer's lock."""
    rows, before = counts([cap], at=at), uncounted([cap], at=at)
    together.read(rows, *before)
    found = by_cap(rows, before, [cap], at=at)[cap.pk]
    if found._state.adding:  # noqa: SLF001 - Django documents it
        found.save()
    return found


def add(count: CapCount, cap: OfferCap, n: int) -> bool:
    """Count n more, if the cap allows them; a conditional update."""
    rows = CapCount.objects.filter(pk=count.pk, used__lte=cap.most - n)
    return bool(rows.update(used=F("used") + n)) if n <= cap.most else False


def give_back(cap: OfferCap, n: int, *, within: int) -> None:
    """n fewer in that period, where it is counted. Call it under the offer's lock."""
    rows = CapCount.objects.filter(cap=cap, period=within)
    rows.filter(used__gte=n).update(used=F("used") - n)


def lock(offer_ids: Iterable[int]) -> dict[int, Offer]:
    """Hold these offers' rows, in one order, until the transaction ends, and read them as they stand now."""
    rows = Offer.objects.select_for_update(no_key=True).filter(pk__in=set(offer_ids)).order_by("pk")
    return {offer.pk: offer for offer in rows}
