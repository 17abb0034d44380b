"""The pages of the global holdout: who is left in peace for a while, and what all campaigns together bring."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns import experiments, holdouts, statistics
from campaigns.admin import words
from campaigns.admin.charts import Dots, Interval
from campaigns.admin.reports import words as report_words
from campaigns.admin.reports.charts import over_time, told_interval
from campaigns.holdouts import HoldoutReport
from campaigns.models import Holdout
from campaigns.reports import FEWEST_ORDERS, FEWEST_PEOPLE
from catalog.pages import Page, button, shown, told_time


@admin.register(Holdout)
class HoldoutAdmin(Page):
    about = _(
        "A holdout is a small share of all people whom no campaign writes to for some months. What everyone else buys "
        "more than they do is what all campaigns bring together. Add one with 5 percent for a quarter."
    )
    list_display = ("name", "percent", "told_state", "starts_at", "ends_at")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}
    readonly_fields = ("salt", "created_at")
    ordering = ("-starts_at",)
    actions_detail = ("report",)
    fieldsets = (
        (None, {"fields": (("name", "slug"),)}),
        (
            _("Who, and how long"),
            {
                "fields": ("percent", "starts_at", "ends_at"),
                "description": _(
                    "Everyone is drawn by a hash of the salt and their number, before any campaign draws its own control "
                    "group. The salt never changes, and from its first day neither do the share and the start: else "
                    "people would change sides, and nothing could be said any more."
                ),
            },
        ),
        (_("Record"), {"fields": (("salt", "created_at"),)}),
    )

    def has_begun(self, holdout: Holdout | None) -> bool:
        return holdout is not None and holdout.starts_at <= timezone.now()

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        fixed = ("slug", "percent", "starts_at") if self.has_begun(obj) else ()
        return (*self.readonly_fields, *fixed)

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> Mapping[str, Sequence[str]]:
        return {} if self.has_begun(obj) else self.prepopulated_fields

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """One that has begun is ended, not deleted: what it measured rests on its salt."""
        return (
            obj is not None and not self.has_begun(obj) and bool(super().has_delete_permission(request, obj))
        )

    @shown(_("state"), label={"planned": "info", "running": "success", "over": "default"})
    def told_state(self, holdout: Holdout) -> tuple[str, str]:
        now = timezone.now()
        if holdout.starts_at > now:
            return "planned", gettext("not begun yet")
        if holdout.ends_at is not None and holdout.ends_at <= now:
            return "over", gettext("over")
        return "running", gettext("running")

    @button(_("What all campaigns bring"), path="report", icon="monitoring", needs="view")
    def report(self, request: HttpRequest, object_id: str) -> HttpResponse:
        holdout = self.get_object(request, object_id)
        if holdout is None:
            return HttpResponseRedirect(reverse("admin:campaigns_holdout_changelist"))
        found = holdouts.report(holdout, at=timezone.now())
        effect, is_begun = found.effect, holdout.starts_at <= timezone.now()
        return self.own_page(
            request,
            "admin/desk/holdout_report.html",
            title=gettext("What all campaigns bring: %s") % holdout,
            row=holdout,
            report=found,
            verdict=verdict(found)
            if is_begun
            else gettext("It begins on %s. Nothing is measured before.") % told_time(holdout.starts_at),
            effect=effect,
            dots=_dots(found),
            money=_money(found),
            over_time=over_time(found.days, found.currency),
            is_begun=is_begun,
            read=(told_time(found.read_from), told_time(found.read_until)),
            of=gettext("Of everybody whom campaigns chose, by the group they were drawn into before,"),
            since=gettext("%(first)s to %(last)s")
            % {"first": told_time(found.read_from), "last": told_time(found.read_until)},
        )


def _dots(report: HoldoutReport) -> Dots | None:
    effect = report.effect
    if effect is None:
        return None
    told = told_interval(effect.per_person, effect.low, effect.high)
    row = Interval(_("Revenue per person"), told, effect.per_person, effect.low, effect.high, effect.verdict)
    return Dots.of([row])


def _money(report: HoldoutReport) -> dict[str, str]:
    written = {
        "others": words.money(report.others.revenue, report.currency),
        "held": words.money(report.held.revenue, report.currency),
    }
    if (effect := report.effect) is not None:
        for name, value, low, high in (
            ("per_person", effect.per_person, effect.low, effect.high),
            ("total", effect.total, effect.total_low, effect.total_high),
        ):
            written[name] = words.money(value, report.currency, sign=True)
            written[f"{name}_range"] = f"{low:,.2f} … {high:,.2f}"
    return written


def verdict(report: HoldoutReport) -> str:
    """The first line: what all campaigns brought together, and how sure that is."""
    effect = report.effect
    if effect is None:
        return why_no_effect(report)
    told = {
        "money": words.money(effect.per_person, report.currency, sign=True),
        "low": f"{effect.low:,.2f}",
        "high": f"{effect.high:,.2f}",
        "others": words.few(report.others.people),
        "held": words.few(report.held.people),
    }
    if effect.verdict == "earned":
        return (
            gettext(
                "All campaigns together earned %(money)s per person (%(low)s to %(high)s), %(others)s people against "
                "%(held)s left in peace."
            )
            % told
        )
    if effect.verdict == "cost":
        return (
            gettext(
                "All campaigns together cost %(money)s per person (%(low)s to %(high)s), %(others)s people against "
                "%(held)s left in peace."
            )
            % told
        )
    sentence = (
        gettext(
            "Cannot tell yet: %(money)s per person (%(low)s to %(high)s), %(others)s people against %(held)s left in peace."
        )
        % told
    )
    if effect.people_needed:
        sentence += " " + gettext("About %s more people are needed.") % f"{effect.people_needed:,}"
    return sentence


def why_no_effect(report: HoldoutReport) -> str:
    """The report's own reasons, in the reader's language; they are asked in the report's order."""
    others, held = report.others, report.held
    if others.people is None or held.people is None:
        return gettext("Each group needs at least %s people.") % FEWEST_PEOPLE
    if not others.people + held.people:
        return gettext("No campaign has chosen anybody since it began.")
    if not held.people:
        return gettext("Nobody of those whom a campaign chose is held out, so nothing can be compared.")
    if report.sample_ratio_p is not None and report.sample_ratio_p < experiments.SAMPLE_RATIO_ALARM:
        return gettext(
            "The groups have sizes that chance does not make (p = %s): someone was lost on the way to one of them."
        ) % (f"{report.sample_ratio_p:.2g}")
    if min(others.people, held.people) < FEWEST_PEOPLE:
        return gettext("Each group needs at least %s people.") % FEWEST_PEOPLE
    if report.is_over:
        return (
            gettext("Fewer than %s people of a group bought: an effect would tell of a few.") % FEWEST_ORDERS
        )
    return gettext(
        "Too early to say what it caused: that takes %(least)s buyers in each group, and the smaller has %(fewest)s so far."
    ) % {"least": statistics.MINIMUM_ORDERS, "fewest": report_words.fewest_bought(others, held)}
