"""Before a launch, in words: how small an effect the arms would find, and what the question takes."""

import math
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from campaigns.admin.words import money
from campaigns.models import Campaign
from campaigns.sizing import Sizing, sizing
from campaigns.statistics import Plan


def sentences(campaign: Campaign, *, at: datetime) -> list[str]:
    """What a launch would be able to tell, in a sentence; none where there is no past to go by."""
    if not campaign.control_percent:
        return []
    found = sizing(campaign, at=at)
    if found.finds is None:
        return [
            _("Nothing is known of what these people spend, so how small an effect it finds is not known.")
        ]
    told = {"finds": _money(found.finds), "mean": _money(found.past.mean)}
    return [
        _(
            "It would find an effect of %(finds)s per person or more; these people spend %(mean)s each in such a window."
        )
        % told
    ]


def page(campaign: Campaign, asked: str, *, at: datetime) -> dict[str, Any]:
    """The page's context; `asked` is the effect as it was typed."""
    try:
        effect = float(asked.replace(",", ".")) if asked else None
        invalid = effect is not None and not (math.isfinite(effect) and effect > 0)
    except ValueError:
        effect, invalid = None, True
    found = sizing(campaign, at=at, effect=None if invalid else effect)
    rows = [
        (words, told(plan))
        for words, plan in (
            (_("At the control share it has"), found.plan),
            (_("At the share that costs least"), found.cheapest),
        )
        if plan is not None
    ]
    return {
        "lead": _lead(found),
        "asked": asked or f"{found.effect:.2f}",
        "invalid": _("Type an amount above nought, such as 0.50.") if invalid else "",
        "currency": settings.DEFAULT_CURRENCY,
        "rows": rows,
        "past": found.past,
        "mean": _money(found.past.mean),
        "sd": _money(found.past.sd),
        "pays": _money(found.pays) if found.pays else "",
    }


def _lead(found: Sizing) -> str:
    people = f"{found.past.people:,}"
    if not found.past.people:
        return _("Its audience has nobody who may be written to and measured.")
    if not found.past.sd:
        return _("None of its %s people has ordered lately, so nothing can be said beforehand.") % people
    if found.finds is None:
        return _("Nobody is held out, so no effect can be found. Hold out a share of its %s people.") % people
    return _("With its %(people)s people of now it finds an effect of %(finds)s per person or more.") % {
        "people": people,
        "finds": _money(found.finds),
    }


def told(plan: Plan) -> dict[str, str]:
    never = _("never: so many people do not come")
    return {
        "share": f"{plan.control_share:.1%}",
        "people": f"{plan.people:,}",
        "treated": f"{plan.treated:,}",
        "control": f"{plan.control:,}",
        "days": never if plan.days is None else _("%s days") % f"{plan.days:,}",
        "finds": _money(plan.finds) if plan.finds is not None else "–",
    }


def _money(value: float) -> str:
    return money(value, settings.DEFAULT_CURRENCY)
