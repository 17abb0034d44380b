"""What was measured, as tables, and its main figure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from catalog.pages import Section
from customers import few
from recommender.admin import reasons

MEASURED = {
    "ndcg10": "NDCG@10", "recall20": "Recall@20", "hitrate10": "Hit@10", "mrr": "MRR", "coverage10": "Cover@10",
    "gini": "Gini", "novelty": "Novelty", "auc": "AUC", "brier": "Brier", "log_loss": "Log loss",
}  # fmt: skip
# What a training measured besides, in the reader's words; a name that is not here stands as it is.
FIGURES: Mapping[str, str | Promise] = {
    "algorithm": _("algorithm"), "promoted": _("went live"), "judged": _("reviews it judged"), "people": _("people"),
    "accuracy": _("share right"), "baseline": _("always the commoner"), "auc": "AUC", "brier": _("Brier (less is better)"),
    "measured_how": _("how it was measured"), "measured_on": _("measured on"), "good": _("favourable reviews"),
    "bad": _("unfavourable reviews"), "categories": _("categories"), "brier_base_rate": _("Brier of the base rate"),
    "brier_difference": _("Brier against the base rate"), "told": _("expected"), "happened": _("happened"),
    "silhouette": _("silhouette"), "silhouette_by_chance": _("silhouette of shuffled columns"),
    "purchase_refused": _("orders soon: why nothing is told"), "churn_refused": _("stays away: why nothing is told"),
    "value_refused": _("money in a year: why nothing is told"), "purchase_told_by": _("orders soon, told by"),
    "churn_told_by": _("stays away, told by"), "money_hangs_on_frequency": _("how far money goes with frequency"),
    "value_checked_days": _("days of money checked"), "value_told": _("money expected"), "value_happened": _("money spent"),
    "value_error": _("mean error of the money"), "value_error_of_past_mean": _("mean error of the past mean"),
    "value_error_difference": _("difference of the errors"),
}  # fmt: skip
TOLD_ABOVE = ("reason", "label", "model")
COUNTS = ("people", "measured_on")
AGAINST = {
    "against_floor": _("NDCG@10 above plain popularity's, on the same people"),
    "against_live": _("NDCG@10 above the live one's, on the same people"),
}


@dataclass(frozen=True)
class Headline:
    """The main figure of a model with its 95 % interval, and what a simple rule reached on the same people.

    low, high, floor, people : None where they were not measured · row : the whole line the figure comes from.
    """

    name: str
    value: float
    low: float | None
    high: float | None
    floor_name: str | Promise
    floor: float | None
    people: int | None
    row: Mapping[str, Any]

    @classmethod
    def of(cls, metrics: Mapping[str, Any]) -> "Headline | None":
        """Of any task's figures; None where nothing was measured, or on a few people alone."""
        if few.is_small(metrics.get("measured_on")):
            return None
        rows = {
            row["algorithm"]: row
            for row in metrics.get("test", ())
            if "algorithm" in row and not few.is_small(_people(row))
        }
        if "ndcg10" in (row := rows.get(metrics.get("label", ""), {})):
            floor = rows.get("popularity", {}).get("ndcg10")
            return cls._from(row, "ndcg10", "NDCG@10", _("popularity"), floor, row.get("people"))
        if "accuracy" in metrics:
            floor, people = metrics.get("baseline"), metrics.get("measured_on")
            return cls._from(
                metrics, "accuracy", gettext("share right"), _("always the commoner"), floor, people
            )
        if "brier" in metrics:
            floor, people = metrics.get("brier_base_rate"), metrics.get("measured_on")
            return cls._from(
                metrics, "brier", gettext("Brier (less is better)"), _("base rate"), floor, people
            )
        if "silhouette" in metrics:
            floor = metrics.get("silhouette_by_chance")
            return cls._from(metrics, "silhouette", gettext("silhouette"), _("shuffled columns"), floor, None)
        for question in ("purchase", "churn"):
            told_by = metrics.get(f"{question}_told_by", "")
            if "auc" in (row := rows.get(f"{question}: {told_by}", {})):
                name = f"AUC ({gettext('orders soon') if question == 'purchase' else gettext('stays away')})"
                simple = "base rate" if told_by == "recency" else "recency"
                floor = rows.get(f"{question}: {simple}", {}).get("auc")
                words = _("recency") if simple == "recency" else _("base rate")
                return cls._from(row, "auc", name, words, floor, row.get("rows"))
        return None

    @classmethod
    def _from(
        cls,
        row: Mapping[str, Any],
        column: str,
        name: str,
        floor_name: str | Promise,
        floor: float | None,
        people: int | None,
    ) -> "Headline":
        low, high = row.get(f"{column}_low"), row.get(f"{column}_high")
        return cls(name, row[column], low, high, floor_name, floor, people, row)

    @property
    def told(self) -> str:
        return with_interval(self.value, self.low, self.high, digits=3)

    @property
    def told_floor(self) -> str:
        return "–" if self.floor is None else f"{self.floor:.3f}"

    @property
    def sentence(self) -> str:
        if self.floor is None:
            return f"{self.name} {self.told}"
        return f"{self.name} {self.told}; {self.floor_name}: {self.told_floor}"


def _people(entry: Mapping[str, Any]) -> int | None:
    """On how many people a line was measured, where that is known."""
    found: int | None = entry.get("people", entry.get("rows"))
    return found


