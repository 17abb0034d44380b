"""The desk's pages of who is told what happened here."""

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.contrib import admin, messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from campaigns import webhooks
from campaigns.admin import words
from campaigns.admin.webhooks.form import EndpointForm
from campaigns.lifecycle import NotPossible
from campaigns.models import WebhookEndpoint, WebhookMessage
from catalog.pages import Page, Section, button, shown
from customers import few


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(Page):
    form = EndpointForm
    about = _(
        "A webhook tells another system what happens here, such as a message that was sent or a code that was used. Add "
        "one with the plus above; its secret is shown once."
    )
    list_display = ("name", "host", "told_receiver", "told_state", "failing_since", "created_at")
    list_filter = ("receiver",)
    search_fields = ("name", "url")
    fields = (
        "name",
        "url",
        "receiver",
        "types",
        ("state_in_words", "failing_since"),
        ("created_at", "rotated_at"),
    )
    readonly_fields = ("state_in_words", "failing_since", "created_at", "rotated_at")
    actions_detail = ("send_test", "pause", "resume", "replay", "rotate", "remove")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ("name", "url", "receiver", "types")
        # An address may hold a receiver's token: whoever only looks sees the host.
        return self.fields if self.has_change_permission(request) else ("name", "host", *self.fields[2:])

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*self.readonly_fields, "host", "receiver") if obj is not None else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """It is removed by its button, which does not list every message first."""
        return False

    def save_model(self, request: HttpRequest, obj: WebhookEndpoint, form: Any, change: bool) -> None:
        by = request.user.get_username()
        if change:
            webhooks.update(obj, form.cleaned_data, by=by)
        else:
            obj.new_secret = webhooks.save_new(obj, by=by).secret

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        return self._show(request, obj, obj.new_secret)

    def _show(self, request: HttpRequest, row: WebhookEndpoint, secret: str) -> HttpResponse:
        """The secret, once: in this answer and nowhere else."""
        return self.own_page(
            request,
            "admin/desk/webhook_secret.html",
            title=gettext("The secret of “%s”") % row,
            row=row,
            secret=secret,
        )

    def sections(self, request: HttpRequest, row: WebhookEndpoint) -> list[Section]:
        """In tens, and of every state: each message is of a person. Their list is for whoever may see people."""
        counted = dict(row.messages.values_list("state").annotate(n=Count("pk")).order_by())
        every = reverse("admin:campaigns_webhookmessage_changelist")
        return [
            Section(
                _("Its messages of the last thirty days"),
                (_("state"), _("messages")),
                [
                    (label, few.told_in_tens(counted.get(state, 0)))
                    for state, label in WebhookMessage.State.choices
                ],
                more=f"{every}?endpoint__id__exact={row.pk}" if words.sees_people(request) else "",
            )
        ]

    @shown(_("host"))
    def host(self, row: WebhookEndpoint) -> str:
        """The rest of an address may be a receiver's token."""
        return urlsplit(row.url).hostname or "–"

    @shown(_("who receives"), order="receiver", label={"own": "info", "partner": "warning"})
    def told_receiver(self, row: WebhookEndpoint) -> tuple[str, str]:
        return row.receiver, row.get_receiver_display()

    @shown(
        _("state"), label={"on": "success", "failing": "warning", "paused": "default", "stopped": "danger"}
    )
    def told_state(self, row: WebhookEndpoint) -> tuple[str, str]:
        if row.paused_at is not None:
            told = gettext("paused: %s") % row.get_paused_because_display()
            return ("paused" if row.paused_because == "person" else "stopped"), told
        return ("failing", gettext("failing")) if row.failing_since else ("on", gettext("on"))

    @shown(_("state"))
    def state_in_words(self, row: WebhookEndpoint) -> str:
        return self.told_state(row)[1]

    # --- buttons

    def is_useful(self, name: str, row: WebhookEndpoint) -> bool:
        return {"pause": row.paused_at is None, "send_test": row.paused_at is None}.get(
            name, name != "resume" or row.paused_at is not None
        )

    @button(_("Send a test"), path="test", icon="send")
    def send_test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def act(row: WebhookEndpoint) -> str:
            webhooks.put_test(row, at=timezone.now())
            return gettext("A test leaves within seconds; look below, or at its messages, what came of it.")

        return self._asked(
            request, object_id, act, note="Sent a test.", title=gettext("Send “%s” a test?"),
            sentences=[gettext("A message of the type webhook.test, which tells nothing of anybody.")],
            confirm=gettext("Send the test"),
        )  # fmt: skip

    @button(_("Pause"), path="pause", icon="pause")
    def pause(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def act(row: WebhookEndpoint) -> str:
            by = request.user.get_username()
            webhooks.pause(row, at=timezone.now(), because=WebhookEndpoint.Because.PERSON, by=by)
            return gettext("Nothing more is sent there.")

        return self._asked(
            request, object_id, act, note="Paused.", title=gettext("Pause “%s”?"),
            sentences=[gettext("What happens meanwhile waits, for thirty days at most, and is sent when it goes on.")],
            confirm=gettext("Pause"),
        )  # fmt: skip

    @button(_("Go on"), path="resume", icon="play_arrow")
    def resume(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def act(row: WebhookEndpoint) -> str:
            webhooks.resume(row, by=request.user.get_username())
            return gettext("It goes on, with what has waited.")

        return self._asked(
            request, object_id, act, note="Went on.", title=gettext("Let “%s” go on?"),
            sentences=[gettext("What has waited is sent first.")], confirm=gettext("Go on"),
        )  # fmt: skip

    @button(_("Renew the secret"), path="rotate", icon="key")
    def rotate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is not None and request.method == "POST":
            secret = webhooks.rotate(row, at=timezone.now(), by=request.user.get_username())
            self.log_change(request, row, "Renewed its secret.")
            return self._show(request, row, secret)
        return self._asked(
            request, object_id, None, title=gettext("Renew the secret of “%s”?"),
            sentences=[
                gettext("The new one is shown once. The present one signs beside it until the next renewal, so that the "
                        "receiver can change over in peace."),
                gettext("If the present one became known, renew twice: then it signs nothing more."),
            ],
            confirm=gettext("Renew"),
        )  # fmt: skip

    @button(_("Send again"), path="replay", icon="replay")
    def replay(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row, now = self.get_object(request, object_id), timezone.now()
        if row is None:
            return self._back(request, None)
        problem = ""
        if request.method == "POST":
            since = _moment(request.POST.get("since", ""))
            if since is not None:
                n = webhooks.replay_failed(row, since=since, at=now)
                self.log_change(request, row, f"Sent again what was given up since {since.isoformat()}.")
                messages.success(request, _sent_again(n, sees_people=words.sees_people(request)))
                return self._back(request, row)
            problem = gettext("Say since when.")
        return self.own_page(
            request, "admin/desk/webhook_replay.html", title=gettext("Send again what “%s” did not get") % row, row=row,
            problem=problem,
        )  # fmt: skip

    @button(_("Remove"), path="remove", icon="delete")
    def remove(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def act(row: WebhookEndpoint) -> str:
            webhooks.remove(row, by=request.user.get_username())
            return gettext("It is told nothing more.")

        return self._asked(
            request, object_id, act, note="Removed.", title=gettext("Remove “%s”?"), is_grave=True,
            sentences=[gettext("Its messages go with it, those that wait too, and its secrets are destroyed.")],
            confirm=gettext("Remove"),
        )  # fmt: skip

    def _asked(
        self, request: HttpRequest, object_id: str, act: Any, *, title: str, note: str = "", **page: Any
    ) -> HttpResponse:
        """Ask for a yes, and then act, which answers what to tell."""
        row = self.get_object(request, object_id)
        if row is None:
            return self._back(request, None)
        if request.method != "POST" or act is None:
            return self.own_page(request, "admin/desk/confirm.html", title=title % row, row=row, **page)
        self.log_change(request, row, note)
        try:
            messages.success(request, act(row))
        except NotPossible as reason:
            messages.error(request, str(reason))
        return self._back(request, row)

    def _back(self, request: HttpRequest, row: WebhookEndpoint | None) -> HttpResponse:
        if row is None or row.pk is None:
            return HttpResponseRedirect(reverse("admin:campaigns_webhookendpoint_changelist"))
        return HttpResponseRedirect(reverse("admin:campaigns_webhookendpoint_change", args=[row.pk]))


def _sent_again(n: int, *, sees_people: bool) -> str:
    if not n:
        return gettext("There is nothing that was given up since then.")
    if n == webhooks.MOST_AT_ONCE:
        return gettext(
            "%s messages wait again, the oldest first; that is as many as at once. If more were given up, press again once "
            "these have left."
        ) % (f"{n:,}")
    if not sees_people:
        return gettext("What was given up since then waits again.")
    return ngettext("%s message waits again.", "%s messages wait again.", n) % f"{n:,}"


def _moment(said: str) -> datetime | None:
    """What a field of day and hour says, on the reader's clock."""
    try:
        found = parse_datetime(said)
    except ValueError:
        return None
    return timezone.make_aware(found) if found is not None and timezone.is_naive(found) else found
