"""A campaign at a glance, beside its path: asked anew at each step, so how many it reaches is estimated in a large shop."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from campaigns import segments
from campaigns.admin.path import check_words, sizing
from campaigns.admin.path import words as path_words
from campaigns.models import Campaign
from campaigns.segments.sampling import Estimate


def glance(campaign: Campaign, *, at: datetime, in_tens: bool) -> dict[str, Any]:
    """Who, what, when, cost and detectable effect, for the side of the path; how many exactly, the check counts."""
    names = ", ".join(row.segment.name for row in campaign.audiences.select_related("segment"))
    offers = dict.fromkeys(
        campaign.audiences.filter(offers__isnull=False).values_list("offers__title", flat=True)
    )
    said = [path_words.message_words(campaign), *offers]
    rows: list[tuple[str, list[str]]] = [
        (_("Who"), [names]),
        (_("What"), [line for line in said if line] or ["–"]),
        (_("When"), [path_words.when_words(campaign, at=at)]),
    ]
    if campaign.status in (Campaign.Status.DRAFT, Campaign.Status.APPROVED):
        found = _about_reached(campaign, at=at)
        reached = found.people if found is not None else None
        coarse = in_tens or (found is not None and not found.is_exact)
        if found is not None and reached is None:
            rows[0][1].append(_("Fewer than %s people can be reached now.") % f"{found.high:,}")
        else:
            rows[0][1].append(path_words.who_words(campaign, reached, in_tens=coarse))
        costs = check_words.cost_words(campaign, reached, in_tens=coarse) if reached is not None else ["–"]
        sure = sizing.sentences(campaign, at=at, in_tens=in_tens) if reached else []
        rows += [(_("Cost"), costs), (_("How sure"), sure or [path_words.experiment_words(campaign)])]
    else:
        rows.append((_("How sure"), [path_words.experiment_words(campaign)]))
    return {"rows": [(label, [line for line in lines if line]) for label, lines in rows]}


def _about_reached(campaign: Campaign, *, at: datetime) -> Estimate | None:
    """About how many all its audiences reach together, at once in a shop of any size; None where nobody can be asked."""
    asked = [row.segment for row in campaign.audiences.select_related("segment")]
    if not asked:
        return None
    try:
        return segments.estimate_reach(*asked, at=at, channel=campaign.channel)[1]
    except segments.InvalidRule:  # the problems say why
        return None
