"""What the editor of a message asks while it is written: a look, blocks changed, a test to oneself, links opened."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.views.decorators.http import require_POST

from campaigns import link_checks, messages, testing
from campaigns.admin.messages.blocks import OTHER, changed, drawn, layout_from
from campaigns.admin.messages.form import trial_of
from campaigns.admin.messages.look import checked, look
from campaigns.liquid_templates import Aborted, TemplateFailed
from campaigns.messages.layout import FOOTER, KINDS
from campaigns.models import Message
from catalog.pages import Page


class WhileWritten(Page):
    """Each takes what is being written, by POST, and keeps nothing."""

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                f"{name}/",
                self.admin_site.admin_view(require_POST(view)),
                name=f"campaigns_message_{name}",
            )
            for name, view in (
                ("check", self.check_view),
                ("blocks", self.blocks_view),
                ("try", self.try_view),
                ("follow", self.follow_view),
            )
        ]
        return own + super().get_urls()  # type: ignore[no-any-return]

    def _written(self, request: HttpRequest) -> Message:
        """What was sent; what is kept, where somebody who may only look has sent nothing."""
        pk = request.GET.get("message", "")
        row = self.get_object(request, pk) if pk else None
        trial = trial_of(request.POST, row)
        trial.pk = row.pk if row is not None else None
        return trial

    def check_view(self, request: HttpRequest) -> HttpResponse:
        """What is wrong with what is being written, what could be better, and how it looks."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        trial = self._written(request)
        context = {**checked(trial), **look(request, trial, request.POST, at=timezone.now())}
        return TemplateResponse(request, "admin/desk/message_check.html", context)

    def blocks_view(self, request: HttpRequest) -> HttpResponse:
        """The blocks with one added, moved, doubled, taken out or put back. Nothing is kept until it is saved."""
        if not (self.has_add_permission(request) or self.has_act_permission(request)):
            raise PermissionDenied
        sent = request.POST
        made = changed(layout_from(sent), sent.get("do", ""), removed=sent.get("removed", ""))
        context = {
            "drawn": drawn(made.layout, begins=made.begins),
            "kinds": [kind for kind in KINDS.values() if kind.name != FOOTER],
            "removed": made.removed,
            "said": made.said,
        }
        page = TemplateResponse(request, "admin/desk/message_blocks.html", context)
        page["HX-Trigger-After-Settle"] = "blocks-changed"
        return page

    def try_view(self, request: HttpRequest) -> HttpResponse:
        """What is being written, sent to oneself."""
        if not self.has_act_permission(request):
            raise PermissionDenied
        to, now = request.POST.get("to", ""), timezone.now()
        language = OTHER if request.POST.get("look_in") == OTHER else messages.LANGUAGES[0]
        wrong = ""
        try:
            testing.send(self._written(request), to=to, by=request.user, language=language, at=now)
        except testing.NotSent as failed:
            wrong = str(failed)
        context = {"to": to, "at": now, "in_other": language == OTHER, "wrong": wrong}
        return TemplateResponse(request, "admin/desk/message_tried.html", context)

    def follow_view(self, request: HttpRequest) -> HttpResponse:
        """The links of what is being written, each opened once."""
        if not self.has_act_permission(request):
            raise PermissionDenied
        context: dict[str, Any] = {"opened": None, "wrong": ""}
        try:
            context["opened"] = link_checks.open_links(self._written(request), at=timezone.now())
        except (TemplateFailed, Aborted) as failed:
            context["wrong"] = str(failed)
        return TemplateResponse(request, "admin/desk/message_followed.html", context)
