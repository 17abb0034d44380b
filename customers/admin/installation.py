"""The desk's page of the installation: why sending is held, and the button that releases it."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from catalog.pages import ReadOnly, button, shown
from customers import installation
from customers.models import Installation


@admin.register(Installation)
class InstallationAdmin(ReadOnly):
    about = _("The installation has not been started yet.")
    list_display = ("id", "is_sending", "held_since", "why", "released_by", "released_at")
    actions_detail = ("release",)
    fields = (
        "id",
        "is_sending",
        "held_since",
        "why",
        "released_by",
        "released_at",
        "journal_seen",
        "worker_seen_at",
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("is_sending", "why")

    def is_useful(self, name: str, row: Installation) -> bool:
        return row.held_since is not None

    @shown(_("may send"), boolean=True)
    def is_sending(self, row: Installation) -> bool:
        return row.held_since is None and not installation.reasons(row)

    @shown(_("why sending is held"))
    def why(self, row: Installation) -> str:
        return " ".join(installation.reasons(row)) or "–"

    @button(_("Release sending"), path="release", icon="lock_open")
    def release(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Say that this is the database that sends, after a look at what is due."""
        row = self.get_object(request, object_id)
        if row is None or row.held_since is None:
            messages.info(request, gettext("Sending is not held."))
            return HttpResponseRedirect(reverse("admin:customers_installation_changelist"))
        if request.method == "POST":
            installation.release(by=request.user.get_username(), at=timezone.now())
            self.log_change(request, row, "Released sending.")
            messages.success(request, gettext("Sending is released. Running campaigns go on."))
            return HttpResponseRedirect(reverse("admin:customers_installation_change", args=[row.pk]))
        return self.own_page(
            request,
            "admin/desk/confirm.html",
            title=gettext("Release sending?"),
            row=row,
            sentences=[
                *installation.reasons(row),
                gettext(
                    "What was sent after the backup was made is not known here: pause or cancel the campaigns that "
                    "must not send again, and then release."
                ),
                gettext("If the database that was copied still runs, it stops sending within seconds."),
            ],
            confirm=gettext("Release sending"),
            is_grave=True,
        )
