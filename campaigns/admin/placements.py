"""The desk's pages of the places where offers show: in what order, what they have learnt, and what another would bring."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from campaigns import replay
from campaigns.models import Placement, RankingState
from campaigns.offers import InvalidFormula
from campaigns.offers.definitions import problems_of_placement
from campaigns.offers.formula import NAMES, OPERATIONS
from catalog.pages import Page, ReadOnly, Section, button, shown, told_time
from customers.few import FEWEST_ORDERS, told_in_tens
from customers.few import told as told_exactly

By = Placement.Ranking
EXAMPLE = [{"when": None, "value": {"times": [{"priority": 1}, {"fit": 1}]}}]
# How many renewals of the shares a page shows.
NEWEST = 10
WHAT_IT_DOES = {
    By.PRIORITY: _("The offer with the highest priority; of equal ones, what suits the person most."),
    By.FORMULA: _("The offer whose formula gives the most for the person."),
    By.BANDIT: _("Drawn by shares that follow, hour by hour, what has worked for everybody."),
    By.PERSONAL: _("The offer most likely to work for the person, learnt anew every day."),
    By.UPLIFT: _("The offer that changes most; until something is learnt, by priority."),
}
TRIED = (By.PRIORITY, By.BANDIT, By.PERSONAL, By.FORMULA)


class PlacementForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Placement
        fields = (
            "name", "slug", "channel", "slots", "ranking", "success", "formula", "explore_percent", "allow_duplicates",
            "fallback",
        )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """What makes no sense stands at its field; an empty formula is none."""
        cleaned = super().clean() or {}
        cleaned["formula"] = cleaned.get("formula") or []
        if not self.errors:
            fallback = cleaned.get("fallback")
            capped = fallback is not None and fallback.caps.exists()
            for field, told in problems_of_placement(Placement(**cleaned), fallback_is_capped=capped).items():
                self.add_error(field, told)
        return cleaned


@admin.register(Placement)
class PlacementAdmin(Page):
    form = PlacementForm
    about = _(
        "A placement is a place where offers show: how many, in what order, and what shows when none is left. One that nobody describes shows one offer by priority."
    )
    list_display = ("name", "slug", "channel", "slots", "told_order", "success", "explore_percent")
    list_filter = ("channel", "ranking")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}
    autocomplete_fields = ("fallback",)
    actions_detail = ("another",)
    fieldsets = (
        (None, {"fields": (("name", "slug"), ("channel", "slots"))}),
        (
            _("In what order"),
            {
                "fields": ("ranking", "success", "formula"),
                "description": format_lazy(
                    "{} {} · {}: {} · {}: {}",
                    _("A formula names a value for each offer; the highest shows. Example:"),
                    json.dumps(EXAMPLE),
                    _("Names"),
                    ", ".join(NAMES),
                    _("Arithmetic"),
                    ", ".join(OPERATIONS),
                ),
            },
        ),
        (_("By chance"), {"fields": ("explore_percent",)}),
        (_("What else"), {"fields": ("allow_duplicates", "fallback")}),
    )

    @shown(_("order of the offers"), order="ranking")
    def told_order(self, placement: Placement) -> str:
        return str(WHAT_IT_DOES[By(placement.ranking)])

    def sections(self, request: HttpRequest, row: Any) -> list[Section]:
        return [_learnt(row)]

    @button(_("Try another order"), path="another", icon="alt_route", needs="view")
    def another(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What another order would have earned; nothing is changed."""
        placement = self.get_object(request, object_id)
        if placement is None:
            return HttpResponseRedirect(reverse("admin:campaigns_placement_changelist"))
        said = request.POST
        context: dict[str, Any] = {
            "rankings": [(by.value, by.label) for by in TRIED],
            "ranking": said.get("ranking", By.PRIORITY.value),
            "formula": said.get("formula") or json.dumps(placement.formula or EXAMPLE),
            "reward": said.get("reward", "success"),
        }
        if request.method == "POST" and context["ranking"] in [by.value for by in TRIED]:
            try:
                context |= _tried(placement, context)
            except InvalidFormula as wrong:
                context["trouble"] = gettext("At %(path)s: %(message)s") % {
                    "path": wrong.path,
                    "message": wrong.message,
                }
            except ValueError:
                context["trouble"] = gettext("The formula is not JSON.")
        title = gettext("Another order at “%s”") % placement
        return self.own_page(request, "admin/desk/replay.html", title=title, row=placement, **context)


