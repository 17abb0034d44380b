"""What campaigns and lists know of one person, as sources of their timeline."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns.models import Campaign, Code, Decision, Delivery, Redemption
from customers.admin.timeline import Source, Told
from recommender.models import Shown

KINDS: dict[str, str | Promise] = {
    "messages": _("Messages"),
    "decisions": _("Decisions"),
    "codes": _("Codes"),
    "lists": _("Lists shown"),
}
VERDICTS: dict[str, str | Promise] = {
    "chosen": _("chosen"),
    "eligible": _("suits, another suited better"),
    "nothing_fits": _("nothing in it suits them"),
    "not_in_force": _("not in force"),
    "not_eligible": _("its rule leaves them out"),
    "capped_total": _("given as often as it may be"),
    "capped_customer": _("they had it as often as they may"),
    "capped_placement": _("given as often as it may be in this place"),
    "budget_spent": _("its budget is spent"),
    "no_code_left": _("no code is left"),
    "shown_elsewhere": _("shown in another place already"),
}


def verdicts(candidates: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Each offer that was looked at, with what was said of it."""
    return [
        (str(one.get("offer", "")), str(VERDICTS.get(str(one.get("verdict")), one.get("verdict", ""))))
        for one in candidates
    ]


def channel(name: str) -> str:
    """A channel in words; a place in the shop keeps its own name."""
    return str(dict(Campaign.Channel.choices).get(name, name))


def _decisions(person: int) -> QuerySet[Decision]:
    return Decision.objects.filter(customer_id=person).select_related("campaign", "offer")


def _decision(row: Decision) -> Told:
    what = row.get_arm_display() if row.offer is None else gettext("chosen: %s") % row.offer
    told = [f"{slug}: {words}" for slug, words in verdicts(row.candidates)]
    if row.arm != Decision.Arm.TREATED:
        told.insert(0, gettext("got nothing, so that the effect can be measured"))
    if row.skus:
        told.append(gettext("products: %s") % ", ".join(row.skus[:6]))
    link = reverse("admin:campaigns_decision_change", args=[row.pk])
    return Told(what, row.campaign or row.placement, " · ".join(told), link)


def _deliveries(person: int) -> QuerySet[Delivery]:
    rows = Delivery.objects.filter(customer_id=person).select_related("run__campaign")
    return rows.annotate(moment=Coalesce("ended_at", "transmitting_at", "not_before"))


def _delivery(row: Delivery) -> Told:
    told = [row.get_status_display()]
    if row.reason:
        told.append(row.get_reason_display())
    if row.detail:
        told.append(row.detail)
    message = reverse("admin:customers_customer_message", args=[row.customer_id])
    return Told(channel(row.channel), row.run.campaign, " · ".join(told), f"{message}?delivery={row.pk}")


def _codes(person: int) -> QuerySet[Code]:
    return Code.objects.filter(customer_id=person).select_related("offer")


def _code(row: Code) -> Told:
    link = reverse("admin:campaigns_code_change", args=[row.pk])
    return Told(gettext("code %s") % row.value, row.offer, row.get_state_display(), link)


def _redemptions(person: int) -> QuerySet[Redemption]:
    return Redemption.objects.filter(customer_id=person).select_related("code")


def _redemption(row: Redemption) -> Told:
    more = [
        gettext("order %s") % row.order_id,
        gettext("%(off)s off %(amount)s %(currency)s")
        % {"off": f"{row.discount:,.2f}", "amount": f"{row.amount:,.2f}", "currency": row.currency},
    ]
    if row.reversed_at is not None:
        more.append(gettext("taken back"))
    link = reverse("admin:campaigns_redemption_change", args=[row.pk])
    return Told(gettext("redeemed %s") % row.code.value, "", " · ".join(more), link)


def _lists(person: int) -> QuerySet[Shown]:
    return Shown.objects.filter(customer_id=person)


def _list(row: Shown) -> Told:
    skus = ", ".join(str(item["sku"]) for item in row.items[:6])
    link = reverse("admin:recommender_shown_change", args=[row.pk])
    return Told(gettext("a list in %s") % (row.placement or "–"), "", skus, link)


def sources() -> list[Source]:
    return [
        Source("decision", "decisions", _decisions, "decided_at", _decision),
        Source("delivery", "messages", _deliveries, "moment", _delivery),
        Source("code", "codes", _codes, "assigned_at", _code),
        Source("redemption", "codes", _redemptions, "at", _redemption),
        Source("list", "lists", _lists, "at", _list),
    ]
