"""What an offer and a placement must be to make sense: asked by every door that writes one."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns import segments
from campaigns.models import Offer, Placement
from campaigns.offers import formula
from campaigns.segments import InvalidRule


def problems_of_offer(offer: Offer) -> dict[str, str]:
    """{field: what is wrong}; empty for an offer that can be kept."""
    found = {}
    if offer.benefit == Offer.Benefit.PERCENT and offer.value > 100:
        found["value"] = _("No more than all of the price: at most 100 percent.")
    if offer.benefit == Offer.Benefit.AMOUNT and not offer.currency:
        found["currency"] = _("An amount needs its currency.")
    if offer.starts_at is not None and offer.ends_at is not None and offer.ends_at <= offer.starts_at:
        found["ends_at"] = _("The end must come after the beginning.")
    if offer.max_total is not None and offer.max_total < offer.given:
        found["max_total"] = ngettext(
            "It has been given %(n)s time already.", "It has been given %(n)s times already.", offer.given
        ) % {"n": f"{offer.given:,}"}
    if offer.budget is not None and offer.budget < offer.discount_given + offer.discount_reserved:
        spent = offer.discount_given + offer.discount_reserved
        found["budget"] = _("%(money)s are spent or set aside already.") % {"money": f"{spent:,.2f}"}
    # What nobody gets any more can be put away whatever it asks for.
    is_asked = offer.eligibility is not None and offer.status != Offer.Status.ARCHIVED
    check = partial(segments.check, where=f"offer:{offer.slug}")
    if is_asked and (trouble := _trouble(check, offer.eligibility)):
        found["eligibility"] = trouble
    if offer.used_percent > 100:
        found["used_percent"] = _("At most everyone uses a code: 100 percent.")
    return found


def problems_of_placement(placement: Placement, *, fallback_is_capped: bool) -> dict[str, str]:
    """{field: what is wrong}. fallback_is_capped : whether the fallback has rows of caps."""
    found = {}
    has_formula = placement.ranking == Placement.Ranking.FORMULA or placement.formula
    check = partial(formula.check, where=f"placement:{placement.slug}")
    if has_formula and (trouble := _trouble(check, placement.formula)):
        found["formula"] = trouble
    if not 1 <= placement.slots <= 30:
        found["slots"] = _("From 1 to 30 offers at once.")
    if placement.explore_percent > 100:
        found["explore_percent"] = _("At most 100 percent.")
    if (fallback := placement.fallback) is not None:
        capped = (fallback.max_total, fallback.max_per_customer, fallback.budget, fallback.eligibility)
        is_limited = fallback_is_capped or any(limit is not None for limit in capped)
        if fallback.code_kind != Offer.CodeKind.NONE or is_limited:
            found["fallback"] = _("Everybody may see it: only an offer without codes, caps, budget and rule.")
    return found


def _trouble(check: Any, said: Any) -> str:
    try:
        check(said)
    except InvalidRule as invalid:
        return _("At %(path)s: %(message)s") % {"path": invalid.path, "message": invalid.message}
    return ""


def is_possible_step(before: str, after: str) -> bool:
    """Draft → approved → archived; what is archived stays so."""
    steps: Mapping[str, tuple[str, ...]] = {
        Offer.Status.DRAFT: (Offer.Status.APPROVED, Offer.Status.ARCHIVED),
        Offer.Status.APPROVED: (Offer.Status.ARCHIVED,),
    }
    return before == after or after in steps.get(before, ())