def _tried(placement: Placement, said: Mapping[str, Any]) -> dict[str, Any]:
    """Raises InvalidFormula, ValueError."""
    is_formula = said["ranking"] == By.FORMULA
    found = replay.replay(
        placement,
        json.loads(said["formula"]) if is_formula else said["ranking"],
        at=timezone.now(),
        rng=np.random.default_rng(1),
        reward="value" if said["reward"] == "value" else "success",
    )
    context: dict[str, Any] = {"found": found, "by": By(found.by).label}
    of = ngettext(
        "%s decision was replayed", "%s decisions were replayed", max(found.decisions, 2)
    ) % told_exactly(found.decisions)
    context |= {
        "of": f"{of},",
        "since": gettext("%(first)s to %(last)s")
        % {"first": told_time(found.since), "last": told_time(found.until)},
    }
    if found.found is None:
        return context
    names = {
        "logged": gettext("As it was"),
        "doubly_robust": gettext("As tried, doubly robust"),
        "snips": gettext("As tried, weighted by chance (SNIPS)"),
        "ips": gettext("As tried, weighted by chance (IPS)"),
    }
    values = {name: getattr(found.found, name) for name in names}
    form = "{:,.2f}".format if found.reward == "value" else "{:.2%}".format
    context["rows"] = [
        (told, form(values[name].value), f"{form(values[name].low)} … {form(values[name].high)}")
        for name, told in names.items()
    ]
    was, tried = values["logged"], values["doubly_robust"]
    if tried.low > was.high:
        context["verdict"] = gettext("It would have done better.")
    elif tried.high < was.low:
        context["verdict"] = gettext("It would have done worse.")
    else:
        context["verdict"] = gettext("The log cannot tell it from what was.")
    return context


def _learnt(placement: Placement) -> Section:
    """The shares of the last renewals, or what the personal ranking knows."""
    rows = []
    for state in placement.states.filter(method=placement.ranking).order_by("-at")[:NEWEST]:
        for slug, arm in sorted(state.arms.items(), key=lambda pair: -pair[1].get("share", 0)):
            share = f"{arm['share']:.1%}" if "share" in arm else "–"
            rows.append(
                (
                    told_time(state.at),
                    slug,
                    # A renewal follows a renewal: in tens, so that the difference of two is of nobody.
                    told_in_tens(arm.get("people", 0)),
                    told_in_tens(arm.get("successes", 0), FEWEST_ORDERS),
                    share,
                )
            )
    learns = placement.ranking in (By.BANDIT, By.PERSONAL, By.UPLIFT)
    return Section(
        _("What it has learnt"),
        (_("since"), _("offer"), _("people"), _("successes"), _("share")),
        rows,
        empty=_("Nothing yet: until it has, offers go by priority, or evenly where they are drawn.")
        if learns
        else _("This order learns nothing."),
    )


@admin.register(RankingState)
class RankingStateAdmin(ReadOnly):
    about = _(
        "Nothing has been learnt yet. A placement that learns adds a row at every renewal, and all are kept."
    )
    list_display = ("at", "placement", "told_method", "told_shares")
    list_select_related = ("placement",)
    list_filter = ("method",)
    linked = ("placement__id__exact",)
    ordering = ("-at",)
    fields = (("placement", "at"), "told_method", "told_shares")
    readonly_fields = ("told_method", "told_shares")

    @shown(_("method"), order="method")
    def told_method(self, state: RankingState) -> str:
        return str(dict(Placement.Ranking.choices).get(state.method, state.method))

    @shown(_("shares"))
    def told_shares(self, state: RankingState) -> str:
        parts: Sequence[str] = [
            f"{slug} {arm['share']:.0%}" for slug, arm in sorted(state.arms.items()) if "share" in arm
        ]
        return ", ".join(parts) or "–"
