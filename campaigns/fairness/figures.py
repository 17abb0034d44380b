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
    """{"reference", "groups": [{"group", "people", measure: {…}}, …], "too_few": n}; None with nothing to compare.

    A measure is {"value", "ratio", "low", "high", "crossed"} beside the largest group's, only what may be told of it.
    """
    names = groups.shown
    if len(names) < 2:
        return None
    rows: list[dict[str, Any]] = [{"group": name, "people": groups.counted[name].people} for name in names]
    _add(rows, SELECTED, _shares(groups, names, rng), _thin_shares(groups, names))
    for measure, by_group in ((GIVEN, groups.given), (USED, groups.used)):
        if by_group:
            _add(rows, measure, _means(by_group, names, rng), _thin_means(by_group, names))
    return {"reference": names[0], "groups": rows, "too_few": len(groups.counted) - len(names)}


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


Found = Mapping[str, tuple[float, statistics.Ratio | None]]


def _shares(groups: Groups, names: list[str], rng: np.random.Generator) -> Found:
    ref = groups.counted[names[0]]
    found: dict[str, tuple[float, statistics.Ratio | None]] = {}
    for name in names:
        one = groups.counted[name]
        ratio = statistics.of_shares(one.selected, one.people, ref.selected, ref.people, rng=rng)
        found[name] = (one.selected / one.people, None if name == names[0] else ratio)
    return found


def _means(by_group: Mapping[str, Mapping[float, int]], names: list[str], rng: np.random.Generator) -> Found:
    ref = by_group.get(names[0], {})
    found: dict[str, tuple[float, statistics.Ratio | None]] = {}
    for name in names:
        counts = by_group.get(name, {})
        n = sum(counts.values())
        mean = sum(value * people for value, people in counts.items()) / n if n else 0.0
        enough = min(n, sum(ref.values())) >= FEWEST_PEOPLE
        ratio = statistics.of_means(counts, ref, rng=rng) if enough and name != names[0] else None
        found[name] = (mean, ratio)
    return found


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


def _add(rows: list[dict[str, Any]], measure: str, found: Found, hidden: set[str]) -> None:
    """Beside a blank reference no ratio is told either: share over ratio would give it away."""
    reference = rows[0]["group"]
    for row in rows:
        value, ratio = found[row["group"]]
        cell: dict[str, Any] = {"crossed": ratio is not None and ratio.crosses}
        if row["group"] not in hidden:
            cell["value"] = round(value, 6)
            if ratio is not None and reference not in hidden:
                cell |= {"ratio": round(ratio.value, 4), "low": round(ratio.low, 4)}
                cell["high"] = round(ratio.high, 4) if np.isfinite(ratio.high) else None
        row[measure] = cell
