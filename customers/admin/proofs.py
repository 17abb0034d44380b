"""The desk's page of the ledger's checkpoints, and of verifying everything against the newest."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from catalog.pages import ReadOnly, button, shown, told_time
from customers.models import Checkpoint, ConsentRecord
from customers.proof import verification

# So many records are verified while the page loads; more than that is left to a worker.
AT_ONCE = 20_000
WATCH_S = 3


@admin.register(Checkpoint)
class CheckpointAdmin(ReadOnly):
    about = _("The ledger has no checkpoint yet; the scheduler writes one every few minutes.")
    list_display = ("at", "people", "records", "newest_record", "told_root", "told_series", "told_key")
    fields = (
        ("at", "newest_record"),
        ("people", "records"),
        "root",
        "previous_root",
        "key_id",
        "signature",
    )
    actions_list = ("verify",)

    @shown(_("Merkle root"))
    def told_root(self, row: Checkpoint) -> str:
        return f"{row.root[:16]}…"

    @shown(_("signed with"))
    def told_key(self, row: Checkpoint) -> str:
        return f"{row.key_id[:8]}…"

    @shown(_("follows"))
    def told_series(self, row: Checkpoint) -> str:
        return f"{row.previous_root[:8]}…" if row.previous_root else gettext("begins a series")

    @button(_("Verify now"), path="verify", icon="verified_user", needs="view")
    def verify(self, request: HttpRequest) -> HttpResponse:
        """Recompute everything against the newest checkpoint outside the database; nothing is changed."""
        now = timezone.now()
        if request.method == "POST":
            verification.ask(at=now)
            if ConsentRecord.objects.order_by("-pk")[AT_ONCE : AT_ONCE + 1].exists():
                return HttpResponseRedirect(request.path)
            verification.verify_due(at=now)
        state = verification.last()
        page = self.own_page(
            request,
            "admin/desk/proof.html",
            title=gettext("Verify the ledger"),
            alarms=verification.alarms(at=now),
            is_waiting=verification.is_waiting(),
            percent=round(100 * state.get("share", 0)),
            ended=_told(state.get("ended_at")),
            against=_told(state.get("against")),
            found=state,
        )
        if verification.is_waiting():
            page.headers["Refresh"] = str(WATCH_S)
        return page


def _told(moment: Any) -> str:
    return told_time(datetime.fromisoformat(moment)) if moment else ""
