"""The counterfactual test (C15): what if everything that is not published were otherwise? Nothing may change.

Decided by the same code as in earnest, inside a transaction that is rolled back: nothing is kept and nothing is sent.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.db import transaction

from campaigns import deciding, segments
from campaigns.fairness import dependence
from campaigns.models import Campaign, CampaignSegment
from campaigns.reach import PURPOSE_OF_CHANNEL, reachable
from customers import consent, sensitive
from customers.models import Customer
from recommender import serving

STRANGE: Mapping[str, tuple[str, ...]] = {
    "country": ("US", "CN"),
    "locale": ("en", "zh-hans"),
    "time_zone": ("Asia/Shanghai",),
}
"""The columns, and what is tried beside the values that people have."""
COLUMNS = tuple(STRANGE)
PEOPLE = 50
# Of so many of the newest people those are drawn who are asked about.
AMONG = 5000
VALUES = 3
MOST_ATTRIBUTES = 20
ALL = "*"
"""Every attribute that is not published at once."""
Given = tuple[Any, ...]


@dataclass(frozen=True)
class Flipped:
    """What became of the test. `changed` : attribute -> how many people got something else when it was otherwise."""

    people: int
    attributes: tuple[str, ...]
    """What was flipped, one by one and all at once."""
    published: tuple[str, ...]
    """What may make a difference, and was left as it is."""
    changed: Mapping[str, int]

    @property
    def is_identical(self) -> bool:
        return not self.changed


def flip(campaign: Campaign, *, at: datetime, rng: np.random.Generator, people: int = PEOPLE) -> Flipped:
    """Decide for some people as they are, then as if each attribute that is not published were absent, or were what it
    is for others: who is chosen, the offers, and what each gives must stay the same.

    Locks those people and the campaign's offers until it is over. Queries grow with the attributes.
    """
    published = dependence.of(campaign).attributes
    with transaction.atomic():
        ids = _sample(campaign, people, rng)
        held = consent.hold(ids)
        before = decided(campaign, ids, at=at)
        names = _others(held.values(), published)
        changed: Counter[str] = Counter()
        for name in [*names, ALL]:
            for value in _values(held.values(), name) if name != ALL else (None,):
                with transaction.atomic():
                    _pretend(held, names if name == ALL else [name], value)
                    after = decided(campaign, ids, at=at)
                    transaction.set_rollback(True)
                n = sum(before[pk] != after[pk] for pk in ids)
                if n:
                    changed[name] = max(changed[name], n)
        transaction.set_rollback(True)
    return Flipped(len(ids), tuple(names), tuple(sorted(published)), dict(changed))


def decided(campaign: Campaign, ids: Sequence[int], *, at: datetime) -> dict[int, Given]:
    """Of each of these people the segment that chose them, and of each offer all that it gives; empty for nobody's.

    What planning decides, but for the arm (a draw by the person's number) and the hour. Nothing of it is kept.
    """
    with transaction.atomic():
        audiences = _audiences(campaign, ids, at=at)
        allowed = reachable(list(audiences), channel=campaign.channel, at=at).permissions
        chosen = {pk: audience for pk, audience in audiences.items() if pk in allowed}
        recommendations = serving.recommend_many(list(chosen), at=at, limit=deciding.TASTE_SIZE)
        offered = deciding.choose_offers(campaign, chosen, recommendations, at=at) if chosen else {}
        found: dict[int, Given] = dict.fromkeys(ids, ())
        for pk, audience in chosen.items():
            choices = offered[pk].choices if pk in offered else ()
            given = tuple(
                (
                    one.offer.slug, one.offer.benefit, one.offer.value, one.offer.currency, one.offer.minimum_amount,
                    one.offer.max_discount,
                )
                for one in choices
            )  # fmt: skip
            found[pk] = (audience.segment_id, pk in offered, given)
        transaction.set_rollback(True)
    return found


def _audiences(campaign: Campaign, ids: Sequence[int], *, at: datetime) -> dict[int, CampaignSegment]:
    """Each one's first audience, as planning finds it; one that may not be asked matches nobody."""
    found: dict[int, CampaignSegment] = {}
    rows = campaign.audiences.select_related("segment").prefetch_related("offers__categories")
    for audience in rows:
        try:
            matched = segments.matching(audience.segment, at=at, ids=ids).values_list("pk", flat=True)
        except segments.InvalidRule:
            continue
        for pk in matched:
            found.setdefault(pk, audience)
    return dict(sorted(found.items()))


def _sample(campaign: Campaign, people: int, rng: np.random.Generator) -> list[int]:
    """Some whom the channel may reach, of the newest; whether or not the campaign chooses them."""
    purpose = PURPOSE_OF_CHANNEL[Campaign.Channel(campaign.channel)]
    newest = consent.permitted(purpose).order_by("-pk").values_list("pk", flat=True)[:AMONG]
    ids = np.array(list(newest), dtype=np.int64)
    return sorted(rng.choice(ids, min(people, len(ids)), replace=False).tolist())


def _others(people: Collection[Customer], published: Collection[str]) -> list[str]:
    """What is not published: columns, what the shop tells of these people, and what it declared sensitive."""
    told = Counter(name for person in people for name in person.attributes)
    names = [*COLUMNS, *sorted(sensitive.declared()), *(name for name, _n in told.most_common())]
    return [name for name in dict.fromkeys(names) if name not in published][:MOST_ATTRIBUTES]


def _values(people: Collection[Customer], name: str) -> list[Any]:
    """Not there at all, the commonest values, and others."""
    values = [getattr(p, name) if name in COLUMNS else p.attributes.get(name) for p in people]
    common = Counter(repr(value) for value in values if value not in (None, "")).most_common(VALUES)
    by_name = {repr(value): value for value in values}
    found = [by_name[told] for told, _n in common]
    return [None, *found, *(one for one in STRANGE.get(name, ("something else",)) if one not in found)]


def _pretend(held: Mapping[int, Customer], names: Collection[str], value: Any) -> None:
    """Write it into their rows; the caller rolls it back."""
    columns = {name: value or "" for name in names if name in COLUMNS}
    if columns:
        Customer.objects.filter(pk__in=held).update(**columns)
    own = [name for name in names if name not in COLUMNS]
    if not own:
        return
    rows = [Customer(pk=pk, attributes=_with(person.attributes, own, value)) for pk, person in held.items()]
    Customer.objects.bulk_update(rows, ["attributes"], batch_size=200)


def _with(attributes: Mapping[str, Any], names: Collection[str], value: Any) -> dict[str, Any]:
    left = {name: one for name, one in attributes.items() if name not in names}
    return left if value is None else left | dict.fromkeys(names, value)
