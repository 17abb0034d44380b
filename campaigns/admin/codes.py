"""The desk's pages of codes: each one, the batches they came in, their uses, and who else tried."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from campaigns import codes
from campaigns.admin.words import few
from campaigns.codes import working
from campaigns.models import CapCount, Code, CodeBatch, CodeMisuse, OfferCap, Redemption
from campaigns.reports import FEWEST_ORDERS, FEWEST_PEOPLE, thin
from catalog.pages import ReadOnly, Section, button, shown
from catalog.progress import Progress, steady
from catalog.work import CallingOff, Worked
from customers.few import is_small, told_in_tens
from customers.queued import TooLate


@admin.register(Code)
class CodeAdmin(ReadOnly):
    about = _("Codes come to be when an offer is given to someone, or beforehand in an offer's pool.")
    list_display = (
        "value", "offer", "told_state", "told_round", "customer", "assigned_at", "expires_at", "reserved_until",
    )  # fmt: skip
    list_select_related = ("offer", "customer")
    list_filter = ("state",)
    round: Mapping[int, int] = {}

    def prepare(self, rows: Sequence[Any]) -> None:
        self.round = codes.went_round([row.pk for row in rows])

    @shown(_("went round"), label={"round": "danger"})
    def told_round(self, code: Code) -> tuple[str, str] | str:
        n = self.round.get(code.pk, 0)
        told = ngettext("%s order of someone else", "%s orders of someone else", n) % n
        return ("round", told) if n else "–"

    linked = ("offer__id__exact", "decisions__campaign__id__exact", "batch__id__exact")
    search_fields = ("=value", "=customer__external_id")
    search_help_text = _("By the exact code or the customer's own id")

    @shown(
        _("state"),
        order="state",
        label={
            "assigned": "info",
            "reserved": "info",
            "redeemed": "success",
            "reversed": "warning",
            "expired": "default",
        },
    )
    def told_state(self, code: Code) -> tuple[str, str]:
        return code.state, code.get_state_display()


@admin.register(Redemption)
class RedemptionAdmin(ReadOnly):
    about = _("No code has been used yet. The till uses them through the API.")
    list_display = ("code", "order_id", "customer", "amount", "discount", "currency", "at", "reversed_at")
    list_select_related = ("code", "customer")
    linked = ("code__decisions__campaign__id__exact",)
    search_fields = ("=code__value", "=order_id", "=customer__external_id")
    search_help_text = _("By code, order or the customer's own id, exactly")


CALLING_OFF = CallingOff(
    question=_("Call these codes off?"),
    consequence=_("None of them goes into the pool. They can be asked for again at any time."),
    confirm=_("Call them off"),
    ended=_("They have ended; there is nothing to cancel."),
    done=_("They are called off, or stop within moments. None of them is in the pool."),
)


@admin.register(CodeBatch)
class CodeBatchAdmin(Worked):
    about = _(
        "Codes that were made or brought in together. “Add codes” on an offer with a pool adds a batch."
    )
    watched = _("Codes are going into a pool; this list follows it by itself.")
    list_display = (
        "created_at", "offer", "origin", "name", "count", "told_state", "told_progress", "expires_at", "created_by",
    )  # fmt: skip
    list_select_related = ("offer",)
    list_filter = ("origin", "state")
    linked = ("offer__id__exact",)
    fields = (
        ("offer", "origin"),
        ("name", "count"),
        ("state", "why"),
        ("created_by", "created_at"),
        ("begun_at", "ended_at"),
        ("cancelled_by", "cancel_asked_at"),
        "expires_at",
    )
    actions_detail = ("cancel",)

    def progress_of(self, row: CodeBatch) -> Progress:
        if row.state != CodeBatch.State.RUNNING or row.begun_at is None:
            return Progress(0.0)
        return steady(working.told(row), for_s=(timezone.now() - row.begun_at).total_seconds())

    def is_silent(self, row: CodeBatch) -> bool:
        return working.is_silent(row, at=timezone.now())

    def has_pool_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whoever may add codes to an offer may call them off."""
        return bool(request.user.has_perm("campaigns.change_offer"))

    def is_useful(self, name: str, row: CodeBatch) -> bool:
        return row.state in self.at_work and row.cancel_asked_at is None

    @button(_("Call them off"), path="cancel", icon="cancel", needs="pool")
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def cancel(row: CodeBatch) -> bool:
            try:
                working.cancel(row, by=request.user.get_username(), at=timezone.now())
            except TooLate:
                return False
            return True

        return self.call_off(request, object_id, CALLING_OFF, cancel)

    def sections(self, request: HttpRequest, row: CodeBatch) -> list[Section]:
        if row.state != CodeBatch.State.DONE:
            return []
        counts = dict(row.codes.order_by().values_list("state").annotate(n=Count("pk")))
        # Their sum is the batch's count: what is left of it is of as many people, and was not told before.
        few_of = [state for state, n in counts.items() if state != Code.State.FREE and is_small(n)]
        hidden = thin.blank(counts, few_of)
        is_untouched = counts.keys() <= {Code.State.FREE}
        lines = [
            (
                state.label,
                few(counts[state])
                if is_untouched
                else few(None)
                if state in hidden
                else told_in_tens(counts[state]),
            )
            for state in Code.State
            if state in counts
        ]
        every = reverse("admin:campaigns_code_changelist") + f"?batch__id__exact={row.pk}"
        return [Section(_("Where its codes stand"), (_("state"), _("codes")), lines, more=every)]


