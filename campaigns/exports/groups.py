"""The sets that are worked out: who is in which segment now, and what campaigns changed, day by day."""

from collections.abc import Iterator

from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from campaigns import disclosure, segments
from campaigns.exports.behaviour import MEASURED
from campaigns.exports.datasets import PAGE, Column, Dataset, Page, Span
from campaigns.models import Campaign, Segment
from customers import consent
from customers.models import Customer


def _members(_dataset: Dataset, span: Span) -> Iterator[Page]:
    """A span of people at a time, so that a page costs what these people did. A segment that may not be asked is left out."""
    last = Customer.objects.aggregate(last=Max("pk"))["last"] or 0
    for segment in Segment.objects.order_by("slug"):
        for first in range(0, last, PAGE):
            try:
                found = segments.matching(segment, at=span.at, span=(first, first + PAGE))
            except segments.InvalidRule:
                break
            people = Customer.objects.filter(consent.may(MEASURED), pk__in=found.values("pk"))
            names = people.order_by("pk").values_list("external_id", flat=True)
            yield [(segment.slug, name, span.at) for name in names]


def _reports(_dataset: Dataset, span: Span) -> Iterator[Page]:
    """A campaign at a time, as `disclosure` lets its report be shown: small groups stay blank, and what left is kept."""
    for campaign in Campaign.objects.order_by("slug").iterator(chunk_size=100):
        report = disclosure.released(campaign, at=span.at, by="export")
        yield [
            (
                campaign.slug, report.currency, day.until, day.treated_people, day.control_people, day.treated,
                day.control, day.effect, day.low, day.high, day.interval,
            )
            for day in report.days
            if (span.since is None or day.until >= span.since) and (span.until is None or day.until < span.until)
        ]  # fmt: skip


MEMBERS = Dataset(
    "members",
    _("Members of segments"),
    "Who is in each segment now, of those who allow analytics; a rule of behaviour counts only who allows personalization too.",
    (
        Column("segment", "text", "the segment"),
        Column("customer", "text", "the shop's own id of the person; null for a visitor without one"),
        Column("at", "moment", "when it was asked"),
    ),
    of_people=True,
    pages=_members,
)
REPORTS = Dataset(
    "reports",
    _("Campaign reports over time"),
    "What each campaign changed up to each day, with its uncertainty; nothing of fewer than twenty people or ten buyers.",
    (
        Column("campaign", "text", "the campaign"),
        Column("currency", "text", "ISO 4217"),
        Column("until", "moment", "the end of the day, as far as it is read"),
        Column("treated_people", "integer", "in the treated arm by then"),
        Column("control_people", "integer", "in the control group by then"),
        Column("treated_per_person", "float", "money per treated person since the day before"),
        Column("control_per_person", "float", "money per control person since the day before"),
        Column("effect", "float", "money per person that it changed, up to then"),
        Column("low", "float", "lower end of the 95 % interval"),
        Column("high", "float", "upper end of the 95 % interval"),
        Column("interval", "text", "fixed (read once) or sequence (may be read daily)"),
    ),
    of_people=False,
    pages=_reports,
    time="until",
)
