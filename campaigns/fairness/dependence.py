"""What a campaign's choice, benefit and price may depend on: worked out from its rules, and published (C15)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from campaigns import journeys, segments
from campaigns.models import Campaign, Offer, Placement, Segment
from customers import sensitive

By = Placement.Ranking
# Conditions that ask neither what people are nor what they did.
OF_NOBODY = ("attribute", "segment", "random")
LIVE = (Campaign.Status.RUNNING, Campaign.Status.PAUSED)


@dataclass(frozen=True)
class Dependence:
    """What the rules and rankings of one or more campaigns ask for; nothing else may change who gets what."""

    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """attribute -> the places whose rules ask for it, such as `segment:vip`"""
    acts: frozenset[str] = frozenset()
    """kinds of conditions on what people did, or what was worked out from it, such as `did` and `interest`"""
    by_taste: bool = False
    """Whether offers are ranked by what suits the person: worked out from what they did, if they allow it."""
    by_chance: bool = False
    """Whether a draw has a part: control groups, shares of variants and offers, random parts of rules."""

    def __or__(self, other: "Dependence") -> "Dependence":
        names = sorted({*self.attributes, *other.attributes})
        return Dependence(
            {
                name: tuple(sorted({*self.attributes.get(name, ()), *other.attributes.get(name, ())}))
                for name in names
            },
            self.acts | other.acts,
            self.by_taste or other.by_taste,
            self.by_chance or other.by_chance,
        )


def of(campaign: Campaign) -> Dependence:
    """What this campaign depends on. Six queries, and one for each segment inside a rule.

    A rule that cannot be read matches nobody, so nothing depends on it.
    """
    found = Dependence(by_chance=campaign.control_percent > 0 or not campaign.ignores_holdout)
    audiences = list(campaign.audiences.select_related("segment").prefetch_related("offers__categories"))
    offers = [offer for audience in audiences for offer in audience.offers.all()]
    placement = _placement(campaign)
    for where, rule in _rules(campaign, [audience.segment for audience in audiences], offers, placement):
        try:
            reading = segments.read(rule, where=where)
        except segments.InvalidRule:
            continue
        found |= _told(reading.asked)
    return found | _ranked(offers, placement)


def published(*, at: datetime) -> Dependence:
    """What all campaigns together depend on that give something now. Queries grow with campaigns, not with people."""
    found = Dependence()
    for campaign in Campaign.objects.filter(status__in=LIVE).exclude(ends_at__lte=at).order_by("pk"):
        found |= of(campaign)
    return found


def withheld(campaign: Campaign, *, at: datetime) -> list[str]:
    """Why rules of the campaign may not be used, each with what to do; empty where all may. Queries as `of`."""
    if not sensitive.declared():
        return []
    audiences = list(campaign.audiences.select_related("segment").prefetch_related("offers"))
    offers = [offer for audience in audiences for offer in audience.offers.all()]
    found = []
    for where, rule in _rules(
        campaign, [audience.segment for audience in audiences], offers, _placement(campaign)
    ):
        try:
            segments.check(rule, where=where, at=at)
        except segments.Withheld as why:
            found.append(why.message)
        except segments.InvalidRule:
            continue
    return list(dict.fromkeys(found))


def _placement(campaign: Campaign) -> Placement | None:
    return Placement.objects.filter(slug=campaign.placement or campaign.channel).first()


def _rules(
    campaign: Campaign,
    audiences: Sequence[Segment],
    offers: Sequence[Offer],
    placement: Placement | None,
) -> Iterator[tuple[str, Any]]:
    """Every rule that has a word in who gets what, with whose it is; of what a journey says itself, nobody's."""
    for segment in audiences:
        yield f"segment:{segment.slug}", segment.rule
    for offer in offers:
        if offer.eligibility is not None:
            yield f"offer:{offer.slug}", offer.eligibility
    if placement is not None and placement.ranking == By.FORMULA:
        for line in placement.formula:
            if line.get("when") is not None:
                yield f"placement:{placement.slug}", line["when"]
    version = journeys.newest(campaign) if campaign.kind == Campaign.Kind.JOURNEY else None
    if version is not None:
        entry = version.definition.get("entry") or {}
        if "segment" in entry:
            yield "", {"segment": entry["segment"]}
        for step in (version.definition.get("steps") or {}).values():
            if isinstance(step, dict) and "rule" in step:
                yield "", step["rule"]


def _told(asked: Sequence[segments.Asked]) -> Dependence:
    attributes: dict[str, set[str]] = {}
    for one in asked:
        if one.attribute:
            attributes.setdefault(one.attribute, set()).update(one.places[-1:] or ("journey",))
    return Dependence(
        {name: tuple(sorted(places)) for name, places in attributes.items()},
        frozenset(one.kind for one in asked if one.kind not in OF_NOBODY),
        by_chance=any(one.kind == "random" for one in asked),
    )


def _ranked(offers: Sequence[Offer], placement: Placement | None) -> Dependence:
    """What the order of the offers looks at: what suits the person, chance, or nothing of them."""
    if len({offer.pk for offer in offers}) < 2 and not any(offer.categories.all() for offer in offers):
        return Dependence()
    if placement is None:
        return Dependence(by_taste=True)
    drawn = placement.ranking == By.BANDIT or placement.explore_percent > 0
    return Dependence(by_taste=placement.ranking != By.BANDIT, by_chance=drawn)
