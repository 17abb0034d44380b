"""The desk's pages of files that come in: looked at, asked for, followed, called off and begun again."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from catalog import tables
from catalog.pages import button, shown
from catalog.progress import Progress, steady
from catalog.work import CallingOff, Worked
from customers import imports
from customers.admin import bringing
from customers.admin.file_kinds import KINDS
from customers.models import ImportRun

# What an import counts, in words; the reason why a row was skipped stands as it is.
COUNTED = {
    "rows": _("rows read"),
    "kept": _("rows kept"),
    "duplicates": _("there already"),
    "products_new": _("new products"),
    "products_changed": _("products changed"),
    "people_new": _("new people"),
    "people_changed": _("people changed"),
    "addresses_new": _("new addresses"),
    "grants_recorded": _("permissions recorded"),
    "refusals_recorded": _("refusals recorded"),
    "refusals_kept": _("refusals kept"),
    "skipped:no_consent:analytics": _("left out, not allowed"),
    "skipped:no_consent:message_tracking": _("left out, not allowed to be tracked"),
}
State = ImportRun.State


CALLING_OFF = CallingOff(
    question=_("Cancel this import?"),
    consequence=_("Nothing of the file is kept. It can be brought in again at any time."),
    confirm=_("Cancel this import"),
    ended=_("This import has ended; there is nothing to cancel."),
    done=_("It is cancelled, or stops within moments. Nothing of it is kept."),
)


@admin.register(ImportRun)
class ImportRunAdmin(Worked):
    about = _(
        "Every file that was taken in stands here, with what came of it. Bring one in above, or, where it is large, by: "
        "manage.py import_data"
    )
    watched = _("A file is being taken in; this list follows it by itself.")
    list_display = (
        "name", "format", "told_state", "told_progress", "told_counts", "requested_by", "started_at", "ended_at",
    )  # fmt: skip
    list_filter = ("state",)
    date_hierarchy = "started_at"
    search_fields = ("name", "format")
    actions_detail = ("cancel", "again")
    fields = (
        ("name", "format"),
        ("state", "error"),
        "told_counts",
        ("requested_by", "started_at"),
        ("begun_at", "ended_at"),
        ("cancelled_by", "cancel_asked_at"),
        "sha256",
    )
    readonly_fields = ("told_counts",)

    def list_links(self, request: HttpRequest) -> list[tuple[Any, str]]:
        return [
            (kind.title, reverse("admin:bring_in", args=[kind.slug]))
            for kind in KINDS.values()
            if request.user.has_perm(kind.permission)
        ]

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.bring_in)
        return [path("bring-in/<slug:slug>", page, name="bring_in"), *super().get_urls()]

    def bring_in(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Choose a file, see what would become of it, have it taken in: all of it or nothing."""
        kind = KINDS.get(slug)
        if kind is None:
            raise Http404
        if not request.user.has_perm(kind.permission):
            raise PermissionDenied
        by, trial, problem = str(request.user.get_username()), None, ""
        if request.method == "POST":
            try:
                if sealed := request.POST.get("sealed"):
                    return self._asked(request, bringing.ask(kind, sealed, by=by))
                trial = bringing.look(kind, *tables.chosen(request), by=by)
            except tables.NotReadable as error:
                problem = str(error)
        return self.own_page(
            request,
            "admin/desk/bring_in.html",
            title=str(kind.title),
            kind=kind,
            trial=trial,
            problem=problem,
            back=self._back(request),
        )

    def _back(self, request: HttpRequest) -> str:
        if self.has_view_permission(request):
            return reverse("admin:customers_importrun_changelist")
        return reverse("admin:index")

    def _asked(self, request: HttpRequest, run: ImportRun) -> HttpResponse:
        rows = run.options["rows"]
        self.log_addition(request, run, f"Asked to take in {rows} rows.")
        told = ngettext(
            "%s row is being taken in. You may leave.", "%s rows are being taken in. You may leave.", rows
        )
        messages.success(request, told % f"{rows:,}")
        if not self.has_view_permission(request):
            return HttpResponseRedirect(self._back(request))
        return HttpResponseRedirect(reverse("admin:customers_importrun_change", args=[run.pk]))

    # --- how far it is -------------------------------------------------------------------------------------------------

    def progress_of(self, row: ImportRun) -> Progress:
        share = imports.told(row)
        for_s = (timezone.now() - row.begun_at).total_seconds() if row.begun_at else 0.0
        return steady(share, for_s=for_s) if row.state == State.RUNNING else Progress(0.0)

    def is_silent(self, row: ImportRun) -> bool:
        return imports.is_silent(row, at=timezone.now())

    @shown(_("counts"))
    def told_counts(self, run: ImportRun) -> str:
        counts = [(name, n) for name, n in run.counts.items() if isinstance(n, int) and n]
        return ", ".join(f"{COUNTED.get(name, name)} {n:,}" for name, n in counts) or "–"

    # --- calling it off, and beginning again ---------------------------------------------------------------------------

    def has_act_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whoever may bring such a file in may call it off."""
        run = self.get_object(request, object_id) if object_id else None
        needed = next((kind.permission for kind in KINDS.values() if run and kind.format == run.format), "")
        return bool(request.user.has_perm(needed or "customers.change_importrun"))

    def is_useful(self, name: str, row: ImportRun) -> bool:
        if name == "again":
            return imports.may_begin_again(row)
        return row.state in self.at_work and row.cancel_asked_at is None

    @button(_("Cancel this import"), path="cancel", icon="cancel")
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def cancel(run: ImportRun) -> bool:
            try:
                imports.cancel(run, by=request.user.get_username(), at=timezone.now())
            except imports.TooLate:
                return False
            return True

        return self.call_off(request, object_id, CALLING_OFF, cancel)

    @button(_("Begin again"), path="again", icon="replay")
    def again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        run = self.get_object(request, object_id)
        back = HttpResponseRedirect(reverse("admin:customers_importrun_change", args=[object_id]))
        if run is None or not imports.may_begin_again(run):
            messages.info(request, gettext("Its file is not here any more: bring it in anew."))
            return back
        if request.method != "POST":
            return self.own_page(
                request,
                "admin/desk/confirm.html",
                title=gettext("Begin this import again?"),
                row=run,
                sentences=[
                    gettext("The same file is taken in from its first line on; all of it or nothing.")
                ],
                confirm=gettext("Begin again"),
            )
        if imports.again(run):
            self.log_change(request, run, "Began again.")
            messages.success(request, gettext("It waits for the worker, which begins within seconds."))
        return back
