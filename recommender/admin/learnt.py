"""The desk's pages of what was learnt, from what, and how good it is."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from catalog.pages import Section, shown
from customers import few
from recommender.admin import cards, reasons, versions
from recommender.admin.comparing import Comparing
from recommender.admin.figures import Headline, measured, parameters, plain, weight
from recommender.admin.moods import Moods
from recommender.admin.rising import Rising
from recommender.models import ModelVersion


@admin.register(ModelVersion)
class ModelVersionAdmin(Comparing, Rising, Moods):
    about = _(
        "What was learnt from people who allow it stands here, each version with how well it does. Begin with a training: Recommender, Trainings."
    )
    list_display = (
        "told_task",
        "algorithm",
        "told_state",
        "quality",
        "told_people",
        "told_interactions",
        "created_at",
    )
    list_filter = ("state", "task")
    list_before_template = "admin/desk/recommender_models.html"
    actions_list = (*Comparing.actions_list, *Rising.actions_list, *Moods.actions_list)
    date_hierarchy = "created_at"
    change_form_outer_after_template = "admin/desk/model.html"
    fields = (
        ("task", "algorithm"),
        ("state", "told_reason"),
        ("told_people", "told_interactions"),
        ("trained_until", "renewed_at"),
        ("created_at", "consents_until"),
        ("file", "sha256"),
        ("acts_file", "acts_sha256"),
        "run",
    )
    readonly_fields = ("told_reason", "told_people", "told_interactions")

    @shown(_("reason"))
    def told_reason(self, model: ModelVersion) -> str:
        return reasons.told(model.reason) or "–"

    @shown(_("task"), order="task")
    def told_task(self, model: ModelVersion) -> str:
        return model.get_task_display()

    @shown(_("state"), order="state", label={"live": "success", "refused": "warning", "retired": "default"})
    def told_state(self, model: ModelVersion) -> tuple[str, str]:
        return model.state, model.get_state_display()

    @shown(_("people it learnt from"), order=few.order_in_tens("people"))
    def told_people(self, model: ModelVersion) -> str:
        return few.told_in_tens(model.people)

    @shown(_("interactions"))
    def told_interactions(self, model: ModelVersion) -> str:
        return few.told_in_tens(model.interactions if model.people >= few.FEWEST_PEOPLE else 0)

    @shown(_("quality"))
    def quality(self, model: ModelVersion) -> str:
        head = Headline.of(model.metrics)
        return head.sentence if head else "–"

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        top = {"cards": cards.cards(at=timezone.now()), **cards.over_time()}
        return super().changelist_view(request, {**top, **(extra_context or {})})

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> TemplateResponse:
        if (row := context.get("original")) is not None:
            beside, old = versions.around(row), versions.before(row)
            context |= versions.strips(row, beside) | {"verdict": versions.verdict(row, old)}
            context["compared"] = [versions.over_time(row, beside), versions.changed(row, old)]
        return super().render_change_form(request, context, *args, **kwargs)

    def sections(self, request: HttpRequest, row: Any) -> list[Section]:
        parts = row.parameters.get("components")
        if parts is None:
            rows = [(name, plain(value)) for name, value in row.parameters.items()]
            chosen = Section(_("Parameters"), (_("parameter"), _("value")), rows, _("It has none."))
        else:
            weighed = [
                (part["algorithm"], weight(part["weight"]), parameters(part["parameters"])) for part in parts
            ]
            chosen = Section(_("Parameters"), (_("part"), _("weight"), _("parameters")), weighed)
        return [chosen, *measured(row.metrics)]
