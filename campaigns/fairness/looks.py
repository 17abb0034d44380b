"""Who would be, or was, selected and with what benefit, by group; kept beside the approval (N3).

A crossed wire says "look at this" and nothing more. Compared are all people whom the channel may and can reach: others
could not have been chosen, and are not counted. Written down in docs/algorithms/fairness.md.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import FloatField, Q, QuerySet, Sum
from django.db.models.functions import Cast
from django.utils.translation import gettext as _

from campaigns import deciding, offers, segments
from campaigns.fairness import dependence, figures, groups
from campaigns.fairness.figures import Groups
from campaigns.models import Campaign, Decision, FairnessCheck, Offer, Redemption
from customers import consent, histories, sensitive
from customers.models import Customer
from recommender import serving

Moment = FairnessCheck.Moment
SAMPLE = 1000
"""Of so many of the people selected the offers are worked out before anything is sent."""
ANSWER_HOLDS = timedelta(days=7)
Values = dict[str, dict[str, Counter[float]]]
"""attribute -> group as it is written -> {value: people}"""


class NotAnswered(Exception):
    """There is nothing to answer, or no words. The message says what to do."""


def before(campaign: Campaign, *, by: str, at: datetime) -> FairnessCheck:
    """As `look`, and kept."""
    check = look(campaign, by=by, at=at)
    check.save()
    return check


def look(campaign: Campaign, *, by: str, at: datetime) -> FairnessCheck:
    """Whom the campaign would select now and with what offers; not kept yet. Queries grow with the attributes compared.

    An answer that the same person gave to the same wires in the last seven days stands for this look too.
    """
    people = groups.reached(campaign)
    chosen = [segments.matching(one.segment, at=at) for one in campaign.audiences.select_related("segment")]
    told_of: dict[str, Any] = {}
    if chosen:
        selected = groups.union(chosen)
        with segments.large_questions():
            counted = groups.count(people, selected, groups.compared())
        if any(len(Groups(one.counted).shown) > 1 for one in counted.values()):
            given = _would_be_given(campaign, people.filter(selected), counted, at=at)
            told_of = _told(campaign, counted, given, {})
    return _check(campaign, Moment.BEFORE, told_of, by=by, at=at)


def look_again(campaign: Campaign, figures_of: dict[str, Any], *, by: str, at: datetime) -> FairnessCheck:
    """What `look` found just now, as this person's look; not kept yet."""
    return _check(campaign, Moment.BEFORE, figures_of, by=by, at=at)


def after(campaign: Campaign, *, by: str, at: datetime) -> FairnessCheck:
    """Look at whom the campaign selected, what they were given, and what they took off with its codes; kept.

    Reads the campaign's decisions as a stream; memory grows with those who used a code.
    """
    decided = groups.decided(campaign)
    people = Customer.objects.present().filter(Q(pk__in=groups.reached(campaign).values("pk")) | Q(decided))
    with segments.large_questions():
        counted = groups.count(people, decided, groups.compared())
    given, used = _was_given(campaign, list(counted))
    check = _check(campaign, Moment.AFTER, _told(campaign, counted, given, used), by=by, at=at)
    check.save()
    return check


def look_back_due(*, at: datetime, most: int = 5) -> int:
    """Look at campaigns that are over and whose window has passed, each once; answers how many."""
    seen = FairnessCheck.objects.filter(moment=Moment.AFTER).values("campaign_id")
    done = 0
    over = Campaign.objects.filter(status=Campaign.Status.FINISHED).exclude(pk__in=seen)
    for campaign in over.order_by("updated_at")[: most * 10]:
        if campaign.updated_at + timedelta(days=campaign.window_days) <= at and done < most:
            after(campaign, by="tact", at=at)
            done += 1
    return done


