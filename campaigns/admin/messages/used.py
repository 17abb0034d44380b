"""Where messages are said: by which campaigns, their variants and the steps of journeys. A fixed number of queries."""

from collections.abc import Mapping, Sequence

from django.db.models import OuterRef, Subquery
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext, ngettext

from campaigns import messages
from campaigns.admin.messages.blocks import OTHER
from campaigns.models import Campaign, JourneyVersion, Message, Variant

# More than a page of a list tells of.
MOST = 500
# How many campaigns a list names before it counts the rest.
NAMED = 2


def used_in(rows: Sequence[Message]) -> dict[int, dict[int, str]]:
    """message -> campaign -> its name, the newest first. Three queries."""
    found: dict[int, dict[int, str]] = {row.pk: {} for row in rows}
    own = Campaign.objects.filter(message__in=rows).order_by("-pk").values_list("message_id", "pk", "name")
    variants = Variant.objects.filter(message__in=rows).order_by("-campaign_id")
    for message, campaign, name in (
        *own[:MOST],
        *variants.values_list("message_id", "campaign_id", "campaign__name")[:MOST],
    ):
        found[message][campaign] = name
    slugs = {row.slug: row.pk for row in rows}
    for version in _newest_versions():
        steps = version.definition.get("steps") if isinstance(version.definition, dict) else None
        for step in steps.values() if isinstance(steps, dict) else ():
            said = step.get("message") if isinstance(step, dict) else None
            if said in slugs:
                found[slugs[said]][version.campaign_id] = version.campaign.name
    return found


def linked(used: Mapping[int, str]) -> str:
    """One thing in its cell, since a phone sets a cell's parts apart."""
    named = [(reverse("admin:campaigns_campaign_change", args=[pk]), name) for pk, name in used.items()]
    if not named:
        return "–"
    links = format_html_join(", ", '<a class="desk-link" href="{}">{}</a>', named[:NAMED])
    more = len(named) - NAMED
    return format_html("<span>{} {}</span>", links, gettext("and %s more") % more if more > 0 else "")


def _newest_versions() -> list[JourneyVersion]:
    latest = JourneyVersion.objects.filter(campaign=OuterRef("campaign")).order_by("-number").values("pk")[:1]
    rows = JourneyVersion.objects.filter(pk=Subquery(latest)).select_related("campaign")
    return list(rows.order_by("-campaign_id")[:MOST])


def chinese(row: Message) -> str:
    """How much is not translated into Chinese, and how much is outdated; empty where all is well."""
    missing, outdated = messages.translated(row, OTHER)
    told = [
        gettext("%s not translated") % missing if missing else "",
        gettext("%s outdated") % outdated if outdated else "",
    ]
    return ", ".join(filter(None, told))


def standing(row: Message | None, is_by_blocks: bool) -> list[str]:
    """What the message is, and what saving it would change for people; four queries."""
    way = gettext("In blocks") if is_by_blocks else gettext("In source")
    if row is None:
        return [gettext("%s; not saved yet.") % way]
    state = chinese(row)
    if not row.translations:
        told = gettext("no Chinese, so everybody gets the original")
    else:
        told = gettext("Chinese: %s") % state if state else gettext("Chinese complete")
    used = used_in([row])[row.pk]
    said = (
        ngettext("used in %s campaign", "used in %s campaigns", len(used)) % len(used)
        if used
        else gettext("used nowhere yet")
    )
    sentences = [gettext("%(way)s; %(chinese)s; %(used)s.") % {"way": way, "chinese": told, "used": said}]
    running = Campaign.objects.filter(pk__in=list(used), status=Campaign.Status.RUNNING)
    if names := list(running.values_list("name", flat=True)[:3]):
        sentences.append(
            gettext(
                "It is being sent by %s: what you save is what everybody who has not had it yet will get."
            )
            % ", ".join(f"“{name}”" for name in names)
        )
    return sentences
