"""The desk's pages of numbers that left it, and of whom they protect."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from campaigns.models import PrivacyBudget, PrivateRelease, SavedReport
from catalog.pages import ReadOnly


@admin.register(SavedReport)
class SavedReportAdmin(ReadOnly):
    about = _("No report has left the desk yet.")
    list_display = ("campaign", "by", "at")
    list_select_related = ("campaign",)
    ordering = ("-at",)


@admin.register(PrivacyBudget)
class PrivacyBudgetAdmin(ReadOnly):
    about = _("Nothing has been told with noise yet.")
    list_display = ("name", "total", "spent", "delta", "created_at")


@admin.register(PrivateRelease)
class PrivateReleaseAdmin(ReadOnly):
    about = _("Nothing has been told with noise yet.")
    list_display = ("budget", "campaign", "spent", "by", "at")
    list_select_related = ("budget", "campaign")
    ordering = ("-at",)