def answer(check: FairnessCheck, words: str, *, by: str) -> None:
    """What whoever approves says to the wires crossed. Raises NotAnswered."""
    if not check.tripped:
        raise NotAnswered(_("No wire was crossed: there is nothing to answer."))
    if len(words.strip()) < 10:
        raise NotAnswered(_("Say in a sentence why the difference is right, or what was changed."))
    check.answered, check.by = words.strip()[:500], by
    check.save(update_fields=["answered", "by"])


def why_not_approved(check: FairnessCheck) -> str:
    """Empty where nothing stands against it; else what to look at and where to answer."""
    if not check.tripped or check.answered:
        return ""
    told = ", ".join(dict.fromkeys(f"{name_of(wire['attribute'])} {wire['group']}" for wire in check.tripped))
    return _(
        "Look at this first: by group its choice or its benefit differs much (%s). Whoever approves it says why on its "
        "page “Fairness”."
    ) % (told)


def name_of(attribute: str) -> str:
    return {"country": _("country"), groups.LANGUAGE: _("language")}.get(attribute, attribute)


def _told(
    campaign: Campaign, counted: Mapping[str, groups.Compared], given: Values, used: Values
) -> dict[str, Any]:
    """The figures of each attribute with something to compare; `is_asked` where the campaign's own rules name it."""
    asked = set(dependence.of(campaign).attributes) - sensitive.declared()
    if "locale" in asked:
        asked.add(groups.LANGUAGE)
    # Two looks at the same campaign draw the same people.
    rng = np.random.default_rng(campaign.pk)
    found = {}
    for name, one in counted.items():
        grouped = Groups(
            one.counted, _folded(given.get(name, {}), one.group_of), _folded(used.get(name, {}), one.group_of)
        )
        told = figures.told(grouped, rng=rng)
        if told is not None:
            found[name] = told | {"is_asked": name in asked}
    return found


def _folded(values: Mapping[str, Counter[float]], group_of: Mapping[str, str]) -> dict[str, Counter[float]]:
    """The values by group; of who came in meanwhile with a value of their own, by all others."""
    found: dict[str, Counter[float]] = {}
    for value, counts in values.items():
        found.setdefault(group_of.get(value, groups.OTHER), Counter()).update(counts)
    return found


def _check(
    campaign: Campaign, moment: str, told_of: dict[str, Any], *, by: str, at: datetime
) -> FairnessCheck:
    tripped = figures.crossed(told_of)
    answered = _said_before(campaign, tripped, by=by, at=at) if tripped and moment == Moment.BEFORE else ""
    return FairnessCheck(
        campaign=campaign,
        moment=moment,
        at=at,
        by=by,
        figures=told_of,
        tripped=tripped,
        answered=answered,
    )


def _said_before(campaign: Campaign, tripped: list[dict[str, str]], *, by: str, at: datetime) -> str:
    rows = FairnessCheck.objects.filter(
        campaign=campaign, moment=Moment.BEFORE, by=by, at__gt=at - ANSWER_HOLDS
    )
    for row in rows.exclude(answered="").order_by("-at"):
        if all(wire in row.tripped for wire in tripped):
            return row.answered
    return ""


def _would_be_given(
    campaign: Campaign,
    selected: QuerySet[Customer],
    counted: Mapping[str, groups.Compared],
    *,
    at: datetime,
) -> Values:
    """Of some of those selected, drawn by the campaign's salt, the benefit their offers would have: a share of a basket.

    Chosen as in earnest and rolled back. Empty for a campaign without offers.
    """
    if not any(audience.offers.exists() for audience in campaign.audiences.all()):
        return {}
    names, by_country = list(counted), counted["country"].counted.values()
    percent = min(100.0, 120.0 * SAMPLE / max(sum(one.selected for one in by_country), 1))
    drawn = {"random": {"salt": f"{campaign.salt}:fairness", "percent": percent}}
    rows = selected.filter(pk__in=segments.matching(drawn, at=at).values("pk")).order_by("pk")
    told = rows.annotate(**{f"group_{i}": groups.value_of(name) for i, name in enumerate(names)})
    columns = [f"group_{i}" for i in range(len(names))]
    people = {pk: values for pk, *values in told.values_list("pk", *columns)[:SAMPLE]}
    benefits = _benefits(campaign, list(people), at=at)
    found: Values = {name: {} for name in names}
    for pk, values in people.items():
        for name, value in zip(names, values, strict=True):
            found[name].setdefault(value, Counter())[benefits.get(pk, 0.0)] += 1
    return found


