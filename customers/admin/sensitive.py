"""The desk's pages of sensitive attributes: which they are, who asked to use one where and why, and who let them."""

from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.functional import lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from catalog.pages import Page, Section, button, shown, told_time
from customers import sensitive
from customers.models import SensitiveAttribute, SensitiveUse

USUAL = timedelta(days=182)


def _suggested() -> str:
    told = ", ".join(f"{name} ({words})" for name, words in sensitive.SUGGESTED)
    return gettext("Often protected by law, to choose from; nothing is guessed by its name: %s.") % told


@admin.register(SensitiveAttribute)
class SensitiveAttributeAdmin(Page):
    about = _(
        "Nothing is declared sensitive yet. Add an attribute that no rule may use without an approved reason, by the name "
        "under which your shop sends it. Campaigns that use it already stop at once."
    )
    list_display = ("name", "why", "added_by", "created_at")
    ordering = ("name",)
    fieldsets = ((None, {"fields": ("name", "why"), "description": lazy(_suggested, str)()}),)

    def save_model(self, request: HttpRequest, obj: SensitiveAttribute, form: Any, change: bool) -> None:
        if not change:
            obj.added_by = request.user.get_username()
        super().save_model(request, obj, form, change)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("name",) if obj is not None else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was asked and approved is kept: only one that nobody asked to use can be taken back."""
        if obj is None or obj.uses.exists():
            return False
        return bool(super().has_delete_permission(request, obj))

    def sections(self, request: HttpRequest, row: Any) -> list[Section]:
        rows = [
            (use.where, use.reason, use.asked_by, use.approved_by or "–", told_time(use.ends_at))
            for use in row.uses.order_by("-asked_at")[:50]
        ]
        return [
            Section(
                _("Where it may be used"),
                (_("where"), _("reason"), _("asked by"), _("approved by"), _("holds until")),
                rows,
                empty=_("Nowhere. Who needs it asks under “Uses of sensitive attributes”."),
            )
        ]


class WishForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = SensitiveUse
        fields = ("attribute", "where", "reason")
        help_texts = {
            "where": _("segment:slug, offer:slug or placement:slug, also of one that is not saved yet."),
            "reason": _("Why it is needed, and on what law it rests. It is kept."),
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                sensitive.check_wish(cleaned["attribute"], cleaned["where"], cleaned["reason"])
            except sensitive.NotAllowed as why:
                self.add_error("where", str(why))
        return cleaned


@admin.register(SensitiveUse)
class SensitiveUseAdmin(Page):
    """Who may add asks; who may change, and did not ask, approves: two permissions that a role can part."""

    about = _(
        "Nobody has asked to use a sensitive attribute. A rule that names one is refused until somebody asks here, with a "
        "reason, and somebody else approves it until a date."
    )
    form = WishForm
    list_display = ("attribute", "where", "told_state", "asked_by", "approved_by", "ends_at")
    list_select_related = ("attribute",)
    list_filter = ("attribute",)
    fields = (
        "attribute",
        "where",
        "reason",
        ("asked_by", "asked_at"),
        ("approved_by", "approved_at"),
        "ends_at",
    )
    actions = None
    actions_detail = ("approve", "end")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields if obj is not None else ("attribute", "where", "reason")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: SensitiveUse, form: Any, change: bool) -> None:
        asked = sensitive.ask(
            obj.attribute, obj.where, reason=obj.reason, by=request.user.get_username(), at=timezone.now()
        )
        obj.pk, obj.asked_by, obj.asked_at = asked.pk, asked.asked_by, asked.asked_at

    @shown(_("state"), label={"holds": "success", "waits": "warning", "over": "info"})
    def told_state(self, use: SensitiveUse) -> tuple[str, str]:
        if use.ends_at is None:
            return "waits", gettext("waits for an answer")
        if use.approved_by and use.ends_at > timezone.now():
            return "holds", gettext("approved")
        return "over", gettext("over") if use.approved_by else gettext("refused")

    def is_useful(self, name: str, row: SensitiveUse) -> bool:
        waits = row.ends_at is None
        return waits if name == "approve" else waits or row.ends_at > timezone.now()  # type: ignore[operator]

    @button(_("Approve"), path="approve", icon="check_circle")
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        use = self.get_object(request, object_id)
        if use is None:
            return HttpResponseRedirect(reverse("admin:customers_sensitiveuse_changelist"))
        now, trouble = timezone.now(), ""
        said = request.POST.get("until", "")
        if request.method == "POST":
            day = parse_date(said) if said else None
            try:
                if day is None:
                    raise sensitive.NotAllowed(gettext("Say until which day, such as 2027-06-30."))
                until = timezone.make_aware(datetime.combine(day, time.max))
                sensitive.approve(use, until=until, by=request.user.get_username(), at=now)
            except (sensitive.NotAllowed, ValueError) as why:
                trouble = str(why)
            else:
                self.log_change(request, use, f"Approved until {day}.")
                messages.success(request, gettext("It may be used there until %s.") % day)
                return self._back(use)
        return self.own_page(
            request,
            "admin/desk/sensitive_approve.html",
            title=gettext("Let “%(attribute)s” be used in “%(where)s”?")
            % {"attribute": use.attribute, "where": use.where},
            row=use,
            trouble=trouble,
            until=said or (timezone.localtime(now) + USUAL).date().isoformat(),
            is_own=use.asked_by == request.user.get_username(),
        )

    @button(_("Refuse or end"), path="end", icon="block")
    def end(self, request: HttpRequest, object_id: str) -> HttpResponse:
        use = self.get_object(request, object_id)
        if use is None:
            return HttpResponseRedirect(reverse("admin:customers_sensitiveuse_changelist"))
        if request.method == "POST":
            try:
                sensitive.end(use, at=timezone.now())
            except sensitive.NotAllowed as why:
                messages.error(request, str(why))
            else:
                self.log_change(request, use, "Refused or ended.")
                messages.success(request, gettext("It may not be used there any more."))
            return self._back(use)
        return self.own_page(
            request,
            "admin/desk/confirm.html",
            title=gettext("End the use of “%(attribute)s” in “%(where)s”?")
            % {"attribute": use.attribute, "where": use.where},
            row=use,
            sentences=[gettext("Campaigns whose rules need it stop within a minute, and say why.")],
            confirm=gettext("Refuse or end"),
            is_grave=True,
        )

    def _back(self, use: SensitiveUse) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:customers_sensitiveuse_change", args=[use.pk]))
