"""What became of the codes a campaign gave, and what they cost by arm."""

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Count, F, Min, Q, Sum

from campaigns.models import Campaign, Code, CodeMisuse, Decision, Redemption

CENT = Decimal("0.01")  # SQLite sums decimals as floats


def codes(campaign: Campaign) -> dict[str, Any]:
    """Counts of codes, and money.

    used_by_someone_else : redeemed by a person other than the one it was given to
    expired : given, and never used before their time was over
    leaked : codes that somebody else used or tried to use · refused : how often such a try was turned away
    """
    given = Code.objects.filter(pk__in=campaign.decisions.filter(code__isnull=False).values("code_id"))
    used = Redemption.objects.filter(code__in=given)
    kept = Q(reversed_at__isnull=True)
    by_another = Q(customer__isnull=False) & ~Q(customer=F("code__customer"))
    control = campaign.decisions.filter(arm=Decision.Arm.CONTROL).values("customer_id")
    nought = Decimal(0)
    sums = used.aggregate(
        n=Count("pk", filter=kept),
        reversed=Count("code_id", filter=~kept, distinct=True),
        money=Sum("discount", filter=kept, default=nought),
        by_another=Count("pk", filter=kept & by_another),
        n_control=Count("pk", filter=kept & Q(customer_id__in=control)),
        by_control=Sum("discount", filter=kept & Q(customer_id__in=control), default=nought),
        currency=Min("currency", filter=kept),
    )
    counted = given.aggregate(assigned=Count("pk"), expired=Count("pk", filter=Q(state=Code.State.EXPIRED)))
    misused = CodeMisuse.objects.filter(code__in=given).aggregate(
        codes=Count("code_id", distinct=True), refused=Count("pk", filter=Q(kind=CodeMisuse.Kind.REFUSED))
    )
    return {
        "assigned": counted["assigned"],
        "redeemed": sums["n"],
        "redeemed_by_control": sums["n_control"],
        "reversed": sums["reversed"],
        "expired": counted["expired"],
        "used_by_someone_else": sums["by_another"],
        "leaked": misused["codes"],
        "refused": misused["refused"],
        "discount": sums["money"].quantize(CENT),
        "discount_treated": (sums["money"] - sums["by_control"]).quantize(CENT),
        "discount_control": sums["by_control"].quantize(CENT),
        "currency": sums["currency"] or settings.DEFAULT_CURRENCY,
    }
