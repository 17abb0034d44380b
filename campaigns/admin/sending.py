"""The desk's pages of when and how often people are written to, how fast domains are, and what came back."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dates import WEEKDAYS, WEEKDAYS_ABBR
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from campaigns import pace
from campaigns.models import Bounce, DomainPace, FrequencyCap, QuietHours
from catalog.pages import Page, ReadOnly, shown, told_time

KIND_COLOURS = {
    "delivered": "success",
    "deferred": "info",
    "soft": "warning",
    "hard": "danger",
    "complaint": "danger",
    "unsubscribe": "default",
}

IN_ANY = {
    FrequencyCap.Unit.HOURS: _("%s in any hour"),
    FrequencyCap.Unit.DAYS: _("%s in any 24 hours"),
    FrequencyCap.Unit.WEEKS: _("%s in any 7 days"),
}
A_CALENDAR = {
    FrequencyCap.Unit.DAYS: _("%s a calendar day"),
    FrequencyCap.Unit.WEEKS: _("%s a calendar week"),
}


@admin.register(FrequencyCap)
class FrequencyCapAdmin(Page):
    about = _(
        "A frequency cap says how many messages one person may get in a while, over all campaigns. All caps hold; the "
        "strictest wins. While none is written: 3 e-mails in 7 days, 10 webhooks a day."
    )
    list_display = ("name", "told_cap", "told_channel", "tag", "told_state")
    list_select_related = ("tag",)
    list_filter = ("is_active", "channel")
    search_fields = ("name",)
    fieldsets = (
        (None, {"fields": ("name", "is_active")}),
        (_("How often"), {"fields": (("most", "length", "unit"), "kind")}),
        (
            _("Of what"),
            {
                "fields": (("channel", "tag"),),
                "description": _(
                    "Counted is what was sent; in planning also what waits of campaigns of the same or a higher "
                    "priority. What is seen in the shop is not counted."
                ),
            },
        ),
    )

    @shown(_("cap"))
    def told_cap(self, cap: FrequencyCap) -> str:
        is_calendar = cap.kind == FrequencyCap.Kind.CALENDAR
        if cap.length == 1:
            return str((A_CALENDAR if is_calendar else IN_ANY)[FrequencyCap.Unit(cap.unit)]) % cap.most
        words = {"most": cap.most, "length": cap.length, "unit": cap.get_unit_display()}
        if is_calendar:
            return gettext("%(most)s in %(length)s calendar %(unit)s") % words
        return gettext("%(most)s in any %(length)s %(unit)s") % words

    @shown(_("channel"), order="channel")
    def told_channel(self, cap: FrequencyCap) -> str:
        return cap.get_channel_display() if cap.channel else gettext("all together")

    @shown(_("in force"), order="is_active", label={"yes": "success", "no": "default"})
    def told_state(self, cap: FrequencyCap) -> tuple[str, str]:
        return ("yes", gettext("yes")) if cap.is_active else ("no", gettext("no"))


class QuietHoursForm(forms.ModelForm):  # type: ignore[type-arg]
    weekdays = forms.TypedMultipleChoiceField(
        label=_("On these days"),
        choices=list(WEEKDAYS.items()),
        coerce=int,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=_("By the day on which they begin. None chosen: every day."),
    )

    class Meta:
        model = QuietHours
        fields = ("name", "channel", "begins", "ends", "weekdays", "policy", "is_active")

    def clean(self) -> dict[str, Any]:
        """Quiet for ever would be no message ever: that is what pausing a campaign is for."""
        found = super().clean() or {}
        always = found.get("begins") == found.get("ends") and len(found.get("weekdays", ())) in (0, 7)
        if always and found.get("begins") is not None and found.get("is_active"):
            raise forms.ValidationError(
                gettext("That is every hour of every day: nobody would ever be written to.")
            )
        return found


@admin.register(QuietHours)
class QuietHoursAdmin(Page):
    form = QuietHoursForm
    about = _(
        "Quiet hours say when nobody is written to, by each person's own clock. Who lives where nobody knows keeps the "
        "shop's hours."
    )
    list_display = ("name", "told_hours", "told_days", "told_channel", "policy", "is_active")
    list_filter = ("is_active", "channel")
    search_fields = ("name",)
    fieldsets = (
        (None, {"fields": ("name", "is_active")}),
        (
            _("When"),
            {
                "fields": (("begins", "ends"), "weekdays"),
                "description": _(
                    "An end before the beginning is on the next morning; the same time twice is the whole day."
                ),
            },
        ),
        (_("What then"), {"fields": (("policy", "channel"),)}),
    )

    @shown(_("from and until"), order="begins")
    def told_hours(self, hours: QuietHours) -> str:
        return f"{hours.begins:%H:%M}–{hours.ends:%H:%M}"

    @shown(_("on these days"))
    def told_days(self, hours: QuietHours) -> str:
        days = ", ".join(str(WEEKDAYS_ABBR[day]) for day in sorted(hours.weekdays) if day in WEEKDAYS_ABBR)
        return days or gettext("every day")

    @shown(_("channel"), order="channel")
    def told_channel(self, hours: QuietHours) -> str:
        return hours.get_channel_display() if hours.channel else gettext("every channel")


@admin.register(DomainPace)
class DomainPaceAdmin(Page):
    about = _(
        "How fast each receiving domain takes our mail. A domain comes here by itself when it says “later”; add one to "
        "set a limit by hand. The domain * is all mail together."
    )
    list_display = ("domain", "per_minute", "told_limit", "told_pause", "last_answer", "changed_at")
    search_fields = ("domain",)
    fields = ("domain", "per_minute", "told_limit", "told_pause", "last_answer", "changed_at")
    readonly_fields = ("told_limit", "told_pause", "last_answer", "changed_at")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        if "domain" in form.base_fields:
            form.base_fields["domain"].help_text = gettext(
                "What stands after the @, such as mail.example; * is all mail together."
            )
        return form

    def save_model(self, request: HttpRequest, obj: DomainPace, form: Any, change: bool) -> None:
        obj.domain = pace.domain_of(obj.domain)
        super().save_model(request, obj, form, change)

    @shown(_("now"))
    def told_limit(self, row: DomainPace) -> str:
        limit = pace.limit(row, timezone.now()) if row.pk else None
        return gettext("as fast as it takes them") if limit is None else gettext("%s a minute") % limit

    @shown(_("paused until"), order="paused_until")
    def told_pause(self, row: DomainPace) -> str:
        is_paused = row.paused_until is not None and row.paused_until > timezone.now()
        return told_time(row.paused_until) if is_paused else "–"


@admin.register(Bounce)
class BounceAdmin(ReadOnly):
    about = _(
        "What came back of messages stands here: bounces, complaints and delays, as providers and mail servers report "
        "them. Set up your provider's webhook, or have read_bounces read the mailbox that bounces go to."
    )
    list_display = ("at", "told_kind", "customer", "source", "detail")
    list_select_related = ("delivery__customer",)
    list_filter = ("kind", "source")
    linked = ("delivery__id__exact", "delivery__run__campaign__id__exact")
    ordering = ("-at",)
    search_fields = ("=delivery__customer__external_id", "=key")
    search_help_text = _("By the customer's own id or the notice's key, exactly")

    @shown(_("What came back"), order="kind", label=KIND_COLOURS)
    def told_kind(self, bounce: Bounce) -> tuple[str, str]:
        return bounce.kind, bounce.get_kind_display()

    @shown(_("customer"))
    def customer(self, bounce: Bounce) -> str:
        return str(bounce.delivery.customer) if bounce.delivery is not None else "–"
