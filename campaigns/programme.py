"""What runs in a place of the shop: its campaigns with their audiences and offers, and how the place ranks them."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Exists, Q

from campaigns import experiments
from campaigns.models import Campaign, CampaignSegment, Offer, Placement
from campaigns.offers import caps
from campaigns.segments import Declared
from catalog.together import Rows


def is_running(placement: str, *, at: datetime, campaign: str = "") -> Q:
    """`campaign` is the way to the campaign from the rows asked, such as `campaign__`."""
    begun = Q((f"{campaign}starts_at__isnull", True)) | Q((f"{campaign}starts_at__lte", at))
    on = Q((f"{campaign}ends_at__isnull", True)) | Q((f"{campaign}ends_at__gt", at))
    return begun & on & Q(
        (f"{campaign}channel", Campaign.Channel.ONSITE),
        (f"{campaign}status", Campaign.Status.RUNNING),
        (f"{campaign}placement", placement),
    )  # fmt: skip


class Programme:
    """All that stands in the desk about a place, as it is now. Nothing is asked yet (`catalog.together`).

    unless : rows in whose presence none of it is needed; then everything here is empty.
    """

    def __init__(self, placement: str, *, at: datetime, unless: Rows | None = None) -> None:
        self.slug, self.at = placement, at
        self.needed = Q() if unless is None else ~Q(Exists(unless))
        running = CampaignSegment.objects.filter(is_running(placement, at=at, campaign="campaign__"))
        shown = Offer.objects.filter(audiences__in=running).values("pk")
        #: in the order in which they are asked
        self.audiences = (
            running.filter(self.needed)
            .select_related("campaign", "segment")
            .order_by("-campaign__priority", "campaign", "position", "pk")
        )
        self._links = (
            CampaignSegment.offers.through.objects.filter(self.needed, campaignsegment__in=running)
            .select_related("offer")
            .order_by("pk")
        )
        self._scopes = Offer.categories.through.objects.filter(self.needed, offer__in=shown).values_list(
            "offer_id", "category_id"
        )
        self.caps = caps.here(placement).filter(self.needed, offer__in=shown)
        self.placements = Placement.objects.select_related("fallback").filter(slug=placement)
        self.holdouts = experiments.holdouts(at=at)
        self.declared = Declared(at=at)

    @property
    def questions(self) -> Sequence[Rows]:
        return (
            self.audiences, self._links, self._scopes, self.caps, self.placements, self.holdouts,
            *self.declared.questions,
        )  # fmt: skip

    @property
    def placement(self) -> Placement:
        """As it was described; one offer by priority where nobody did."""
        return next(iter(self.placements), None) or Placement(slug=self.slug, name=self.slug)

    @property
    def offers(self) -> dict[int, Offer]:
        """The offers of all audiences, by id."""
        return {link.offer_id: link.offer for link in self._links}

    def offers_of(self, audience: CampaignSegment) -> list[int]:
        return [link.offer_id for link in self._links if link.campaignsegment_id == audience.pk]

    def scopes(self) -> dict[int, list[int]]:
        """The categories of each offer that is not for everything, by id."""
        found: dict[int, list[int]] = {}
        for offer, category in self._scopes:
            found.setdefault(offer, []).append(category)
        return found
