"""What could be written at a place of a rule: a few that fit what was typed, read without going through a table.

Of attributes and their values only what at least 20 people have is told (N1), among people drawn by chance; of a
sensitive attribute no value is. Whatever is not suggested can be typed all the same.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _

from campaigns.models import Campaign, Segment
from campaigns.segments import names, sampling
from campaigns.segments.rules import COLUMNS as COLUMN_OF
from campaigns.segments.words import COLUMNS
from catalog.models import Category, Product
from customers import sensitive
from customers.few import FEWEST_PEOPLE
from customers.models import Customer

MOST = 12


@dataclass(frozen=True)
class Suggestion:
    """`value` is what stands in the rule, `label` what it is called."""

    value: str
    label: str


def suggest(kind: str, text: str, *, attribute: str = "") -> list[Suggestion]:
    """The first that fit, a dozen at most; none for an unknown kind. Four queries at most.

    kind : one of NEEDS · attribute : whose values, where the kind is `value`
    """
    text = text.strip().replace("\0", "")[:100]
    return SOURCES[kind](text, attribute)[:MOST] if kind in SOURCES else []


def _attributes(text: str, _attribute: str) -> list[Suggestion]:
    counted: Counter[str] = Counter()
    for attributes in _drawn().values_list("attributes", flat=True):
        counted.update(name for name in attributes if isinstance(attributes, dict))
    known = [Suggestion(name, str(words)) for name, words in COLUMNS.items()]
    protected = sensitive.declared()
    known += [
        Suggestion(name, _("sensitive: needs an approved reason") if name in protected else name)
        for name, n in counted.most_common()
        if n >= FEWEST_PEOPLE and name not in COLUMNS
    ]
    return [one for one in known if _fits(text, one.value, one.label)]


def _values(text: str, attribute: str) -> list[Suggestion]:
    if not attribute or attribute == "id" or sensitive.declared([attribute]):
        return []
    rows: Iterable[Any]
    if (column := COLUMN_OF.get(attribute)) is not None:
        rows = _drawn().values_list(column, flat=True)
    else:
        rows = (given.get(attribute) for given in _drawn().values_list("attributes", flat=True))
    counted = Counter(_as_text(value) for value in rows)
    return [
        Suggestion(value, value)
        for value, n in counted.most_common()
        if value and n >= FEWEST_PEOPLE and _fits(text, value)
    ]


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else ""


def _drawn() -> QuerySet[Customer, Any]:
    return sampling.draw().among(Customer.objects.present())


def _fits(text: str, *told: str) -> bool:
    return any(text.casefold() in one.casefold() for one in told)


def _products(text: str, _attribute: str) -> list[Suggestion]:
    """By the beginning of the SKU first, then by the title."""
    listed = Product.objects.listed()
    found = dict(listed.filter(sku__istartswith=text).order_by("sku").values_list("sku", "title")[:MOST])
    if text and len(found) < MOST:
        found |= dict(listed.filter(title__icontains=text).values_list("sku", "title")[:MOST])
    return [Suggestion(sku, title) for sku, title in found.items()]


def _rows(model: type[Model]) -> Callable[[str, str], list[Suggestion]]:
    def source(text: str, _attribute: str) -> list[Suggestion]:
        rows = model._default_manager.filter(Q(name__icontains=text) | Q(slug__icontains=text))  # noqa: SLF001 - Django's documented way
        return [
            Suggestion(slug, name) for slug, name in rows.order_by("name").values_list("slug", "name")[:MOST]
        ]

    return source


def _clusters(text: str, _attribute: str) -> list[Suggestion]:
    found = [Suggestion(str(number), words) for number, words in names.clusters().items()]
    return [one for one in found if _fits(text, one.value, one.label)]


SOURCES: Mapping[str, Callable[[str, str], list[Suggestion]]] = {
    "attribute": _attributes,
    "value": _values,
    "product": _products,
    "category": _rows(Category),
    "segment": _rows(Segment),
    "campaign": _rows(Campaign),
    "cluster": _clusters,
}
NEEDS: Mapping[str, str] = {
    "attribute": "campaigns.view_segment",
    "value": "campaigns.view_segment",
    "product": "catalog.view_product",
    "category": "catalog.view_category",
    "segment": "campaigns.view_segment",
    "campaign": "campaigns.view_campaign",
    "cluster": "recommender.view_modelversion",
}
"""What one must be allowed to see to be suggested it."""
