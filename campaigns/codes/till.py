"""At the till: what a code would take off, holding it while someone pays, using it, giving it back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from django.db import transaction
from django.db.models import F, Q, Sum

from campaigns.codes import misuse
from campaigns.codes.values import normalised
from campaigns.models import Code, CodeMisuse, Decision, Offer, OfferCap, Redemption
from campaigns.offers import caps
from catalog.models import Product
from customers import consent

CENT = Decimal("0.01")
# How long a checkout holds a code; asked again by the same order it holds on.
RESERVED_FOR = timedelta(minutes=15)
State = Code.State


class NotRedeemable(Exception):
    """The code gives nothing here. `code` is the contract's word for why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class AlreadyUsed(NotRedeemable):
    """Another order has it."""


@dataclass(frozen=True)
class Discount:
    discount: Decimal
    currency: str
    code: Code


def discount_of(offer: Offer, amount: Decimal) -> Decimal:
    """What the offer takes off an amount, half a cent rounded up, never more than the amount or the offer's most."""
    if offer.benefit == Offer.Benefit.PERCENT:
        off = amount * offer.value / 100
    elif offer.benefit == Offer.Benefit.AMOUNT:
        off = offer.value
    else:
        off = Decimal(0)  # free shipping: the shop knows what it costs
    if offer.max_discount is not None:
        off = min(off, offer.max_discount)
    return min(off, amount).quantize(CENT, rounding=ROUND_HALF_UP)


def validate(
    value: str,
    *,
    customer_id: int | None,
    order_id: str,
    amount: Decimal,
    currency: str,
    at: datetime,
    skus: Sequence[str] = (),
) -> Discount:
    """What the code would take off this order. Raises NotRedeemable (unknown, expired, …) or AlreadyUsed.

    Changes nothing, but somebody else's attempt is noted.
    """
    code = Code.objects.select_related("offer").filter(value=normalised(value)).first()
    if code is None:
        raise NotRedeemable("unknown", "There is no such code.")
    offer = code.offer
    _is_free_for(code, order_id, at=at)
    if offer.status != Offer.Status.APPROVED or code.state == State.FREE:
        raise NotRedeemable("unknown", "This code is not in use.")
    if offer.starts_at is not None and at < offer.starts_at:
        raise NotRedeemable("not_started", "This offer has not begun yet.")
    over = offer.ends_at is not None and at >= offer.ends_at
    lapsed = code.expires_at is not None and at >= code.expires_at
    if over or lapsed or code.state == State.EXPIRED:
        raise NotRedeemable("expired", "This code has expired.")
    if _is_another_s(code, customer_id):
        misuse.note(code, CodeMisuse.Kind.REFUSED, customer_id=customer_id, order_id=order_id, at=at)
        raise NotRedeemable("wrong_customer", "This code belongs to someone else.")
    if offer.currency and currency != offer.currency:
        raise NotRedeemable("not_applicable", f"This offer is in {offer.currency}.")
    if amount < offer.minimum_amount:
        raise NotRedeemable(
            "minimum_not_met", f"This offer needs an order of at least {offer.minimum_amount}."
        )
    categories = set(offer.categories.values_list("pk", flat=True))
    if categories and skus and not Product.objects.filter(sku__in=skus, category_id__in=categories).exists():
        raise NotRedeemable("not_applicable", "This offer is for other products.")
    return Discount(discount_of(offer, amount), currency, code)


def _is_another_s(code: Code, customer_id: int | None) -> bool:
    return customer_id is not None and code.customer_id is not None and customer_id != code.customer_id


def _is_free_for(code: Code, order_id: str, *, at: datetime) -> None:
    """Raise AlreadyUsed when another order has used the code, or holds it while its customer pays."""
    if code.state == State.REDEEMED:
        used_for = Redemption.objects.filter(code=code, reversed_at__isnull=True)
        if order_id not in used_for.values_list("order_id", flat=True):
            raise AlreadyUsed("already_used", "This code has been used.")
    held = code.state == State.RESERVED and code.reserved_until is not None and code.reserved_until > at
    if held and code.reserved_for != order_id:
        raise AlreadyUsed("already_used", "Another order is being paid with this code.")


def reserve(
    value: str,
    *,
    customer_id: int | None,
    order_id: str,
    amount: Decimal,
    currency: str,
    at: datetime,
    skus: Sequence[str] = (),
) -> Discount:
    """Hold the code for this order for 15 minutes, so that no other order takes it while its customer pays.

    The same order may ask again and holds on. The money is not held: `redeem` has the last word on the budget.
    Raises NotRedeemable, AlreadyUsed.
    """
    worth = validate(
        value, customer_id=customer_id, order_id=order_id, amount=amount, currency=currency, at=at, skus=skus
    )
    if worth.code.state == State.REDEEMED:
        return _redeemed_before(worth.code, order_id)
    theirs = Q(state=State.RESERVED) & (Q(reserved_for=order_id) | Q(reserved_until__lte=at))
    rows = Code.objects.filter(Q(state__in=(State.ASSIGNED, State.REVERSED)) | theirs, pk=worth.code.pk)
    until = at + RESERVED_FOR
    if not rows.update(state=State.RESERVED, reserved_for=order_id, reserved_until=until):
        raise AlreadyUsed("already_used", "Another order has taken this code.")
    worth.code.state, worth.code.reserved_for, worth.code.reserved_until = State.RESERVED, order_id, until
    return worth


