"""The desk's pages of whose law holds."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline

from catalog.pages import Page, ReadOnly
from customers.models import Jurisdiction, SilentYes, SoftOptIn


class SilentYesInline(TabularInline):  # type: ignore[misc]
    model = SilentYes
    extra = 0


@admin.register(Jurisdiction)
class JurisdictionAdmin(Page):
    list_display = ("code", "name", "answer_days", "soft_opt_in", "updated_at")
    ordering = ("code",)
    fields = (("code", "name"), "countries", ("answer_days", "soft_opt_in"), "source")
    inlines = (SilentYesInline,)


@admin.register(SoftOptIn)
class SoftOptInAdmin(ReadOnly):
    about = _("Nobody was written down as a buyer who may be written to about similar products.")
    list_display = ("customer", "category", "order_id", "notice", "at")
    list_select_related = ("customer", "category")
