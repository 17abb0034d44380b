"""The messages of a campaign against each other and against the control, by money and never by opens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from campaigns import experiments, statistics
from campaigns.models import Campaign, ShareChange, Variant
from campaigns.reports import effect, thin
from campaigns.reports.effect import Reading
from campaigns.reports.people import Flags, Ids, People, milliseconds
from campaigns.reports.sketches import Guard
from campaigns.statistics import Estimate, Values

ALPHA = 0.05


@dataclass(frozen=True)
class VariantRow:
    """One variant's people and its effect against the control; None where it is too small, or there is no control.

    per_person : mean revenue, weighted where shares were learnt · low, high : adjusted for all the comparisons made
    """

    key: str
    name: str
    people: int | None
    ordered: int | None
    per_person: float | None
    effect: float | None
    low: float | None
    high: float | None
    verdict: str


@dataclass(frozen=True)
class Pair:
    """How much more a person brought with the first than with the second, adjusted for all the pairs."""

    first: str
    second: str
    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class Variants:
    """Every variant, every pair that may be compared, and which one won, if that can be told.

    sample_ratio_p : that groups of these sizes were drawn at the shares set · is_weighted : shares were learnt on the
    way, so everyone counts by one over the chance they had · people_needed : until the two best could be told apart
    """

    rows: list[VariantRow]
    pairs: list[Pair]
    winner: str
    why_no_winner: str
    people_needed: int | None
    sample_ratio_p: float
    is_weighted: bool


def variants(
    campaign: Campaign, people: People, reading: Reading, guard: Guard, *, is_readable: bool
) -> Variants | None:
    """None where the campaign has no variants. Two queries.

    A journey's variants are compared with each other only: who never came to a message has none, which the control
    cannot match.
    """
    found = list(campaign.variants.order_by("key"))
    if not found:
        return None
    chances = _Chances(campaign, found)
    p = chances.sample_ratio(people)
    masks = {variant.pk: people.treated & (people.variants == variant.pk) for variant in found}
    sizes = {pk: int(mask.sum()) for pk, mask in masks.items()}
    small, names_of = set(), {pk: f"variant:{pk}" for pk in masks}
    for pk, mask in masks.items():
        guard.note(names_of[pk], people, mask)
        if reading.is_thin(people, mask) or guard.is_near(names_of[pk]):
            small.add(pk)
    hidden = thin.blank(sizes, small, is_safe=lambda pks: guard.is_safe(names_of[pk] for pk in pks))
    shown = [variant for variant in found if variant.pk not in hidden]
    for variant in shown:
        guard.show(names_of[variant.pk])
    values = effect.adjusted(people) if len(people) else people.revenue
    groups = {
        variant.pk: chances.weighed(values[masks[variant.pk]], people.decided[masks[variant.pk]], variant)
        for variant in shown
    }
    is_fair = p >= experiments.SAMPLE_RATIO_ALARM
    control = values[~people.treated]
    against = groups if is_fair and is_readable and campaign.kind != Campaign.Kind.JOURNEY else {}
    effects = _against(against, control, reading)
    pairs = _pairs(groups, reading) if is_fair else {}
    names = {variant.pk: variant.key for variant in found}
    rows = [_row(variant, people, masks[variant.pk], groups, effects) for variant in found]
    best, why, needed = _winner(groups, pairs, names, everyone=len(found), is_fair=is_fair)
    return Variants(
        rows=rows,
        pairs=[
            Pair(names[a], names[b], found.effect, found.low, found.high) for (a, b), found in pairs.items()
        ],
        winner=best,
        why_no_winner=why,
        people_needed=needed,
        sample_ratio_p=p,
        is_weighted=chances.are_learnt,
    )


def _row(
    variant: Variant,
    people: People,
    mask: Flags,
    groups: Mapping[int, Values],
    effects: Mapping[int, statistics.Comparison],
) -> VariantRow:
    name = variant.name or variant.key
    if variant.pk not in groups:
        return VariantRow(variant.key, name, None, None, None, None, None, None, "")
    found = effect.arm(people, mask)
    mean = float(groups[variant.pk].mean())
    if variant.pk not in effects:
        return VariantRow(variant.key, name, found.people, found.ordered, mean, None, None, None, "")
    told = effects[variant.pk]
    return VariantRow(
        variant.key,
        name,
        found.people,
        found.ordered,
        mean,
        told.alone.effect,
        told.low,
        told.high,
        told.verdict,
    )


def _against(
    groups: Mapping[int, Values], control: Values, reading: Reading
) -> dict[int, statistics.Comparison]:
    """Each against the control, all of them right together (Holm)."""
    arms = list(groups.values())
    if reading.is_over:
        found = statistics.against_control(arms, control)
    else:
        planned = [reading.planned or len(arm) + len(control) for arm in arms]
        found = statistics.sequences_against_control(arms, control, planned=planned)
    return dict(zip(groups, found, strict=True))


def _pairs(groups: Mapping[int, Values], reading: Reading) -> dict[tuple[int, int], Estimate]:
    """Each against each other, at a level that leaves all of them right together (Bonferroni)."""
    together = list(combinations(groups, 2))
    return {
        (a, b): reading.difference(groups[a], groups[b], alpha=ALPHA / len(together)) for a, b in together
    }


def _winner(
    groups: Mapping[int, Values],
    pairs: Mapping[tuple[int, int], Estimate],
    names: Mapping[int, str],
    *,
    everyone: int,
    is_fair: bool,
) -> tuple[str, str, int | None]:
    """(key, why there is none, people needed). Who wins beats every other by money, above all doubt of all the pairs."""
    if not is_fair:
        return (
            "",
            "The variants have sizes that chance does not make: someone was lost on the way to one.",
            None,
        )
    if everyone < 2:
        return "", "", None
    if len(groups) < everyone:
        return "", "Cannot tell yet: not every variant has enough people and buyers.", None
    best, second, *_rest = sorted(groups, key=lambda pk: -float(groups[pk].mean()))
    beaten = [
        difference.low > 0 if first == best else difference.high < 0
        for (first, other), difference in pairs.items()
        if best in (first, other)
    ]
    if beaten and all(beaten):
        return names[best], "", None
    a, b = groups[best], groups[second]
    needed = statistics.people_needed(float(a.mean() - b.mean()), statistics.pooled_sd(a, b), len(a), len(b))
    return "", "Cannot tell yet which is better.", needed


class _Chances:
    """The chance each person had of each variant, when theirs was drawn."""

    def __init__(self, campaign: Campaign, variants: Sequence[Variant]) -> None:
        self.are_learnt = campaign.allocation == Campaign.Allocation.BANDIT
        keys = {variant.key for variant in variants}
        total = sum(variant.weight for variant in variants)
        self.first = {variant.key: variant.weight / total for variant in variants}
        rows = ShareChange.objects.filter(campaign=campaign).order_by("at") if self.are_learnt else []
        changes = [(milliseconds(row.at), row.shares) for row in rows if set(row.shares) == keys]
        self.since = np.array([at for at, _shares in changes], np.int64)
        self.shares = {
            key: np.array([self.first[key], *(float(shares[key]) for _at, shares in changes)]) for key in keys
        }
        self.variants = variants

    def of(self, variant: Variant, decided: Ids) -> Values:
        """As `experiments.shares` had it at each of these moments."""
        found: Values = self.shares[variant.key][np.searchsorted(self.since, decided, side="right")]
        return found

    def weighed(self, values: Values, decided: Ids, variant: Variant) -> Values:
        """Values whose mean is Σwy/Σw with w one over the chance, and which spread as that mean does.

        Shares that learn give a variant more people in some weeks than in others; the weeks differ too.
        """
        if not self.are_learnt or not len(values):
            return values
        weights = 1 / np.maximum(self.of(variant, decided), 1e-6)
        mean = float((weights * values).sum() / weights.sum())
        weighed: Values = mean + weights / weights.mean() * (values - mean)
        return weighed

    def sample_ratio(self, people: People) -> float:
        """p-value of χ² over the variants of everyone treated, k − 1 degrees of freedom, at the chances they had."""
        expected = [float(self.of(variant, people.drawn_at).sum()) for variant in self.variants]
        counts = [int((people.drawn_variants == variant.pk).sum()) for variant in self.variants]
        return statistics.sample_ratio(counts, expected)
