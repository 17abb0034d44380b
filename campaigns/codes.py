"""Promotion codes: assign, validate, redeem, reverse. Every change is one conditional update, so no race passes it."""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from django.db import IntegrityError, transaction
from django.db.models import F, Q

from campaigns.models import Code, Offer, Redemption
from catalog.models import Product

# No 0 and O, 1, I and L: a code is read aloud and typed.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
LENGTH = 10
CENT = Decimal("0.01")


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


def new_value(prefix: str) -> str:
    body = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return f"{prefix.upper()}{'-' if prefix else ''}{body[:5]}-{body[5:]}"


def normalised(value: str) -> str:
    """As it is stored, however it was typed."""
    return value.strip().upper()


def assign(offer: Offer, customer_ids: Collection[int], *, at: datetime) -> dict[int, Code]:
    """Each person's code of this offer: the one they have already, or a new one. A page of rows a query.

    The same person gets the same code on every channel; a database constraint holds it.
    """
    found = {
        code.customer_id: code
        for code in Code.objects.filter(offer=offer, customer_id__in=customer_ids)
        if code.customer_id
    }
    expires = at + timedelta(days=offer.code_valid_days)
    if offer.ends_at is not None:
        expires = min(expires, offer.ends_at)
    # A code that has lapsed is of no use in a new message: it lives again until the new end.
    lapsed = [
        code.pk
        for code in found.values()
        if code.state == Code.State.ASSIGNED and code.expires_at and code.expires_at <= at
    ]
    if lapsed:
        Code.objects.filter(pk__in=lapsed, state=Code.State.ASSIGNED).update(expires_at=expires)
        for code in found.values():
            if code.pk in lapsed:
                code.expires_at = expires
    missing = [pk for pk in customer_ids if pk not in found]
    fresh = [
        Code(
            offer=offer,
            value=new_value(offer.code_prefix),
            state=Code.State.ASSIGNED,
            customer_id=pk,
            assigned_at=at,
            expires_at=expires,
        )
        for pk in missing
    ]
    # 31^10 values: a collision is not expected in the life of a shop, and would fail loudly here.
    Code.objects.bulk_create(fresh, batch_size=200)
    return found | {code.customer_id: code for code in fresh if code.customer_id}


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
    """What the code would take off this order. Raises NotRedeemable (unknown, expired, …) or AlreadyUsed."""
    code = Code.objects.select_related("offer").filter(value=normalised(value)).first()
    if code is None:
        raise NotRedeemable("unknown", "There is no such code.")
    offer = code.offer
    if code.state == Code.State.REDEEMED:
        used_for = Redemption.objects.filter(code=code, reversed_at__isnull=True).values_list(
            "order_id", flat=True
        )
        if order_id not in used_for:
            raise AlreadyUsed("already_used", "This code has been used.")
    if offer.status != Offer.Status.APPROVED or code.state == Code.State.FREE:
        raise NotRedeemable("unknown", "This code is not in use.")
    if offer.starts_at is not None and at < offer.starts_at:
        raise NotRedeemable("not_started", "This offer has not begun yet.")
    over = offer.ends_at is not None and at >= offer.ends_at
    lapsed = code.expires_at is not None and at >= code.expires_at
    if over or lapsed or code.state == Code.State.EXPIRED:
        raise NotRedeemable("expired", "This code has expired.")
    if customer_id is not None and code.customer_id is not None and customer_id != code.customer_id:
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


def discount_of(offer: Offer, amount: Decimal) -> Decimal:
    """What the offer takes off an amount, half a cent rounded up, never more than the amount."""
    if offer.benefit == Offer.Benefit.PERCENT:
        off = amount * offer.value / 100
    elif offer.benefit == Offer.Benefit.AMOUNT:
        off = offer.value
    else:
        off = Decimal(0)  # free shipping: the shop knows what it costs
    return min(off, amount).quantize(CENT, rounding=ROUND_HALF_UP)


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

    Raises NotRedeemable; `limit_reached` when the offer's discount budget does not hold it.
    """
    worth = validate(
        value, customer_id=customer_id, order_id=order_id, amount=amount, currency=currency, at=at, skus=skus
    )
    code = worth.code
    try:
        with transaction.atomic():
            ours = Code.objects.filter(
                pk=code.pk, state__in=(Code.State.ASSIGNED, Code.State.REVERSED)
            ).update(state=Code.State.REDEEMED)
            if not ours:
                return _redeemed_before(code, order_id)
            within = Offer.objects.filter(pk=code.offer_id).filter(
                Q(budget__isnull=True) | Q(budget__gte=F("discount_given") + worth.discount)
            )
            if not within.update(discount_given=F("discount_given") + worth.discount):
                raise NotRedeemable("limit_reached", "The budget of this offer is spent.")
            Redemption.objects.create(
                code=code,
                customer_id=customer_id,
                order_id=order_id,
                amount=amount,
                discount=worth.discount,
                currency=currency,
                at=at,
            )
    except IntegrityError:
        return _redeemed_before(code, order_id)
    code.state = Code.State.REDEEMED
    return worth


def _redeemed_before(code: Code, order_id: str) -> Discount:
    row = Redemption.objects.filter(code=code, reversed_at__isnull=True).first()
    if row is None or row.order_id != order_id:
        raise AlreadyUsed("already_used", "This code has been used.")
    return Discount(row.discount, row.currency, code)


def reverse(value: str, *, order_id: str, at: datetime) -> Discount:
    """The order came back: the code can be used again and the discount returns to the budget. Once."""
    with transaction.atomic():
        row = (
            Redemption.objects.select_related("code")
            .filter(code__value=normalised(value), order_id=order_id)
            .order_by("-at")
            .first()
        )
        if row is None:
            raise NotRedeemable("unknown", "This code was not used for this order.")
        if Redemption.objects.filter(pk=row.pk, reversed_at__isnull=True).update(reversed_at=at):
            Code.objects.filter(pk=row.code_id).update(state=Code.State.REVERSED)
            Offer.objects.filter(pk=row.code.offer_id).update(
                discount_given=F("discount_given") - row.discount
            )
        row.code.refresh_from_db()
    return Discount(row.discount, row.currency, row.code)
