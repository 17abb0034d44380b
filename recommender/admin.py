"""The desk's pages of what was learnt, from what, and how good it is."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import StackedInline

from catalog.models import Product
from catalog.pages import Page, ReadOnly, Section, button, shown
from customers import identities
from recommender import serving, training
from recommender.models import (
    ClusterMembership,
    Interest,
    ModelVersion,
    PairCount,
    PairShard,
    Placement,
    Promotion,
    Score,
    Shown,
    Task,
    TrainingRun,
)
from recommender.serving import Item, placements

MEASURED = {
    "ndcg10": "NDCG@10", "recall20": "Recall@20", "hitrate10": "Hit@10", "mrr": "MRR", "coverage10": "Cover@10",
    "auc": "AUC", "auc_low": "AUC, from", "auc_high": "AUC, to", "brier": "Brier", "log_loss": "Log loss",
}  # fmt: skip
AT_WORK = (TrainingRun.State.WAITING, TrainingRun.State.RUNNING)
TOLD_ABOVE = ("reason", "label", "model")


@admin.register(TrainingRun)
class TrainingRunAdmin(ReadOnly):
    about = _(
        "Nothing has been learnt yet. “Train now” learns from the orders of everyone who allows personalization."
    )
    list_display = (
        "told_task",
        "told_state",
        "told_progress",
        "step",
        "came_of_it",
        "requested_by",
        "created_at",
    )
    list_filter = ("task", "state")
    date_hierarchy = "created_at"
    actions_list = ("train",)
    actions_detail = ("cancel",)
    list_before_template = "admin/desk/watched.html"
    fields = (
        ("task", "state"),
        ("told_progress", "step"),
        "came_of_it",
        ("requested_by", "created_at"),
        ("started_at", "ended_at"),
        ("cancelled_by", "cancel_asked_at"),
    )
    readonly_fields = ("told_progress", "came_of_it")

    def sections(self, request: HttpRequest, row: Any) -> list[Section]:
        return _measured(row.result)

    def is_at_work(self) -> bool:
        """Whether a list of trainings has something to follow."""
        return TrainingRun.objects.filter(state__in=AT_WORK).exists()

    @shown(_("task"), order="task")
    def told_task(self, run: TrainingRun) -> str:
        return run.get_task_display()

    @shown(
        _("state"),
        order="state",
        label={
            "waiting": "info",
            "running": "warning",
            "done": "success",
            "failed": "danger",
            "cancelled": "default",
        },
    )
    def told_state(self, run: TrainingRun) -> tuple[str, str]:
        if run.cancel_asked_at is not None and run.state == TrainingRun.State.RUNNING:
            return run.state, gettext("stopping")
        return run.state, run.get_state_display()

    @shown(_("progress"))
    def told_progress(self, run: TrainingRun) -> SafeString:
        percent = round(run.progress * 100)
        return format_html(
            '<span class="desk-progress" role="img" aria-label="{0} %"><i style="width:{0}%"></i></span> {0} %{1}',
            percent,
            self._left(run),
        )

    def _left(self, run: TrainingRun) -> str:
        """Only running trainings are asked about, of which there are no more than workers."""
        seconds = training.seconds_left(run, at=timezone.now())
        if seconds is None:
            return ""
        minutes = round(seconds / 60)
        if not minutes:
            return ", " + gettext("less than a minute left")
        return ", " + ngettext("about %s minute left", "about %s minutes left", minutes) % minutes

    @shown(_("result"))
    def came_of_it(self, run: TrainingRun) -> str:
        for name in ("error", "refused", "reason"):
            if told := run.result.get(name):
                return str(told)
        return "–"

    @button(_("Cancel this training"), path="cancel", icon="cancel")
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The same deed as the API's: nothing goes live, and what serves stays."""
        run = self.get_object(request, object_id)
        back = HttpResponseRedirect(reverse("admin:recommender_trainingrun_changelist"))
        if run is None or run.state not in AT_WORK:
            messages.info(request, gettext("This training has ended; there is nothing to cancel."))
            return back
        if request.method == "POST":
            try:
                run = training.cancel(run, by=request.user.get_username(), at=timezone.now())
            except training.TooLate:
                messages.error(request, gettext("Too late: it has ended, or is going live already."))
                return back
            self.log_change(request, run, "Cancelled.")
            if run.state == TrainingRun.State.CANCELLED:
                messages.success(request, gettext("It is cancelled. What serves now goes on serving."))
            else:
                messages.success(
                    request, gettext("It stops at its next step. What serves now goes on serving.")
                )
            return back
        return self.own_page(
            request,
            "admin/desk/confirm.html",
            title=gettext("Cancel this training?"),
            row=run,
            sentences=[
                gettext("Nothing of it goes live; the model that serves now goes on serving."),
                gettext("What it has learnt so far is lost. It can be asked for again at any time."),
            ],
            confirm=gettext("Cancel this training"),
            is_grave=True,
        )

    def is_useful(self, name: str, row: TrainingRun) -> bool:
        return name != "cancel" or (row.state in AT_WORK and row.cancel_asked_at is None)

    @button(_("Train now"), path="train", icon="model_training")
    def train(self, request: HttpRequest) -> HttpResponse:
        """Write the wish down; the worker takes it up. The same deed as the command and the API."""
        if request.method == "POST":
            asked = [task for task in training.TRAINABLE if task in request.POST.getlist("task")]
            for task in asked:
                training.ask(task, by=request.user.get_username())
            if asked:
                names = ", ".join(str(Task(task).label) for task in asked)
                messages.success(
                    request,
                    gettext("Asked for: %s. The worker begins within seconds; you may leave.") % names,
                )
                return HttpResponseRedirect(reverse("admin:recommender_trainingrun_changelist"))
            messages.error(request, gettext("Choose at least one thing to learn."))
        return self.own_page(
            request,
            "admin/desk/train.html",
            title=gettext("Train now"),
            tasks=[(str(task), Task(task).label) for task in training.TRAINABLE],
        )


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
            rows = [(name, _plain(value)) for name, value in row.parameters.items()]
            chosen = Section(_("Parameters"), (_("parameter"), _("value")), rows)
        else:
            weighed = [
                (part["algorithm"], _weight(part["weight"]), _parameters(part["parameters"]))
                for part in parts
            ]
            chosen = Section(_("Parameters"), (_("part"), _("weight"), _("parameters")), weighed)
        return [chosen, *_measured(row.metrics)]


