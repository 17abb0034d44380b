"""What runs in a place of the shop: its campaigns with their audiences and offers, and how the place ranks them."""

from collections.abc import Callable, Sequence
from datetime import datetime

from django.db.models import CharField, DateTimeField, Exists, OuterRef, Q

from campaigns import experiments
from campaigns.models import Campaign, CampaignSegment, Offer, Placement
from campaigns.offers import caps
from campaigns.segments import Declared
from catalog.questions import Given, Question, Rows
from recommender import serving

MOST_SLOTS = 30


def is_running(placement: str | Given, *, at: datetime | Given, campaign: str = "") -> Q:
    """`campaign` is the way to the campaign from the rows asked, such as `campaign__`."""
    begun = Q((f"{campaign}starts_at__isnull", True)) | Q((f"{campaign}starts_at__lte", at))
    on = Q((f"{campaign}ends_at__isnull", True)) | Q((f"{campaign}ends_at__gt", at))
    return begun & on & Q(
        (f"{campaign}channel", Campaign.Channel.ONSITE),
        (f"{campaign}status", Campaign.Status.RUNNING),
        (f"{campaign}placement", placement),
    )  # fmt: skip


# --- what is asked -----------------------------------------------------------------------------------------------------


def _open(placement: Given, at: Given) -> Rows:
    running = CampaignSegment.offers.through.objects.filter(
        is_running(placement, at=at, campaign="campaignsegment__campaign__"), offer=OuterRef("pk")
    )
    return (
        Offer.objects.in_force(at)
        .filter(
            Exists(running),
            code_kind=Offer.CodeKind.NONE,
            max_total__isnull=True,
            max_per_customer__isnull=True,
            budget__isnull=True,
            eligibility__isnull=True,
            caps__isnull=True,
        )
        .order_by("-priority", "slug")[:MOST_SLOTS]
    )


def _running(placement: Given, at: Given) -> Rows:
    return CampaignSegment.objects.filter(is_running(placement, at=at, campaign="campaign__"))


def _audiences(placement: Given, at: Given) -> Rows:
    rows = _running(placement, at).select_related("campaign", "segment")
    return rows.order_by("-campaign__priority", "campaign", "position", "pk")


def _links(placement: Given, at: Given) -> Rows:
    rows = CampaignSegment.offers.through.objects.filter(campaignsegment__in=_running(placement, at))
    return rows.select_related("offer").order_by("pk")


def _shown(placement: Given, at: Given) -> Rows:
    return Offer.objects.filter(audiences__in=_running(placement, at)).values("pk")


def _scopes(placement: Given, at: Given) -> Rows:
    rows = Offer.categories.through.objects.filter(offer__in=_shown(placement, at))
    return rows.values_list("offer_id", "category_id")


def _caps(placement: Given, at: Given) -> Rows:
    return caps.here(placement).filter(offer__in=_shown(placement, at))


def _question(write: Callable[[Given, Given], Rows]) -> Question:
    return Question(write, placement=CharField(), at=DateTimeField())


_PLACEMENTS = Question(
    lambda placement: Placement.objects.select_related("fallback").filter(slug=placement),
    placement=CharField(),
)
_OPEN, _AUDIENCES, _LINKS, _SCOPES, _CAPS = map(_question, (_open, _audiences, _links, _scopes, _caps))
_HOLDOUTS = Question(lambda at: experiments.holdouts(at=at), at=DateTimeField())


# --- what it says ------------------------------------------------------------------------------------------------------


class Everybody:
    """What everybody may see in a place. Nothing is asked yet (`catalog.together`)."""

    def __init__(self, placement: str, *, at: datetime) -> None:
        self.slug = placement
        self.placements = _PLACEMENTS(placement=placement)
        self.open = _OPEN(placement=placement, at=at)

    @property
    def questions(self) -> Sequence[Rows]:
        return (self.placements, self.open)

    @property
    def placement(self) -> Placement:
        """As it was described; one offer by priority where nobody did."""
        return next(iter(self.placements), None) or Placement(slug=self.slug, name=self.slug)

    @property
    def offers(self) -> list[Offer]:
        """The placement's fallback, whatever its dates; else of the running campaigns' offers those that need nobody's
        leave: without a code and without a cap, the highest priority first."""
        placement = self.placement
        if placement.fallback is not None:
            return [placement.fallback]
        return list(self.open)[: placement.slots]


class Programme:
    """All that stands in the desk about a place, as it is now. Nothing is asked yet (`catalog.together`)."""

    def __init__(self, placement: str, *, at: datetime) -> None:
        self.slug, self.at = placement, at
        self.everybody = Everybody(placement, at=at)
        here = {"placement": placement, "at": at}
        #: in the order in which they are asked
        self.audiences = _AUDIENCES(**here)
        self._links, self._scopes, self.caps = _LINKS(**here), _SCOPES(**here), _CAPS(**here)
        self.holdouts = _HOLDOUTS(at=at)
        self.learnt = serving.Asked([])
        self.declared = Declared(at=at, learnt=self.learnt)

    @property
    def questions(self) -> Sequence[Rows]:
        return (
            self.audiences, self._links, self._scopes, self.caps, self.holdouts,
            *self.everybody.questions, *self.declared.questions, *self.learnt.questions,
        )  # fmt: skip

    @property
    def placement(self) -> Placement:
        return self.everybody.placement

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
