"""What may be told of groups: shares, means and ratios, with small cells left blank (N1, N3).

Cells in, plain figures out; what is blank here is not kept anywhere.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from campaigns import statistics
from campaigns.fairness.groups import Counted
from campaigns.reports import FEWEST_PEOPLE, thin

SELECTED, GIVEN, USED = "selected", "given", "used"
MEASURES = (SELECTED, GIVEN, USED)


@dataclass
class Groups:
    """One attribute's groups. given, used : group -> {value: how many of the selected have it}, where it is known."""

    counted: Mapping[str, Counted]
    given: Mapping[str, Mapping[float, int]] = field(default_factory=dict)
    used: Mapping[str, Mapping[float, int]] = field(default_factory=dict)

    @property
    def shown(self) -> list[str]:
        """The groups that are large enough, the largest first; a single small one takes the next along."""
        sizes = {name: one.people for name, one in self.counted.items()}
        hidden = thin.blank(sizes, {name for name, n in sizes.items() if n < FEWEST_PEOPLE})
        return sorted((name for name in sizes if name not in hidden), key=lambda name: (-sizes[name], name))


def told(groups: Groups, *, rng: np.random.Generator) -> dict[str, Any] | None:
    """{"groups": [{"group", "people", measure: {…}}, …], "references": {measure: group}, "too_few": n}.

    A measure is {"value", "ratio", "low", "high", "crossed"}, only what may be told of it. Its reference is the largest
    group in which it is not nought. None with nothing to compare.
    """
    names = groups.shown
    if len(names) < 2:
        return None
    rows: list[dict[str, Any]] = [{"group": name, "people": groups.counted[name].people} for name in names]
    references = {SELECTED: _add(rows, SELECTED, _shares(groups, names, rng), _thin_shares(groups, names))}
    for measure, by_group in ((GIVEN, groups.given), (USED, groups.used)):
        if by_group:
            thin_ones = _thin_means(by_group, names)
            references[measure] = _add(rows, measure, _means(by_group, names, rng), thin_ones)
    return {"groups": rows, "references": references, "too_few": len(groups.counted) - len(names)}


def crossed(told_of: Mapping[str, Mapping[str, Any]]) -> list[dict[str, str]]:
    """[{"attribute", "group", "measure"}] of every wire that was crossed."""
    return [
        {"attribute": attribute, "group": row["group"], "measure": measure}
        for attribute, one in told_of.items()
        if not one.get("is_asked")
        for row in one["groups"]
        for measure in MEASURES
        if row.get(measure, {}).get("crossed")
    ]


@dataclass(frozen=True)
class Found:
    """A measure of each group, and its ratio to the reference's where there is one."""

    reference: str
    values: Mapping[str, float]
    ratios: Mapping[str, statistics.Ratio | None]


def _shares(groups: Groups, names: list[str], rng: np.random.Generator) -> Found:
    by = groups.counted
    reference = next((name for name in names if by[name].selected), names[0])
    ref = by[reference]
    return Found(
        reference,
        {name: by[name].selected / by[name].people for name in names},
        {
            name: statistics.of_shares(by[name].selected, by[name].people, ref.selected, ref.people, rng=rng)
            for name in names
            if name != reference
        },
    )


def _means(by_group: Mapping[str, Mapping[float, int]], names: list[str], rng: np.random.Generator) -> Found:
    sizes = {name: sum(by_group.get(name, {}).values()) for name in names}
    totals = {name: sum(value * n for value, n in by_group.get(name, {}).items()) for name in names}
    large = [name for name in names if sizes[name] >= FEWEST_PEOPLE]
    reference = next((name for name in large if totals[name] > 0), names[0])
    return Found(
        reference,
        {name: totals[name] / sizes[name] if sizes[name] else 0.0 for name in names},
        {
            name: statistics.of_means(by_group[name], by_group.get(reference, {}), rng=rng)
            for name in large
            if name != reference
        },
    )


def _thin_shares(groups: Groups, names: list[str]) -> set[str]:
    """Of whom the share would tell a few: those selected, or those who were not."""
    selected = {name: groups.counted[name].selected for name in names}
    small = {
        name
        for name in names
        if any(0 < n < FEWEST_PEOPLE for n in (selected[name], groups.counted[name].people - selected[name]))
    }
    return thin.blank(selected, small)


def _thin_means(by_group: Mapping[str, Mapping[float, int]], names: list[str]) -> set[str]:
    sizes = Counter({name: sum(by_group.get(name, {}).values()) for name in names})
    return thin.blank(sizes, {name for name in names if sizes[name] < FEWEST_PEOPLE})


def _add(rows: list[dict[str, Any]], measure: str, found: Found, hidden: set[str]) -> str:
    """Write the cells; answers the reference. Beside a blank one no ratio is told: share over ratio would give it away."""
    for row in rows:
        name = row["group"]
        ratio = found.ratios.get(name)
        cell: dict[str, Any] = {"crossed": ratio is not None and ratio.crosses}
        if name not in hidden:
            cell["value"] = round(found.values[name], 6)
            if ratio is not None and found.reference not in hidden:
                cell |= {"ratio": round(ratio.value, 4), "low": round(ratio.low, 4)}
                cell["high"] = round(ratio.high, 4) if np.isfinite(ratio.high) else None
        row[measure] = cell
    return found.reference
