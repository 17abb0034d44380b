"""The desk's pages of what was decided, sent and earned. All of them are only read; a late run may be let go."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.db.models import DateTimeField, ExpressionWrapper, F
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns import lifecycle, planning
from campaigns.admin import words
from campaigns.admin.person.why import why
from campaigns.models import Campaign, CampaignRun, Decision, Delivery, Outcome
from catalog.pages import ReadOnly, Section, button, shown, told_time
from customers import few

FATE_COLOURS = {
    "sent": "success",
    "failed": "danger",
    "unknown": "warning",
    "retry": "warning",
    "suppressed": "default",
    "cancelled": "default",
    "planned": "info",
    "claimed": "info",
    "transmitting": "info",
}


def _channel(name: str) -> str:
    """A channel in words; a placement in the shop keeps its own name."""
    return str(dict(Campaign.Channel.choices).get(name, name))


@admin.register(CampaignRun)
class CampaignRunAdmin(ReadOnly):
    about = _(
        "Each time a campaign is sent out stands here as a run, with whom it reached and whom it did not. Launch a campaign, and its first run appears."
    )
    list_display = ("campaign", "due_at", "told_state", "planned_at", "matched", "sendable")
    list_select_related = ("campaign",)
    list_filter = ("state",)
    date_hierarchy = "due_at"
    linked = ("campaign__id__exact",)
    fields = ("campaign", "due_at", "state", "planned_at")
    actions_detail = ("send_late",)

    @button(_("Send it although it is late"), path="send-late", icon="send")
    def send_late(self, request: HttpRequest, object_id: str) -> HttpResponse:
        run, now = self.get_object(request, object_id), timezone.now()
        back = HttpResponseRedirect(reverse("admin:campaigns_campaignrun_changelist"))
        if run is None or not planning.late(at=now).filter(pk=run.pk).exists():
            messages.info(request, gettext("This run does not wait for anybody."))
            return back
        if request.method == "POST":
            try:
                lifecycle.catch_up(run, at=now)
            except lifecycle.NotPossible as reason:
                messages.error(request, str(reason))
                return back
            self.log_change(request, run, "Sent although it was late.")
            messages.success(request, gettext("It is due now; its messages leave within a minute."))
            return back
        return self.own_page(
            request,
            "admin/desk/confirm.html",
            title=gettext("Send “%s” now?") % run.campaign,
            row=run,
            sentences=[
                gettext("Due: %s. Whoever is in its audience now will be planned and written to.")
                % told_time(run.due_at),
                gettext("If its words are out of date by now, cancel the campaign instead."),
            ],
            confirm=gettext("Send it now"),
        )

    def is_useful(self, name: str, row: CampaignRun) -> bool:
        return name != "send_late" or planning.late(at=timezone.now()).filter(pk=row.pk).exists()

    def sections(self, request: HttpRequest, row: CampaignRun) -> list[Section]:
        in_tens = not words.sees_people(request)
        bars = words.bars(row.waterfall, in_tens=in_tens) if row.waterfall else []
        deliveries = reverse("admin:campaigns_delivery_changelist")
        return [
            Section(
                _("Who, and who not"),
                ("", _("people")),
                [(bar.label, bar.told) for bar in bars],
                empty=_("Nobody has been planned yet."),
                more=f"{deliveries}?run__id__exact={row.pk}" if bars else "",
            )
        ]

    @shown(
        _("state"),
        order="state",
        label={"done": "success", "due": "info", "planning": "info", "delivering": "warning"},
    )
    def told_state(self, run: CampaignRun) -> tuple[str, str]:
        return run.state, run.get_state_display()

    @shown(_("match"))
    def matched(self, run: CampaignRun) -> str:
        return _in_tens(run, "matched")

    @shown(_("can be reached"))
    def sendable(self, run: CampaignRun) -> str:
        return _in_tens(run, "sendable")


def _in_tens(run: CampaignRun, step: str) -> str:
    return few.short(run.waterfall.get(step, 0))


@admin.register(Decision)
class DecisionAdmin(ReadOnly):
    about = _(
        "For each person it stands here what was chosen for them, and why. The first campaign or placement that meets somebody writes the first ones."
    )
    list_display = (
        "decided_at",
        "customer",
        "campaign",
        "arm",
        "segment",
        "offer",
        "personalized",
        "told_placement",
    )
    list_select_related = ("customer", "campaign", "segment", "offer")
    list_filter = ("arm", "personalized")
    linked = ("campaign__id__exact", "run__id__exact", "customer__id__exact")
    ordering = ("-decided_at",)
    search_fields = ("=customer__external_id", "=id")
    search_help_text = _("By the customer's own id or the decision's id")
    # First the reasons in words; the row as it was kept stands below.
    change_form_outer_before_template = "admin/desk/sections.html"
    change_form_outer_after_template = ""

    def sections(self, request: HttpRequest, row: Decision) -> list[Section]:
        return [Section(_("Why they got it"), (_("what was asked"), _("answer")), why(row))]

    def get_ordering(self, request: HttpRequest) -> Sequence[Any]:
        """The newest first; of one campaign, run or person by a value that has no index.

        PostgreSQL else goes through all decisions by time until it has met fifty of an old campaign.
        """
        if any(name in request.GET for name in self.linked):
            sum_ = ExpressionWrapper(F("decided_at") + timedelta(0), output_field=DateTimeField())
            return [sum_.desc()]
        return super().get_ordering(request)  # type: ignore[no-any-return]

    @shown(_("placement"), order="placement")
    def told_placement(self, decision: Decision) -> str:
        return _channel(decision.placement)


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly):
    about = _("Every message to every person stands here with its fate, as soon as a campaign is launched.")
    list_display = (
        "customer",
        "campaign",
        "told_channel",
        "fate",
        "reason",
        "attempt",
        "transmitting_at",
        "ended_at",
    )
    list_select_related = ("customer", "run__campaign")
    list_filter = ("status", "reason")
    linked = ("run__campaign__id__exact", "run__id__exact", "customer__id__exact")
    search_fields = ("=customer__external_id", "=message_id")
    search_help_text = _("By the customer's own id or the Message-ID, exactly")

    def sections(self, request: HttpRequest, row: Delivery) -> list[Section]:
        notices = [
            (told_time(notice.at), notice.get_kind_display(), notice.source, notice.detail or "–")
            for notice in row.bounces.order_by("-at")[:20]
        ]
        every = reverse("admin:campaigns_bounce_changelist")
        return [
            Section(
                _("What came back"),
                (_("when"), _("What came back"), _("by"), _("detail")),
                notices,
                empty=_("Nobody has reported anything of this message."),
                more=f"{every}?delivery__id__exact={row.pk}" if notices else "",
            )
        ]

    @shown(_("campaign"))
    def campaign(self, delivery: Delivery) -> str:
        return str(delivery.run.campaign)

    @shown(_("channel"), order="channel")
    def told_channel(self, delivery: Delivery) -> str:
        return _channel(delivery.channel)

    @shown(_("status"), order="status", label=FATE_COLOURS)
    def fate(self, delivery: Delivery) -> tuple[str, str]:
        return delivery.status, delivery.get_status_display()


@admin.register(Outcome)
class OutcomeAdmin(ReadOnly):
    about = _(
        "What people did after a message or an offer: opened, clicked, ordered. It fills once messages are out and the shop tells of orders."
    )
    list_display = ("kind", "customer", "campaign", "value", "is_machine", "at")
    list_select_related = ("decision__customer", "decision__campaign")
    list_filter = ("kind", "is_machine")
    linked = ("decision__campaign__id__exact",)
    search_fields = ("=decision__customer__external_id",)
    search_help_text = _("By the customer's own id, exactly")

    @shown(_("customer"))
    def customer(self, outcome: Outcome) -> str:
        return str(outcome.decision.customer)

    @shown(_("campaign"))
    def campaign(self, outcome: Outcome) -> str:
        return str(outcome.decision.campaign or "–")