def _measured(metrics: Mapping[str, Any]) -> list[Section]:
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
            (entry.get("algorithm", "–"), *(_number(entry.get(column)) for column in columns))
            for entry in table
        ]
        found.append(Section(title, (_("algorithm"), *(MEASURED[column] for column in columns)), rows))
    if groups := metrics.get("clusters"):
        rows = [(number, group["people"], ", ".join(group["marks"])) for number, group in groups.items()]
        found.append(
            Section(_("Groups of people"), (_("cluster"), _("people"), _("what sets it apart")), rows)
        )
    plain = [
        (name, _plain(value))
        for name, value in metrics.items()
        if isinstance(value, bool | int | float | str) and name not in TOLD_ABOVE
    ]
    if plain:
        found.append(Section(_("Figures"), (_("figure"), _("value")), plain))
    return found


def _weight(weight: float | Mapping[str, float]) -> str:
    """One number, or the modes in which the part counts for something."""
    if not isinstance(weight, Mapping):
        return f"{weight:g}"
    names = {"all": gettext("all"), "again": gettext("again"), "new": gettext("new")}
    return ", ".join(f"{names[mode]} {value:g}" for mode, value in weight.items() if value)


def _parameters(given: Mapping[str, Any]) -> str:
    """A part's parameters; of a part that is a hybrid itself, its own parts."""
    if (parts := given.get("components")) is None:
        return _listed(given)
    return "; ".join(
        f"{part['algorithm']} ({_weight(part['weight'])}) {_listed(part['parameters'])}" for part in parts
    )


