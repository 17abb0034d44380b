"""What was measured, as tables."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from catalog.pages import Section

MEASURED = {
    "ndcg10": "NDCG@10", "recall20": "Recall@20", "hitrate10": "Hit@10", "mrr": "MRR", "coverage10": "Cover@10",
    "auc": "AUC", "auc_low": "AUC, from", "auc_high": "AUC, to", "brier": "Brier", "log_loss": "Log loss",
}  # fmt: skip
TOLD_ABOVE = ("reason", "label", "model")


def measured(metrics: Mapping[str, Any]) -> list[Section]:
    """What was measured, as tables: the two months, the groups of people, and every single figure."""
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
            (entry.get("algorithm", "–"), *(number(entry.get(column)) for column in columns))
            for entry in table
        ]
        found.append(Section(title, (_("algorithm"), *(MEASURED[column] for column in columns)), rows))
    if groups := metrics.get("clusters"):
        rows = [(number, group["people"], ", ".join(group["marks"])) for number, group in groups.items()]
        found.append(
            Section(_("Groups of people"), (_("cluster"), _("people"), _("what sets it apart")), rows)
        )
    single = [
        (name, plain(value))
        for name, value in metrics.items()
        if isinstance(value, bool | int | float | str) and name not in TOLD_ABOVE
    ]
    if single:
        found.append(Section(_("Figures"), (_("figure"), _("value")), single))
    return found


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
