"""What became of what was set aside: given when the message left, given back when it did not."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, Sum

from campaigns.models import Code, CodeBatch, Decision, Delivery, Offer, OfferCap
from campaigns.offers import caps

PAGE = 500
State, Status = Decision.State, Delivery.Status
LEFT = (Status.SENT, Status.UNKNOWN)
OPEN = (Status.PLANNED, Status.CLAIMED, Status.TRANSMITTING, Status.RETRY)


def settle_all(*, at: datetime) -> Counter[str]:
    """Settle until nothing is left whose message has ended."""
    done: Counter[str] = Counter()
    while page := settle(at=at):
        done += page
    return done


def settle(*, at: datetime, limit: int = PAGE) -> Counter[str]:
    """Commit or release the next decisions whose message has ended; how many of each. Empty when there are none.

    One transaction; run again, or by several at once, it changes nothing twice. A decision whose message is sent or of
    unknown fate is given: nobody knows that the person did not get it. Any other end gives back what it counted in.
    """
    with transaction.atomic():
        asked = list(_ended()[:limit].values_list("pk", "offer_id"))
        if not asked:
            return Counter()
        # Offers before decisions, as everywhere; what another has settled meanwhile is passed over.
        caps.lock(offer for _pk, offer in asked if offer is not None)
        rows = Decision.objects.filter(pk__in=[pk for pk, _offer in asked], state=State.RESERVED)
        page = list(rows.defer("candidates", "skus").select_for_update(of=("self",), skip_locked=True))
        left = _sent([decision.pk for decision in page])
        given = [decision for decision in page if decision.pk in left]
        back = [decision for decision in page if decision.pk not in left]
        Decision.objects.filter(pk__in=[one.pk for one in given]).update(state=State.COMMITTED)
        _release(back)
    return +Counter({State.COMMITTED.value: len(given), State.RELEASED.value: len(back)})


def _message_of(decision: str = "") -> "QuerySet[Delivery]":
    """The deliveries of an outer decision's message; every slot of it goes out with the first."""
    same_step = Q(entry=OuterRef("entry"), step=OuterRef("step"))
    same_run = Q(
        run=OuterRef("run"), customer=OuterRef("customer"), step=OuterRef("step"), entry__isnull=True
    )
    return Delivery.objects.filter(same_step | same_run)


def _ended() -> "QuerySet[Decision]":
    own = Delivery.objects.filter(decision=OuterRef("pk"))
    first, others = Q(slot=0), Q(slot__gt=0)
    return Decision.objects.filter(
        first & ~Exists(own.filter(status__in=OPEN))
        | others & ~Exists(_message_of().filter(status__in=OPEN)),
        state=State.RESERVED,
    )


def _sent(ids: Sequence[UUID]) -> set[UUID]:
    own = Delivery.objects.filter(decision=OuterRef("pk"), status__in=LEFT)
    with_first = _message_of().filter(status__in=LEFT)
    rows = Decision.objects.filter(Q(slot=0) & Exists(own) | Q(slot__gt=0) & Exists(with_first), pk__in=ids)
    return set(rows.values_list("pk", flat=True))


def _release(back: Sequence[Decision]) -> None:
    """Give back what these counted in: the offer's total, its budget, its caps, and a pool's code nobody has seen."""
    ids = [decision.pk for decision in back]
    unseen = _unseen(back)
    # Each row is changed once: changed twice in one transaction, PostgreSQL asks anew at its end whether its person is
    # there, and waits for whoever holds the person and waits for the offers that are held here.
    mine = Decision.objects.filter(pk__in=ids)
    mine.filter(code_id__in=unseen).update(state=State.RELEASED, set_aside=0, code=None)
    mine.exclude(state=State.RELEASED).update(state=State.RELEASED, set_aside=0)
    by_offer: dict[int, list[Decision]] = {}
    for decision in back:
        if decision.offer_id is not None:
            by_offer.setdefault(decision.offer_id, []).append(decision)
    counted = caps.caps_of(by_offer)
    for offer_id in sorted(by_offer):
        rows = by_offer[offer_id]
        money = sum((decision.set_aside for decision in rows), Decimal(0))
        Offer.objects.filter(pk=offer_id, given__gte=len(rows)).update(
            given=F("given") - len(rows), discount_reserved=F("discount_reserved") - money
        )
        for cap in counted:
            if (cap.offer_id, cap.event, cap.scope) != (
                offer_id,
                OfferCap.Event.DECIDED,
                OfferCap.Scope.TOTAL,
            ):
                continue
            within = [d for d in rows if cap.placement is None or cap.placement.slug == d.placement]
            for period, n in Counter(caps.period(cap, d.decided_at) for d in within).items():
                caps.give_back(cap, n, within=period)
    _back_into_the_pool(unseen, but=ids)


def _unseen(back: Sequence[Decision]) -> list[int]:
    """The codes of a pool among these that nobody was shown: no other decision keeps them, and nobody used them."""
    kept = Decision.objects.filter(code=OuterRef("pk")).exclude(state=State.RELEASED)
    unseen = Code.objects.filter(
        ~Exists(kept.exclude(pk__in=[decision.pk for decision in back])),
        pk__in=[decision.code_id for decision in back if decision.code_id is not None],
        state=Code.State.ASSIGNED,
        offer__code_kind=Offer.CodeKind.POOL,
        redemptions__isnull=True,
    )
    return list(unseen.values_list("pk", flat=True))


def _back_into_the_pool(code_ids: Sequence[int], *, but: Sequence[UUID]) -> None:
    """Under the offers' locks. `but`: the decisions that have let go of their code already."""
    Decision.objects.filter(code_id__in=code_ids).exclude(pk__in=but).update(code=None)
    end = CodeBatch.objects.filter(pk=OuterRef("batch")).values("expires_at")
    Code.objects.filter(pk__in=code_ids, state=Code.State.ASSIGNED).update(
        state=Code.State.FREE, customer=None, assigned_at=None, expires_at=Subquery(end)
    )


def recount(*, at: datetime) -> int:
    """Let every budget agree with its decisions again, where an erased person's are gone; how many offers changed."""
    changed = 0
    for offer_id in Offer.objects.exclude(discount_reserved=0).order_by("pk").values_list("pk", flat=True):
        with transaction.atomic():
            offer = caps.lock([offer_id])[offer_id]
            held = Decision.objects.filter(offer=offer_id, set_aside__gt=0).exclude(state=State.RELEASED)
            money = held.aggregate(money=Sum("set_aside", default=Decimal(0)))["money"]
            if money != offer.discount_reserved:
                changed += Offer.objects.filter(pk=offer_id).update(discount_reserved=money)
    return changed