def _benefits(campaign: Campaign, ids: list[int], *, at: datetime) -> dict[int, float]:
    with transaction.atomic():
        consent.hold(ids)
        audiences = _first_audiences(campaign, ids, at=at)
        recommendations = serving.recommend_many(list(audiences), at=at, limit=deciding.TASTE_SIZE)
        chosen = deciding.choose_offers(campaign, audiences, recommendations, at=at) if audiences else {}
        transaction.set_rollback(True)
    return {
        pk: round(sum(offers.generosity(choice.offer) for choice in one.choices), 6)
        for pk, one in chosen.items()
    }


def _first_audiences(campaign: Campaign, ids: list[int], *, at: datetime) -> dict[int, Any]:
    found: dict[int, Any] = {}
    for audience in campaign.audiences.select_related("segment").prefetch_related("offers__categories"):
        for pk in segments.matching(audience.segment, at=at, ids=ids).values_list("pk", flat=True):
            found.setdefault(pk, audience)
    return dict(sorted(found.items()))


def _was_given(campaign: Campaign, names: list[str]) -> tuple[Values, Values]:
    """The benefit given to each of the treated, and what those of them who may be measured took off with its codes."""
    taken = _taken(campaign)
    given: Values = {name: {} for name in names}
    used: Values = {name: {} for name in names}
    for pk, values, benefit, is_measurable in _treated(campaign, names):
        for name, value in zip(names, values, strict=True):
            given[name].setdefault(value, Counter())[benefit] += 1
            if is_measurable:
                used[name].setdefault(value, Counter())[taken.get(pk, 0.0)] += 1
    has_offers = any(benefit for by in given.values() for counts in by.values() for benefit in counts)
    return (given if has_offers else {}), (used if taken else {})


def _treated(campaign: Campaign, names: list[str]) -> Iterator[tuple[int, list[str], float, bool]]:
    """Each treated person once: their groups, the sum of what was given, whether they may be measured. A stream."""
    rows = (
        Decision.objects.filter(campaign=campaign, arm=Decision.Arm.TREATED)
        .order_by("customer_id")
        .annotate(
            is_measurable=histories.is_measurable("customer_id"),
            **{f"group_{i}": groups.value_of(name, "customer__") for i, name in enumerate(names)},
        )
    )
    columns = [f"group_{i}" for i in range(len(names))]
    worth = {
        offer.pk: offers.generosity(offer)
        for offer in Offer.objects.filter(decisions__campaign=campaign).distinct()
    }
    last: tuple[int, list[str], float, bool] | None = None
    for pk, is_measurable, offer, state, *values in rows.values_list(
        "customer_id", "is_measurable", "offer_id", "state", *columns
    ).iterator(chunk_size=5000):
        gained = worth.get(offer, 0.0) if state != Decision.State.RELEASED else 0.0
        if last is not None and last[0] == pk:
            last = (pk, values, round(last[2] + gained, 6), last[3])
            continue
        if last is not None:
            yield last
        last = (pk, values, round(gained, 6), bool(is_measurable))
    if last is not None:
        yield last


def _taken(campaign: Campaign) -> dict[int, float]:
    codes = Decision.objects.filter(campaign=campaign, code__isnull=False).values("code_id")
    rows = Redemption.objects.filter(code_id__in=codes, reversed_at__isnull=True, customer__isnull=False)
    taken = rows.order_by().values("customer_id").annotate(taken=Cast(Sum("discount"), FloatField()))
    return dict(taken.values_list("customer_id", "taken"))
