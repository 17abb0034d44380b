"""The desk's page of each message to a webhook: its attempts, and sending it again."""

from datetime import datetime

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns import webhooks
from campaigns.models import WebhookMessage
from catalog.pages import ReadOnly, Section, button, shown, told_time

STATE_COLOURS = {
    "waiting": "info",
    "sending": "info",
    "sent": "success",
    "failed": "danger",
    "withheld": "default",
}


@admin.register(WebhookMessage)
class WebhookMessageAdmin(ReadOnly):
    about = _(
        "Every message to a webhook stands here for thirty days, with each attempt and what came of it."
    )
    list_display = (
        "occurred_at",
        "type",
        "endpoint",
        "customer",
        "told_state",
        "reason",
        "tried",
        "not_before",
    )
    list_select_related = ("endpoint", "customer")
    list_filter = ("state", "type", "reason")
    linked = ("endpoint__id__exact", "customer__id__exact")
    ordering = ("-occurred_at", "-id")
    search_fields = ("=id", "=customer__external_id", "=fact")
    search_help_text = _("By the webhook-id without msg_, the customer's own id or the row's number, exactly")
    fields = (
        ("endpoint", "type"), ("fact", "customer"), ("state", "reason"), ("occurred_at", "gathered_at"),
        ("not_before", "ended_at"),
    )  # fmt: skip
    actions_detail = ("replay",)

    @shown(_("state"), order="state", label=STATE_COLOURS)
    def told_state(self, row: WebhookMessage) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @shown(_("attempts"))
    def tried(self, row: WebhookMessage) -> int:
        return len(row.history)

    def sections(self, request: HttpRequest, row: WebhookMessage) -> list[Section]:
        return [
            Section(
                _("Attempts"),
                (_("when"), _("answer"), _("what was said"), _("milliseconds")),
                [
                    (
                        told_time(datetime.fromisoformat(one["at"])),
                        one["status"] or "–",
                        one["said"] or "–",
                        one["ms"],
                    )
                    for one in reversed(row.history)
                ],
                empty=_("It has not been tried yet."),
            )
        ]

    def is_useful(self, name: str, row: WebhookMessage) -> bool:
        return row.ended_at is not None

    @button(_("Send again"), path="replay", icon="replay")
    def replay(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            return HttpResponseRedirect(reverse("admin:campaigns_webhookmessage_changelist"))
        if request.method != "POST":
            return self.own_page(
                request, "admin/desk/confirm.html", title=gettext("Send it again?"), row=row,
                sentences=[
                    gettext("It goes under the same webhook-id: a receiver that has it already may pass it over."),
                    gettext("A partner gets it only if the person allows it now."),
                ],
                confirm=gettext("Send again"),
            )  # fmt: skip
        if webhooks.replay(row, at=timezone.now()):
            self.log_change(request, row, "Sent again.")
            messages.success(request, gettext("It leaves within seconds."))
        else:
            messages.info(request, gettext("It is under way already."))
        return HttpResponseRedirect(reverse("admin:campaigns_webhookmessage_change", args=[row.pk]))
