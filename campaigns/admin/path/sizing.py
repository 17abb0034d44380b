"""Before a launch, in words: how small an effect the arms would find, and what the question takes."""

import math
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.admin.words import money, people
from campaigns.models import Campaign
from campaigns.sizing import DRAWN, Past, Sizing, sizing
from campaigns.statistics import Plan
from customers import few
from customers.few import FEWEST_ORDERS, FEWEST_PEOPLE


def sentences(campaign: Campaign, *, at: datetime, in_tens: bool) -> list[str]:
    """What a launch would be able to tell, in a sentence; none where there is no past to go by."""
    if not campaign.control_percent:
        return []
    found = sizing(campaign, at=at)
    if found.past.is_thin(hides_nobody=in_tens):
        return [_too_few()]
    if found.finds is None:
        return [
            _("Nothing is known of what these people spend, so how small an effect it finds is not known.")
        ]
    coarse = in_tens or found.past.is_estimate
    told = {
        "finds": _money(_about(found.finds, coarse)),
        "mean": _money(_about(found.past.mean, coarse)),
        "days": campaign.window_days,
    }
    return [
        ngettext(
            "It would show an effect of %(finds)s per person or more; a smaller one would stay unseen. Without it these "
            "people spend about %(mean)s each in %(days)s day.",
            "It would show an effect of %(finds)s per person or more; a smaller one would stay unseen. Without it these "
            "people spend about %(mean)s each in %(days)s days.",
            campaign.window_days,
        )
        % told
    ]


def _too_few() -> str:
    """What a few people spend is theirs: nothing may be said that could be told from it."""
    return _(
        "Nothing is said of fewer than %(people)s people, nor where fewer than %(buyers)s of them bought."
    ) % {
        "people": FEWEST_PEOPLE,
        "buyers": FEWEST_ORDERS,
    }


def _about(value: float, coarse: bool) -> float:
    return few.two_digits(value) if coarse else value


def page(campaign: Campaign, asked: str, *, at: datetime, in_tens: bool) -> dict[str, Any]:
    """The page's context; `asked` is the effect as it was typed.

    in_tens : for whoever may not see people; money then stands in two digits, so that two audiences that differ by one
    person do not tell what that person spends.
    """
    try:
        effect = float(asked.replace(",", ".")) if asked else None
        invalid = effect is not None and not (math.isfinite(effect) and effect > 0)
    except ValueError:
        effect, invalid = None, True
    found = sizing(campaign, at=at, effect=None if invalid else effect)
    past, is_thin = found.past, found.past.is_thin(hides_nobody=in_tens)
    coarse = in_tens or past.is_estimate
    rows = [
        (words, told(plan, past, in_tens))
        for words, plan in (
            (_("At the control share it has"), found.plan),
            (_("At the share that costs least"), found.cheapest),
        )
        if plan is not None and not is_thin
    ]
    return {
        "lead": lead(found, in_tens=in_tens),
        "asked": asked or ("" if is_thin else f"{_about(found.effect, coarse):.2f}"),
        "invalid": _("Type an amount above nought, such as 0.50.") if invalid else "",
        "currency": settings.DEFAULT_CURRENCY,
        "rows": rows,
        "is_thin": is_thin,
        "people": people(past.people, in_tens=coarse),
        "buyers": few.told_in_tens(past.buyers, FEWEST_ORDERS)
        if coarse
        else few.told(past.buyers, FEWEST_ORDERS),
        "mean": _money(_about(past.mean, coarse)),
        "sd": _money(_about(past.sd, coarse)),
        "is_estimate": past.is_estimate,
        "drawn": f"{DRAWN:,}",
        "pays": _money(found.pays) if found.pays else "",
    }


def lead(found: Sizing, *, in_tens: bool) -> str:
    if found.past.is_thin(hides_nobody=in_tens):
        return _too_few()
    coarse = in_tens or found.past.is_estimate
    if not found.past.people:
        return _("Its audience has nobody who may be written to and measured.")
    n = people(found.past.people, in_tens=coarse)
    if not found.past.sd:
        if found.past.mean:
            return _("All of its %s people spent the same lately, so nothing can be said beforehand.") % n
        return _("None of its %s people has ordered lately, so nothing can be said beforehand.") % n
    if found.finds is None:
        return _("Nobody is held out, so no effect can be found. Hold out a share of its %s people.") % n
    return _("With its %(people)s people of now it finds an effect of %(finds)s per person or more.") % {
        "people": n,
        "finds": _money(_about(found.finds, coarse)),
    }


def told(plan: Plan, past: Past, in_tens: bool) -> dict[str, str]:
    """A plan in words. How many days it takes tells how many joined lately: of a few, and in tens, it is not said."""
    coarse = in_tens or past.is_estimate
    if coarse:
        n, treated, control = (int(few.two_digits(x)) for x in (plan.people, plan.treated, plan.control))
        plan = replace(plan, people=n, treated=treated, control=control)
    needs_more = plan.people > past.people
    hides_days = few.is_small(past.joined) or (in_tens and needs_more)
    return {
        "share": f"{plan.control_share:.1%}",
        "people": f"{plan.people:,}",
        "treated": f"{plan.treated:,}",
        "control": f"{plan.control:,}",
        "days": _days(plan, hides=needs_more and hides_days),
        "finds": _money(_about(plan.finds, coarse)) if plan.finds is not None else "–",
    }


def _days(plan: Plan, *, hides: bool) -> str:
    if hides:
        return "–"
    if plan.days is None:
        return _("never: so many people do not come")
    return ngettext("%s day", "%s days", plan.days) % f"{plan.days:,}"


def _money(value: float) -> str:
    return money(value, settings.DEFAULT_CURRENCY)