@admin.register(CodeMisuse)
class CodeMisuseAdmin(ReadOnly):
    about = _(
        "Nobody has tried somebody else's code. Whoever does stands here, with the order they tried it for."
    )
    list_display = ("at", "code", "told_kind", "customer", "told_owner", "order_id")
    list_select_related = ("code__customer", "customer")
    list_filter = ("kind",)
    linked = ("code__id__exact",)
    search_fields = ("=code__value", "=order_id", "=customer__external_id")
    search_help_text = _("By code, order or the customer's own id, exactly")

    @shown(_("what happened"), order="kind", label={"refused": "warning", "redeemed": "danger"})
    def told_kind(self, row: CodeMisuse) -> tuple[str, str]:
        return row.kind, row.get_kind_display()

    @shown(_("whose it is"))
    def told_owner(self, row: CodeMisuse) -> str:
        return str(row.code.customer or "–")


@admin.register(OfferCap)
class OfferCapAdmin(ReadOnly):
    about = _(
        "Caps say how often an offer may be given, clicked or used. They are set on the offer's own page."
    )
    list_display = ("offer", "event", "scope", "placement", "most", "every_days")
    list_select_related = ("offer", "placement")
    list_filter = ("event", "scope")
    linked = ("offer__id__exact",)


@admin.register(CapCount)
class CapCountAdmin(ReadOnly):
    about = _(
        "Nothing has counted in a cap yet. Caps that count each customer are counted from the decisions."
    )
    list_display = ("told_offer", "told_cap", "period", "told_used")
    fields = ("told_offer", "told_cap", "period", "told_used")
    readonly_fields = ("told_offer", "told_cap", "told_used")
    list_select_related = ("cap__offer", "cap__placement")

    @shown(_("offer"), order="cap__offer__title")
    def told_offer(self, count: CapCount) -> str:
        return str(count.cap.offer)

    @shown(_("cap"))
    def told_cap(self, count: CapCount) -> str:
        return f"{count.cap.most:,} {count.cap.get_event_display()}"

    @shown(_("used"))
    def told_used(self, count: CapCount) -> str:
        is_given = count.cap.event == OfferCap.Event.DECIDED
        return told_in_tens(count.used, FEWEST_PEOPLE if is_given else FEWEST_ORDERS)