def _listed(parameters: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_plain(value)}" for name, value in parameters.items())


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    return "–" if value is None else str(value)


def _number(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, int | float) else "–"


@admin.register(Interest)
class InterestAdmin(ReadOnly):
    list_display = ("customer", "category", "likelihood")
    fields = ("customer", "category", "likelihood", "model")
    readonly_fields = ("likelihood",)
    list_select_related = ("customer", "category")
    search_fields = ("=customer__external_id", "=category__slug")
    search_help_text = _("By the customer's own id or the category's slug, exactly")

    @shown(_("probability"), order="probability")
    def likelihood(self, interest: Interest) -> str:
        return f"{interest.probability:.0%}"


@admin.register(ClusterMembership)
class ClusterMembershipAdmin(ReadOnly):
    list_display = ("customer", "cluster", "model")
    list_select_related = ("customer", "model")
    search_fields = ("=customer__external_id", "=cluster")


@admin.register(Score)
class ScoreAdmin(ReadOnly):
    list_display = ("customer", "told_purchase", "told_churn", "told_value", "expected_at")
    fields = ("customer", ("told_purchase", "told_churn"), ("told_value", "expected_at"), "model")
    readonly_fields = ("told_purchase", "told_churn", "told_value")
    list_select_related = ("customer",)
    search_fields = ("=customer__external_id",)
    search_help_text = _("By the customer's own id, exactly")

    @shown(_("orders soon"), order="purchase")
    def told_purchase(self, score: Score) -> str:
        return "–" if score.purchase is None else f"{score.purchase:.0%}"

    @shown(_("stays away"), order="churn")
    def told_churn(self, score: Score) -> str:
        return "–" if score.churn is None else f"{score.churn:.0%}"

    @shown(_("money in a year"), order="lifetime_value")
    def told_value(self, score: Score) -> str:
        return "–" if score.lifetime_value is None else f"{score.lifetime_value:.2f}"


# --- placements ----------------------------------------------------------------------------------------------------


class PromotionForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Promotion
        fields = ("name", "percent", "products", "categories", "priority", "starts_at", "ends_at")

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if not self.errors and not given.get("products") and not given.get("categories"):
            self.add_error("products", gettext("Name at least one product or one category to promote."))
        return given


class PromotionRows(StackedInline):  # type: ignore[misc]
    model = Promotion
    form = PromotionForm
    extra = 0
    fields = (("name", "percent", "priority"), "products", "categories", ("starts_at", "ends_at"))
    autocomplete_fields = ("products", "categories")
    verbose_name_plural = _("Promotions: products that get a share of the list")


