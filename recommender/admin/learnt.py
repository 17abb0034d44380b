"""The desk's pages of what was learnt, from what, and how good it is."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from catalog.pages import ReadOnly, Section, shown
from recommender.admin.figures import measured, parameters, plain, weight
from recommender.models import ModelVersion


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnly):
    list_display = ("told_task", "algorithm", "told_state", "quality", "people", "interactions", "created_at")
    list_filter = ("state", "task")
    date_hierarchy = "created_at"
    fields = (
        ("task", "algorithm"),
        ("state", "reason"),
        ("people", "interactions"),
        ("trained_until", "renewed_at"),
        ("created_at", "consents_until"),
        ("file", "sha256"),
        ("acts_file", "acts_sha256"),
        "run",
    )

    @shown(_("task"), order="task")
    def told_task(self, model: ModelVersion) -> str:
        return model.get_task_display()

    @shown(_("state"), order="state", label={"live": "success", "refused": "warning", "retired": "default"})
    def told_state(self, model: ModelVersion) -> tuple[str, str]:
        return model.state, model.get_state_display()

    @shown(_("quality"))
    def quality(self, model: ModelVersion) -> str:
        for row in model.metrics.get("test", ()):
            if row.get("algorithm") == model.metrics.get("label") and "ndcg10" in row:
                return f"NDCG@10 {row['ndcg10']:.3f}"
        if "accuracy" in model.metrics:
            told = {name: f"{value:.3f}" for name, value in model.metrics.items() if isinstance(value, float)}
            return gettext(
                "%(accuracy)s right (%(accuracy_low)s to %(accuracy_high)s), %(baseline)s by always saying the commoner"
            ) % told  # fmt: skip
        if "brier" in model.metrics:
            return f"Brier {model.metrics['brier']:.4f}"
        if "purchase_auc" in model.metrics:
            return f"AUC {model.metrics['purchase_auc']}"
        return "–"

    def sections(self, request: HttpRequest, row: Any) -> list[Section]:
        parts = row.parameters.get("components")
        if parts is None:
            rows = [(name, plain(value)) for name, value in row.parameters.items()]
            chosen = Section(_("Parameters"), (_("parameter"), _("value")), rows)
        else:
            weighed = [
                (part["algorithm"], weight(part["weight"]), parameters(part["parameters"])) for part in parts
            ]
            chosen = Section(_("Parameters"), (_("part"), _("weight"), _("parameters")), weighed)
        return [chosen, *measured(row.metrics)]
