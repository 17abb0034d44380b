"""What the things that rules name by number, slug or SKU are called."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from campaigns.models import Campaign, Segment
from catalog.models import Category, Product
from customers.few import is_small
from recommender.models import ModelVersion, Task

DEEPEST = 12
"""Deeper than any rule that compiles; what is deeper is not looked through."""


@dataclass(frozen=True)
class Names:
    """Empty: everything is called by what stands in the rule."""

    products: Mapping[str, str] = field(default_factory=dict)
    categories: Mapping[str, str] = field(default_factory=dict)
    segments: Mapping[str, str] = field(default_factory=dict)
    campaigns: Mapping[str, str] = field(default_factory=dict)
    clusters: Mapping[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, *rules: Any) -> "Names":
        """For all of these rules at once: a query for each kind of thing that one of them names, five at most."""
        named: dict[str, set[Any]] = {}
        for rule in rules:
            for kind, name in _named(rule, 0):
                named.setdefault(kind, set()).add(name)
        looked_up: dict[str, Any] = {}
        for kind, rows, columns in (
            ("products", Product.objects, ("sku", "title")),
            ("categories", Category.objects, ("slug", "name")),
            ("segments", Segment.objects, ("slug", "name")),
            ("campaigns", Campaign.objects, ("slug", "name")),
        ):
            if found := named.get(kind):
                chosen = rows.filter(**{f"{columns[0]}__in": found})
                looked_up[kind] = dict(chosen.values_list(*columns))
        if named.get("clusters"):
            looked_up["clusters"] = clusters()
        return cls(**looked_up)


def _named(rule: Any, depth: int) -> Iterator[tuple[str, Any]]:
    """(kind, name) of what the rule names, whether it can be read or not."""
    if isinstance(rule, list) and depth <= DEEPEST:
        for part in rule:
            yield from _named(part, depth + 1)
    if not isinstance(rule, dict) or depth > DEEPEST:
        return
    for group in ("all", "any", "not"):
        yield from _named(rule.get(group), depth + 1)
    inner = rule.get("affinity")
    for place in (rule, inner if isinstance(inner, dict) else {}):
        for key, kind in (
            ("sku", "products"),
            ("category", "categories"),
            ("interest", "categories"),
            ("segment", "segments"),
            ("received", "campaigns"),
            ("uplift", "campaigns"),
        ):
            if isinstance(name := place.get(key), str) and "\0" not in name:
                yield kind, name
    if isinstance(number := rule.get("cluster"), int):
        yield "clusters", number


def clusters() -> dict[int, str]:
    """What sets each group of people who act alike apart, as the live model found it. One query.

    A group of fewer than 20 is called by its number alone: what sets it apart tells of each of them (N1).
    """
    live = ModelVersion.objects.filter(task=Task.CLUSTERS, state=ModelVersion.State.LIVE)
    metrics = live.values_list("metrics", flat=True).first() or {}
    found = {}
    for number, group in metrics.get("clusters", {}).items():
        # Of hardly more people than may be told, its name would come and go with one of them.
        marks = [] if is_small(group["people"]) or not group["people"] else group["marks"]
        found[int(number)] = _called(marks) or _("group %s") % number
    return found


def _called(marks: Iterable[str]) -> str:
    told = []
    for mark in marks:
        sign, _space, name = mark.partition(" ")
        is_more = sign == "+"
        rhythm = {
            "recency": _("away for long") if is_more else _("here lately"),
            "frequency": _("acts often") if is_more else _("acts seldom"),
            "tenure": _("known for long") if is_more else _("known since lately"),
        }
        told.append(rhythm.get(name) or (_("much %s") if is_more else _("little %s")) % name)
    return ", ".join(told)