@admin.register(Placement)
class PlacementAdmin(Page):
    about = _(
        "A placement is where a list stands: home page, basket, mail. It says what may stand there and how varied it "
        "is. The shop asks for it by its slug; names that are not here get the plain list."
    )
    list_display = ("name", "slug", "told_mode", "told_bought", "told_variety", "told_chance", "is_measured")
    list_filter = ("mode", "diversity")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}
    autocomplete_fields = ("categories",)
    inlines = (PromotionRows,)
    actions_detail = ("preview",)
    fieldsets = (
        (None, {"fields": (("name", "slug"),)}),
        (
            _("What may stand there"),
            {
                "fields": ("mode", ("bought", "bought_within_days"), "in_stock", "categories", "relevance"),
                "description": _("A request may ask for less than this, never for more."),
            },
        ),
        (_("Variety"), {"fields": ("diversity", "strength")}),
        (_("Chance and measuring"), {"fields": ("exploration", "is_measured")}),
    )

    @shown(_("what it is for"), order="mode")
    def told_mode(self, placement: Placement) -> str:
        return placement.get_mode_display()

    @shown(_("what they bought already"), order="bought")
    def told_bought(self, placement: Placement) -> str:
        return placement.get_bought_display()

    @shown(_("variety"), order="diversity")
    def told_variety(self, placement: Placement) -> str:
        if placement.diversity == Placement.Diversity.NONE:
            return "–"
        return f"{placement.diversity} {placement.strength:g}"

    @shown(_("share left to chance"), order="exploration")
    def told_chance(self, placement: Placement) -> str:
        return f"{placement.exploration:.0%}" if placement.exploration else "–"

    @button(_("Preview"), path="preview", icon="visibility")
    def preview(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The list before and after the placement's rules, as one customer would get it now. Nothing is kept."""
        row = self.get_object(request, object_id)
        if row is None:
            return HttpResponseRedirect(reverse("admin:recommender_placement_changelist"))
        named = request.GET.get("customer", "").strip()
        customer = identities.find([named]).get(named) if named else None
        wrong = gettext("No customer has this id.") if named and customer is None else ""
        return self.own_page(
            request,
            "admin/desk/placement_preview.html",
            title=gettext("Preview: %s") % row,
            row=row,
            named=named,
            wrong=wrong,
            lists=[] if wrong else _before_and_after(row, customer),
        )


def _before_and_after(row: Placement, customer: int | None) -> list[dict[str, Any]]:
    at = timezone.now()
    placed = placements.placed(row, at=at)
    answers = (
        (gettext("Before"), serving.recommend(customer, at=at)),
        (gettext("After"), serving.recommend(customer, at=at, filters=placed.filters, how=placed.how)),
    )
    needed = {item.product_id for _title, answer in answers for item in answer.items}
    products = Product.objects.select_related("category").in_bulk(needed)
    return [
        {
            "title": title,
            "personalized": answer.personalized,
            "items": [_told(item, products[item.product_id]) for item in answer.items],
        }
        for title, answer in answers
    ]


def _told(item: Item, product: Product) -> dict[str, Any]:
    promoted = gettext("Promotion: %s") % item.promotion if item.promotion else ""
    return {
        "sku": item.sku,
        "title": product.title,
        "category": product.category or "–",
        "why": promoted or item.reason.text,
        "score": _number(item.score),
        "propensity": "–" if item.propensity is None else f"{item.propensity:.3f}",
    }


@admin.register(Shown)
class ShownAdmin(ReadOnly):
    about = _(
        "No list is kept yet. A placement keeps its lists where it is measured, or leaves a share to chance."
    )
    list_display = ("at", "placement", "customer", "model", "told_items")
    list_select_related = ("customer", "model")
    date_hierarchy = "at"
    search_fields = ("=customer__external_id", "=placement")
    fields = (("at", "placement"), ("customer", "model"), ("basis", "consent_record_id"), "recommendation_id")

    @shown(_("items"))
    def told_items(self, row: Shown) -> int:
        return len(row.items)

    def sections(self, request: HttpRequest, row: Any) -> list[Section]:
        rows = [
            (place, item["sku"], _number(item["propensity"]), item["promotion"] or "–")
            for place, item in enumerate(row.items, 1)
        ]
        return [Section(_("Items"), (_("place"), _("SKU"), _("propensity"), _("promotion")), rows)]


@admin.register(PairCount)
class PairCountAdmin(ReadOnly):
    about = _("Nobody has counted pairs in shards yet; “manage.py count_pairs” does.")
    list_display = ("until", "created_at", "ended_at", "file")
    fields = ("until", ("created_at", "ended_at"), ("items_file", "items_sha256"), ("file", "sha256"))


@admin.register(PairShard)
class PairShardAdmin(ReadOnly):
    list_display = ("count", "first", "beyond", "attempt", "lease_until", "file")
    list_select_related = ("count",)
    fields = ("count", ("first", "beyond"), ("attempt", "lease_until"), ("file", "sha256"))
