"""The privacy officer's queue: what people demand, by its clock; one demand with its evidence."""

from typing import Any

from django.contrib import admin
from django.db.models import Case, F, IntegerField, QuerySet, Value, When
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from catalog.pages import Section, shown
from customers import request_alarms
from customers.admin import evidence, origins
from customers.admin.request_deeds import Deeds
from customers.models import PrivacyRequest
from customers.requests import LIVING


class ClockFilter(admin.SimpleListFilter):
    title = _("clock")
    parameter_name = "clock"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("overdue", _("overdue")), ("soon", _("due within seven days")), ("living", _("not ended"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        living, now = queryset.filter(state__in=LIVING), timezone.now()
        match self.value():
            case "overdue":
                return living.filter(due_at__lt=now)
            case "soon":
                return living.filter(due_at__gte=now, due_at__lt=now + request_alarms.SOON)
            case "living":
                return living
        return queryset


@admin.register(PrivacyRequest)
class PrivacyRequestAdmin(Deeds):
    about = _(
        "Nobody has asked for anything yet. What somebody asks on their own pages comes in by itself. For whoever asks "
        "by mail or telephone, find the customer and press what they demand, such as “Erase this person”."
    )
    list_display = ("told_type", "told_state", "who", "asked_at", "due_at", "days_left", "ended_at")
    list_filter = (ClockFilter, "state", "type")
    list_select_related = ("customer",)
    search_fields = ("=customer_number", "=customer__external_id")
    search_help_text = _("By the customer's number or the shop's own id, exactly")
    fields = (
        ("told_type", "told_state"),
        ("who", "source"),
        "asked_at",
        ("proven_at", "proven_by"),
        ("due_at", "days_left"),
        ("extended_reason", "why"),
        "ended_at",
    )
    readonly_fields = ("told_type", "told_state", "who", "days_left")

    def get_queryset(self, request: HttpRequest) -> QuerySet[PrivacyRequest]:
        rows: QuerySet[PrivacyRequest] = super().get_queryset(request)
        return rows.select_related("customer__key")

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        """What has not ended first, the most urgent on top; then what has, the newest on top."""
        has_ended = Case(When(state__in=LIVING, then=Value(0)), default=Value(1), output_field=IntegerField())
        clock = Case(When(state__in=LIVING, then=F("due_at")), default=None)
        return [has_ended.asc(), clock.asc(), "-ended_at", "pk"]

    # --- columns ---------------------------------------------------------------------------------------------

    @shown(_("type"), order="type")
    def told_type(self, row: PrivacyRequest) -> str:
        return str(row.get_type_display())

    @shown(
        _("state"),
        order="state",
        label={"open": "info", "working": "info", "done": "success", "refused": "warning"},
    )
    def told_state(self, row: PrivacyRequest) -> tuple[str, str]:
        return row.state, str(row.get_state_display())

    @shown(_("source"))
    def told_source(self, row: PrivacyRequest) -> str:
        return origins.source(row.source)

    @shown(_("proven by"))
    def told_proven_by(self, row: PrivacyRequest) -> str:
        return origins.identity(row.proven_by)

    @shown(_("customer"))
    def who(self, row: PrivacyRequest) -> str:
        return str(row.customer) if row.customer is not None else f"#{row.customer_number}"

    @shown(
        _("days left"),
        order="due_at",
        label={"overdue": "danger", "soon": "warning", "far": "default", "ended": "default"},
    )
    def days_left(self, row: PrivacyRequest) -> tuple[str, str]:
        if row.state not in LIVING:
            return "ended", "–"
        left = (row.due_at - timezone.now()).total_seconds() / 86400
        if left < 0:
            days = int(-left) + 1
            return "overdue", ngettext("%s day overdue", "%s days overdue", days) % days
        days = int(left)
        return "soon" if left < request_alarms.SOON.days else "far", ngettext(
            "%s day", "%s days", days
        ) % days

    def sections(self, request: HttpRequest, row: Any) -> list[Section]:
        return [evidence.section(row.steps)]
