"""The desk's pages of whose law holds, and of what may not be asked of people."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline

from catalog.pages import Page, ReadOnly
from customers.models import Jurisdiction, SensitiveAttribute, SensitiveUse, SilentYes, SoftOptIn


class SilentYesInline(TabularInline):  # type: ignore[misc]
    model = SilentYes
    extra = 0


@admin.register(Jurisdiction)
class JurisdictionAdmin(Page):
    list_display = ("code", "name", "answer_days", "soft_opt_in", "updated_at")
    ordering = ("code",)
    fields = (("code", "name"), "countries", ("answer_days", "soft_opt_in"), "source")
    inlines = (SilentYesInline,)


@admin.register(SensitiveAttribute)
class SensitiveAttributeAdmin(Page):
    about = _(
        "Nothing is declared sensitive yet. Add an attribute that no rule and no model may use unasked."
    )
    list_display = ("name", "why", "added_by", "created_at")
    ordering = ("name",)
    fields = ("name", "why")

    def save_model(self, request: HttpRequest, obj: SensitiveAttribute, form: Any, change: bool) -> None:
        if not change:
            obj.added_by = request.user.get_username()
        super().save_model(request, obj, form, change)


@admin.register(SensitiveUse)
class SensitiveUseAdmin(ReadOnly):
    list_display = ("attribute", "where", "asked_by", "approved_by", "ends_at")
    list_select_related = ("attribute",)


@admin.register(SoftOptIn)
class SoftOptInAdmin(ReadOnly):
    about = _("Nobody was written down as a buyer who may be written to about similar products.")
    list_display = ("customer", "category", "order_id", "notice", "at")
    list_select_related = ("customer", "category")
