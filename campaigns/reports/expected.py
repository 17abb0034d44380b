"""What the live model expects of each segment for each of its offers, to stand beside what was seen."""

from dataclasses import dataclass
from datetime import datetime

from campaigns import forecasts
from campaigns.models import Campaign, Offer, Segment
from recommender.serving.affinity import NothingLearnt


@dataclass(frozen=True)
class Expected:
    """Of the segment as it is now: who will buy the offer's products in the next 30 days, campaign or not."""

    buyers: float
    low: float
    high: float


def expected(campaign: Campaign, *, at: datetime) -> dict[tuple[str, str], Expected]:
    """By the segment's name and the offer's title; what the model cannot tell is missing.

    Queries grow with the segments and offers, not with people. Raises NothingLearnt where it can tell nothing.
    """
    among: dict[Offer, list[Segment]] = {}
    for audience in campaign.audiences.select_related("segment").prefetch_related("offers__categories"):
        for offer in audience.offers.all():
            among.setdefault(offer, []).append(audience.segment)
    found: dict[tuple[str, str], Expected] = {}
    trouble = NothingLearnt("the campaign has no offers")
    for offer, segments in among.items():
        try:
            lines = forecasts.bring(offer, segments, at=at).lines
        except NothingLearnt as reason:
            trouble = reason
            continue
        for line in lines:
            if line.segment is not None and (told := line.forecast) is not None:
                found[line.segment.name, offer.title] = Expected(told.buyers, told.low, told.high)
            elif line.segment is not None:
                trouble = NothingLearnt(line.trouble)
    if not found:
        raise trouble
    return found