def redeem(
    value: str,
    *,
    customer_id: int | None,
    order_id: str,
    amount: Decimal,
    currency: str,
    at: datetime,
    skus: Sequence[str] = (),
) -> Discount:
    """Use the code for this order. The same order again gets the same answer; another order gets AlreadyUsed.

    Raises NotRedeemable; `limit_reached` when a cap on uses is full or the offer's discount budget does not hold it.
    What was set aside for the code's person makes way for what is really taken off.
    """
    worth = validate(
        value, customer_id=customer_id, order_id=order_id, amount=amount, currency=currency, at=at, skus=skus
    )
    with transaction.atomic():
        if customer_id:
            # People before offers, as everywhere: the redemption points at its buyer, whom a planner may hold.
            consent.hold_only([customer_id])
        caps.lock([worth.code.offer_id])
        code = Code.objects.select_for_update().get(pk=worth.code.pk)
        if code.state == State.REDEEMED:
            return _redeemed_before(worth.code, order_id)
        _is_free_for(code, order_id, at=at)
        # It may have gone back into its pool, and to another, since it was read.
        given_away = _is_another_s(code, customer_id)
        if given_away or code.state not in (State.ASSIGNED, State.RESERVED, State.REVERSED):
            raise NotRedeemable("expired", "This code has expired.")
        _count_the_use(code, at=at)
        _spend(code, worth.discount)
        row = Redemption.objects.create(
            code=code,
            # Nought is somebody whom the shop named and nobody knows.
            customer_id=customer_id or None,
            order_id=order_id,
            amount=amount,
            discount=worth.discount,
            currency=currency,
            at=at,
        )
        Code.objects.filter(pk=code.pk).update(state=State.REDEEMED, reserved_for="", reserved_until=None)
    worth.code.state = State.REDEEMED
    return Discount(row.discount, row.currency, worth.code)


def _redeemed_before(code: Code, order_id: str) -> Discount:
    row = Redemption.objects.filter(code=code, reversed_at__isnull=True).first()
    if row is None or row.order_id != order_id:
        raise AlreadyUsed("already_used", "This code has been used.")
    return Discount(row.discount, row.currency, code)


def _count_the_use(code: Code, *, at: datetime) -> None:
    """Every cap on uses, under the offer's lock. Raises NotRedeemable."""
    for cap in _caps_on_uses(code):
        if cap.scope == OfferCap.Scope.TOTAL:
            has_room = caps.add(caps.counted(cap, at=at), cap, 1)
        else:
            has_room = code.customer_id is None or not caps.capped_people([cap], [code.customer_id], at=at)
        if not has_room:
            raise NotRedeemable("limit_reached", "This offer has been used as often as it may be.")


def _caps_on_uses(code: Code) -> list[OfferCap]:
    """The offer's caps on uses that this code counts in: of a placement only where it was decided there."""
    return [
        cap
        for cap in caps.caps_of([code.offer_id])
        if cap.event == OfferCap.Event.REDEEMED
        and (cap.placement is None or code.decisions.filter(placement=cap.placement.slug).exists())
    ]


def _spend(code: Code, discount: Decimal) -> None:
    """Take the discount from the budget; what was set aside for this code is free again. Raises NotRedeemable."""
    waiting = Decision.objects.filter(code=code, set_aside__gt=0)
    held = waiting.aggregate(held=Sum("set_aside", default=Decimal(0)))["held"]
    within = Offer.objects.filter(pk=code.offer_id).filter(
        Q(budget__isnull=True) | Q(budget__gte=F("discount_given") + F("discount_reserved") - held + discount)
    )
    spent = within.update(
        discount_given=F("discount_given") + discount, discount_reserved=F("discount_reserved") - held
    )
    if not spent:
        raise NotRedeemable("limit_reached", "The budget of this offer is spent.")
    if held:
        waiting.update(set_aside=0)


def reverse(value: str, *, order_id: str, at: datetime) -> Discount:
    """The order came back: the code can be used again and the discount returns to the budget. Once."""
    row = (
        Redemption.objects.select_related("code__offer")
        .filter(code__value=normalised(value), order_id=order_id)
        .order_by("-at", "-pk")
        .first()
    )
    if row is None:
        raise NotRedeemable("unknown", "This code was not used for this order.")
    with transaction.atomic():
        caps.lock([row.code.offer_id])
        if Redemption.objects.filter(pk=row.pk, reversed_at__isnull=True).update(reversed_at=at):
            Code.objects.filter(pk=row.code_id).update(state=State.REVERSED)
            Offer.objects.filter(pk=row.code.offer_id).update(
                discount_given=F("discount_given") - row.discount
            )
            for cap in _caps_on_uses(row.code):
                if cap.scope == OfferCap.Scope.TOTAL:
                    caps.give_back(cap, 1, within=caps.period(cap, row.at))
        row.code.refresh_from_db(fields=["state"])
    return Discount(row.discount, row.currency, row.code)
