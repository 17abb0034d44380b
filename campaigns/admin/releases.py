"""The desk's pages of numbers that left it, and of whom they protect."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Sum
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from campaigns.admin.private import told_epsilon
from campaigns.models import PrivacyBudget, PrivateRelease, SavedReport
from catalog.pages import ReadOnly, Section, shown, told_time


@admin.register(SavedReport)
class SavedReportAdmin(ReadOnly):
    """What was shown to whom, so that the next report cannot be subtracted from it."""

    about = _("No report has left the desk yet.")
    list_display = ("campaign", "by", "at")
    list_select_related = ("campaign",)
    ordering = ("-at",)
    fields = ("campaign", "by", "at")


@admin.register(PrivacyBudget)
class PrivacyBudgetAdmin(ReadOnly):
    about = _("Nothing has been told with noise yet.")
    list_display = ("name", "told_total", "told_spent", "told_left", "created_at")
    fields = ("name", "told_total", "told_spent", "told_left", "delta", "created_at")

    @shown(_("epsilon in all"), order="total")
    def told_total(self, budget: PrivacyBudget) -> str:
        return told_epsilon(budget.total)

    @shown(_("spent"), order="spent")
    def told_spent(self, budget: PrivacyBudget) -> str:
        return told_epsilon(budget.spent)

    @shown(pgettext_lazy("of a budget", "left"))
    def told_left(self, budget: PrivacyBudget) -> str:
        return told_epsilon(budget.total - budget.spent)

    def sections(self, request: HttpRequest, row: Any) -> list[Section]:
        spent = (
            row.releases.values_list("by").annotate(n=Count("pk"), epsilon=Sum("spent")).order_by("-epsilon")
        )
        releases = row.releases.select_related("campaign")[:50]
        return [
            Section(
                _("Spent by whom"),
                (_("by"), _("releases"), _("epsilon")),
                [(by, n, told_epsilon(epsilon)) for by, n, epsilon in spent[:50]],
                empty=_("Nothing has been told with noise yet."),
            ),
            Section(
                _("What it was spent on"),
                (_("at"), _("campaign"), _("by"), _("epsilon")),
                [
                    (told_time(one.at), one.campaign or "–", one.by, told_epsilon(one.spent))
                    for one in releases
                ],
            ),
        ]


@admin.register(PrivateRelease)
class PrivateReleaseAdmin(ReadOnly):
    about = _("Nothing has been told with noise yet.")
    list_display = ("campaign", "budget", "told_spent", "by", "at")
    list_select_related = ("budget", "campaign")
    ordering = ("-at",)

    @shown(_("epsilon"), order="spent")
    def told_spent(self, release: PrivateRelease) -> str:
        return told_epsilon(release.spent)