def measured(metrics: Mapping[str, Any]) -> list[Section]:
    """What was measured, as tables: the two months, the groups of people, and every single figure.

    Of a few people no figure is told.
    """
    found = []
    for name, title in (
        ("test", _("Measured on the held-out month")),
        ("test_again", _("… of what people had before")),
        ("test_new", _("… of what was new to them")),
        ("validation", _("Compared before, on the month before that")),
        ("validation_again", _("… of what people had before")),
        ("validation_new", _("… of what was new to them")),
    ):
        table = [entry for entry in metrics.get(name, ()) if isinstance(entry, dict)]
        if not table:
            continue
        columns = [column for column in MEASURED if any(column in entry for entry in table)]
        rows = [
            (entry.get("algorithm", "–"), *(_cell(entry, column) for column in columns)) for entry in table
        ]
        found.append(Section(title, (_("algorithm"), *(MEASURED[column] for column in columns)), rows))
    if groups := metrics.get("clusters"):
        rows = [
            (number, few.short(group["people"]), _marks(group["people"], group["marks"]))
            for number, group in groups.items()
        ]
        found.append(
            Section(_("Groups of people"), (_("cluster"), _("people"), _("what sets it apart")), rows)
        )
    found += _buyers(metrics.get("expected", {}))
    if single := _single(metrics):
        found.append(Section(_("Figures"), (_("figure"), _("value")), single))
    return found


def _buyers(expected: Mapping[str, Any]) -> list[Section]:
    """How well the number of buyers was told on the last month, and in ten parts by what was told."""
    title = _("Expected buyers, checked on the last month")
    if "quality" not in expected:
        return (
            [Section(title, (), [], empty=reasons.told(expected["refused"]))] if "refused" in expected else []
        )
    quality = expected["quality"]
    rows: list[tuple[Any, ...]] = [
        (row["algorithm"], _cell(row, "auc"), _cell(row, "brier")) for row in quality["test"]
    ]
    ratio, low, high = quality["ratio"]
    parts: list[tuple[Any, ...]] = [
        (
            place,
            part["told"],
            few.short(part["happened"], few.FEWEST_ORDERS),
            with_interval(part["told"] / part["happened"], part["low"], part["high"], digits=2)
            if part.get("low") is not None and part["happened"] >= few.FEWEST_ORDERS
            else "–",
        )
        for place, part in enumerate(quality["deciles"], 1)
    ]
    parts.append((gettext("all"), "", "", with_interval(ratio, low, high, digits=2)))
    return [
        Section(title, (_("algorithm"), "AUC", "Brier"), rows),
        Section(
            _("… in ten parts by what was told"),
            (_("part"), _("expected"), _("happened"), _("expected for each that happened")),
            parts,
        ),
    ]


def _marks(people: int, marks: Sequence[str]) -> str:
    return "–" if few.is_small(people) else ", ".join(marks)


def _single(metrics: Mapping[str, Any]) -> list[tuple[str | Promise, str]]:
    """Every figure that stands alone, its interval beside it."""
    found: list[tuple[str | Promise, str]] = [
        (words, difference(metrics[name])) for name, words in AGAINST.items() if name in metrics
    ]
    for name, value in metrics.items():
        bounded = name.removesuffix("_low").removesuffix("_high")
        is_bound = bounded != name and bounded in metrics
        if is_bound or name in TOLD_ABOVE or not isinstance(value, bool | int | float | str):
            continue
        words = FIGURES.get(name, name)
        if name in COUNTS and isinstance(value, int):
            found.append((words, few.short(value)))
            continue
        if isinstance(value, float) and few.is_small(metrics.get("measured_on", metrics.get("people"))):
            found.append((words, "–"))
            continue
        low, high = metrics.get(f"{name}_low"), metrics.get(f"{name}_high")
        if isinstance(value, str):
            told = reasons.told(value)
        else:
            told = plain(value) if low is None or high is None else f"{value} ({low} … {high})"
        found.append((words, told))
    return found


def _cell(entry: Mapping[str, Any], column: str) -> str:
    value = entry.get(column)
    if not isinstance(value, int | float) or few.is_small(_people(entry)):
        return "–"
    return with_interval(value, entry.get(f"{column}_low"), entry.get(f"{column}_high"))


def with_interval(value: float, low: float | None, high: float | None, *, digits: int = 4) -> str:
    if low is None or high is None:
        return f"{value:.{digits}f}"
    return f"{value:.{digits}f} ({low:.{digits}f} … {high:.{digits}f})"


def difference(found: Mapping[str, Any]) -> str:
    """A paired difference with its interval, and against whom."""
    return f"{found['difference']:+.4f} ({found['low']:+.4f} … {found['high']:+.4f}), {found['algorithm']}"


def weight(weight: float | Mapping[str, float]) -> str:
    """One number, or the modes in which the part counts for something."""
    if not isinstance(weight, Mapping):
        return f"{weight:g}"
    names = {"all": gettext("all"), "again": gettext("again"), "new": gettext("new")}
    return ", ".join(f"{names[mode]} {value:g}" for mode, value in weight.items() if value)


def parameters(given: Mapping[str, Any]) -> str:
    """A part's parameters; of a part that is a hybrid itself, its own parts."""
    if (parts := given.get("components")) is None:
        return listed(given)
    return "; ".join(
        f"{part['algorithm']} ({weight(part['weight'])}) {listed(part['parameters'])}" for part in parts
    )


def listed(parameters: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {plain(value)}" for name, value in parameters.items())


def plain(value: Any) -> str:
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    return "–" if value is None else str(value)


def number(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, int | float) else "–"
