"""What a campaign's check tells, part by part: whom it reaches, what it costs, what may come of it, whom else it meets, and
what real people would get."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns import (
    agenda,
    checks,
    fairness,
    just_looked,
    messages,
    previews,
    prospects,
    segments,
    statistics,
)
from campaigns import sizing as sizes
from campaigns.admin import words
from campaigns.admin.path import sizing
from campaigns.admin.path import words as path_words
from campaigns.admin.path.fairness import tables
from campaigns.experiments import variants as variants_of
from campaigns.models import Campaign, Message
from catalog.models import Product
from customers import few
from customers.models import Customer
from recommender import serving

SHARES = (5, 10, 20, 50)
"""Control groups to choose from, percent, beside the one that stands there."""


def hints_of(campaign: Campaign) -> list[tuple[Message, messages.Hint]]:
    """What makes its messages look like junk, or leads somewhere doubtful."""
    variants = [one.message for one in campaign.variants.select_related("message")]
    said = variants or ([campaign.message] if campaign.message else [])
    if campaign.channel != Campaign.Channel.EMAIL or campaign.kind == Campaign.Kind.JOURNEY:
        return []
    return [(message, hint) for message in dict.fromkeys(said) for hint in messages.hints(message)]


def waterfall_of(campaign: Campaign, *, at: datetime) -> dict[str, Any] | None:
    """Of all its audiences together, each person once; None where nobody can be asked. Four queries."""
    asked = [row.segment for row in campaign.audiences.select_related("segment")]
    if not asked:
        return None
    try:
        found: dict[str, Any] = segments.waterfall(*asked, channel=campaign.channel, at=at)
    except segments.InvalidRule:  # the problems say why
        return None
    return found


def reach_of(campaign: Campaign, *, by: str, at: datetime, in_tens: bool) -> dict[str, Any]:
    """The waterfall, the cost, the effect that may be expected, how small a one is found, and who must approve."""
    found = waterfall_of(campaign, at=at)
    if found is None:
        return {"nobody": _("Nobody yet: choose an audience first.")}
    reached = found["sendable"]
    just_looked.note_people(campaign, reached)
    told_nobody = _("Nobody can be reached now: choose a wider audience, or wait until somebody says yes.")
    return {
        # To whoever may not see people nobody is told like a few.
        "nobody_now": told_nobody if not reached and not in_tens else "",
        "lead": path_words.who_words(campaign, reached, in_tens=in_tens),
        "bars": words.bars(found, in_tens=in_tens, hides_nobody=in_tens),
        "costs": cost_words(campaign, reached, in_tens=in_tens),
        "effects": [*effect_words(campaign), *sizing.sentences(campaign, at=at, in_tens=in_tens)]
        or [path_words.experiment_words(campaign)],
        "approval": approval_words(campaign, reached, by=by, in_tens=in_tens),
    }


def approval_words(campaign: Campaign, reached: int, *, by: str, in_tens: bool) -> str:
    if campaign.status != Campaign.Status.DRAFT:
        return _("Approved by %s.") % campaign.approved_by if campaign.approved_by else ""
    if reached <= settings.APPROVAL_ABOVE:
        return _("One approval is enough: up to %s people whoever made it may approve it.") % (
            f"{settings.APPROVAL_ABOVE:,}"
        )
    if checks.why_not_approved(campaign, reached, by=by):
        return _(
            "You made or changed a part of it, and it reaches more than %s people: somebody else approves it. Tell them; "
            "it waits for them on their first page."
        ) % (f"{settings.APPROVAL_ABOVE:,}")
    return _("It reaches more than %s people. You neither made nor changed it, so you may approve it.") % (
        f"{settings.APPROVAL_ABOVE:,}"
    )


def _treated(campaign: Campaign, reached: int, *, in_tens: bool) -> float | None:
    """How many get it, as far as that may be told."""
    if few.is_small(reached) or (in_tens and reached < few.FEWEST_PEOPLE):
        return None
    n = few.in_tens(reached) if in_tens else reached
    return n * (1 - float(campaign.control_percent) / 100)


def cost_words(campaign: Campaign, reached: int, *, in_tens: bool) -> list[str]:
    treated = _treated(campaign, reached, in_tens=in_tens)
    if treated is None:
        return [_("Of fewer than %s people no cost is told.") % few.FEWEST_PEOPLE]
    found, told = prospects.costs(campaign, treated), []
    if found.sending:
        told.append(_("Sending: about %s.") % _money(found.sending))
    else:
        told.append(_("Sending: nothing; the step “Experiment” has 0 as the cost of one message."))
    if found.discount_high:
        # By what a few people took off one could be told from a sum that is exact.
        low, high = (_money(few.two_digits(sum_)) for sum_ in (found.discount_low, found.discount_high))
        told.append(
            _("Discounts: about %s, by how these offers were used before.") % high
            if low == high
            else _("Discounts: from %(low)s to %(high)s, by how these offers were used before.")
            % {"low": low, "high": high}
        )
    if found.unknown:
        names = ", ".join(f"“{offer}”" for offer in found.unknown)
        told.append(
            _("What %s will take off is not known: too few have used it yet, or it has no price.") % names
        )
    if found.budget is not None:
        told.append(
            _("Never more than about %s: the offers' budgets stop there.")
            % _money(few.two_digits(found.budget))
        )
    return told


def effect_words(campaign: Campaign) -> list[str]:
    """What campaigns before did, in a sentence; that nothing is known, where nothing is."""
    found = prospects.before(campaign)
    if found is None:
        return [
            _("No campaign of this kind has a report that is over, so nothing is known of its effect yet.")
        ]
    told = {
        "mean": words.money(found.mean, settings.DEFAULT_CURRENCY, sign=True),
        "low": words.money(found.low, settings.DEFAULT_CURRENCY, sign=True),
        "high": words.money(found.high, settings.DEFAULT_CURRENCY, sign=True),
        "n": found.campaigns,
    }
    if found.campaigns == 1:
        return [
            _(
                "One campaign like it brought %(mean)s per person (%(low)s to %(high)s). One is little to go by."
            )
            % told
        ]
    return [
        _(
            "%(n)s campaigns like it brought %(mean)s per person; the next falls between %(low)s and %(high)s, 95 times "
            "of 100."
        )
        % told
    ]


def meets(campaign: Campaign, *, at: datetime, in_tens: bool) -> list[dict[str, Any]]:
    """The other campaigns in the same days, with how many people are shared and who has the first word."""
    return [
        {
            "name": one.other.name,
            "link": reverse("admin:campaigns_campaign_path", args=[one.other.pk]),
            "status": one.other.get_status_display(),
            "at": one.at,
            "people": few.told_in_tens(one.people) if in_tens or one.is_sample else words.people(one.people),
            "who": _first_word(campaign, one.other),
        }
        for one in agenda.shared(campaign, at=at)
        if one.people or in_tens
    ]


def _first_word(campaign: Campaign, other: Campaign) -> str:
    if campaign.priority == other.priority:
        return _("Both have the same priority: whichever is due first is sent, as far as the caps allow.")
    if campaign.priority > other.priority:
        return _("This one has the higher priority: where a cap allows one more message, it is this.")
    return _("The other has the higher priority: where a cap allows one more message, it is the other.")


def people_of(campaign: Campaign, *, at: datetime) -> list[Customer]:
    """Three of the newest people who stand in an audience and allow that something is chosen for them."""
    newest = list(
        Customer.objects.present().exclude(email_index="").order_by("-pk").values_list("pk", flat=True)[:200]
    )
    among: set[int] = set()
    for audience in campaign.audiences.select_related("segment"):
        try:
            among.update(segments.matching(audience.segment, at=at, ids=newest).values_list("pk", flat=True))
        except segments.InvalidRule:
            continue
    people = list(Customer.objects.filter(pk__in=among).select_related("key").order_by("-pk"))
    allowed = {one.pk for one in previews.sample_people(at=at)} & among
    return sorted(people, key=lambda one: (one.pk not in allowed, -one.pk))[: previews.SAMPLES]


def would_get(campaign: Campaign, customer: Customer, *, at: datetime) -> dict[str, Any]:
    """What one person would get and every reason; nothing of it is kept."""
    variant = variants_of(campaign, [customer.pk], at=at).get(customer.pk)
    message = variant.message if variant is not None else campaign.message
    context: dict[str, Any] = {"customer": customer, "variant": variant, "found": None}
    if message is None:
        return context
    link = reverse("admin:campaigns_message_preview", args=[message.pk])
    return {
        **context,
        "found": previews.preview(message, customer, at=at, campaign=campaign),
        "link": f"{link}?{urlencode({'campaign': campaign.pk, 'customer': customer.external_id})}",
    }


def taste(customer: Customer, *, at: datetime) -> dict[str, Any]:
    """The products they would be shown, with the reason of each."""
    found = serving.recommend(customer.pk, at=at, limit=3)
    skus = [item.sku for item in found.items]
    titles = dict(Product.objects.filter(sku__in=skus).values_list("sku", "title"))
    items = [(titles.get(item.sku, item.sku), item.reason.text) for item in found.items]
    return {"items": items, "is_personal": found.personalized}


def fairness_of(campaign: Campaign, *, by: str, at: datetime) -> dict[str, Any]:
    """The look that an approval would take, not kept."""
    try:
        look = fairness.look(campaign, by=by, at=at)
    except segments.InvalidRule as why:
        return {"wrong": str(why)}
    just_looked.note_look(look)
    return {
        "look": look,
        "sections": tables(look),
        "wires": [f"{fairness.name_of(wire['attribute'])} {wire['group']}" for wire in look.tripped],
        "why_not": fairness.why_not_approved(look),
        "link": reverse("admin:campaigns_fairnesscheck_of", args=[campaign.pk]),
    }


def weighed(campaign: Campaign, *, at: datetime, in_tens: bool) -> dict[str, Any]:
    """For control groups of several sizes: the smallest effect found, and what holding out gives up if it works.

    Given up is what the people held out would have brought, were the effect a tenth of what people spend anyway.
    """
    found = sizes.sizing(campaign, at=at)
    past = found.past
    if past.is_thin(hides_nobody=in_tens) or not past.sd:
        return {"thin": sizing.lead(found, in_tens=in_tens)}
    in_tens = in_tens or past.is_estimate
    own = float(campaign.control_percent)
    people = few.in_tens(past.people) if in_tens else past.people
    margin = float(campaign.margin_percent) / 100
    gain = max(found.effect * margin - float(campaign.sending_cost), 0.0)
    rows = []
    for share in sorted({*SHARES, own} - {0.0}):
        held = round(people * share / 100)
        if not 0 < held < people:
            continue
        finds = statistics.detectable(past.sd, people - held, held)
        rows.append(
            {
                "share": f"{share:g} %",
                "is_own": share == own,
                "held": words.people(held, in_tens=in_tens),
                "finds": _money(few.two_digits(finds) if in_tens else finds),
                "gives_up": _money(few.two_digits(gain * held)),
            }
        )
    return {
        "rows": rows,
        "is_none": own == 0,
        "people": words.people(past.people, in_tens=in_tens),
        "days": campaign.window_days,
        "mean": _money(few.two_digits(past.mean) if in_tens else past.mean),
        "assumed": _money(few.two_digits(found.effect)),
    }


def _money(value: float | Decimal) -> str:
    return words.money(value, settings.DEFAULT_CURRENCY)
