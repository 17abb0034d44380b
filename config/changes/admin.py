"""The page of the audit log: search, filters, one entry, and the file for whoever must hand it on."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.utils import parse_date_str

from catalog import moments
from catalog.files import download
from catalog.pages import ReadOnly, Section, shown
from config import changes
from config.changes import told
from config.models import Change

MOST_ROWS = 100_000
# Words have no index: a million entries take seconds to read.
NEWEST = 100_000
LABELS = {
    "added": "success",
    "changed": "info",
    "deleted": "danger",
    "did": "info",
    "took_out": "warning",
    "logged_in": "default",
    "logged_out": "default",
    "refused": "warning",
}
COLUMNS = ("at", "door", "who", "deed", "model", "object_id", "name", "what")


class KindFilter(admin.SimpleListFilter):
    """What was changed, of the kinds that the desk has pages of."""

    title = _("kind")
    parameter_name = "model"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        named = {
            page.opts.label_lower: str(page.opts.verbose_name)
            for page in model_admin.admin_site._registry.values()  # noqa: SLF001 - it has no other list
        }
        return sorted(named.items(), key=lambda pair: pair[1].lower())

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(model=self.value()) if self.value() else queryset


class PeriodFilter(RangeDateFilter):  # type: ignore[misc]
    """From one day to another, both included, by the reader's clock."""

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        first, last = (
            parse_date_str(str(self.used_parameters.get(f"{self.parameter_name}_{end}") or ""))
            for end in ("from", "to")
        )
        if first is not None:
            queryset = queryset.filter(at__gte=moments.beginning(first))
        if last is not None:
            queryset = queryset.filter(at__lt=moments.end(last))
        return queryset


@admin.register(Change)
class ChangeAdmin(ReadOnly):
    about = _(
        "Whatever is done on the desk or by an API key stands here: who, when, and each field before and after. "
        "Change something, and its entry appears."
    )
    list_display = ("at", "told_who", "told_deed", "told_thing", "told_what")
    list_display_links = ("at",)
    list_filter = (("at", PeriodFilter), "deed", "door", KindFilter)
    list_filter_submit = True
    linked = ("object_id", "object_id__exact", "who", "who__exact")
    search_fields = ("=who", "name", "words", "=object_id")
    search_help_text = _(
        "By who did it; or, among the newest 100,000 entries that the filters leave, by the name or number of the thing or "
        "the words of the step. For older ones choose a period."
    )
    fields = (("at", "told_who"), ("told_deed", "told_thing"), "words")
    readonly_fields = ("told_who", "told_deed", "told_thing")
    list_per_page = 50

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Words are looked for among the newest entries; who did it is found by its index, however old."""
        if not (who := search_term.strip()):
            return queryset, False
        numbers = queryset.order_by("-pk").values_list("pk", flat=True)
        edge = next(iter(numbers[NEWEST : NEWEST + 1]), 0)
        rows = queryset.filter(pk__gt=edge) if edge else queryset
        found, may_repeat = super().get_search_results(request, rows, search_term)
        theirs = queryset.filter(who=who)
        return (found | theirs if edge and theirs.exists() else found), may_repeat

    @shown(_("who did it"), order="who")
    def told_who(self, row: Change) -> str:
        who = row.who or gettext("nobody known")
        return who if row.door == Change.Door.DESK else f"{who} ({row.get_door_display()})"

    @shown(_("deed"), order="deed", label=LABELS)
    def told_deed(self, row: Change) -> tuple[str, str]:
        return row.deed, str(row.get_deed_display())

    @shown(_("thing"), order="name")
    def told_thing(self, row: Change) -> str:
        entry = told.entry(row)
        named = f"{entry.kind} {entry.name}".strip() or "–"
        return format_html('<a href="{}">{}</a>', entry.link, named) if entry.link else named

    @shown(_("what was changed"))
    def told_what(self, row: Change) -> str:
        return told.in_one_line(row) or "–"

    def sections(self, request: HttpRequest, row: Any) -> list[Section]:
        lines = [
            (name, before, after) if before or after else (name, gettext("not quoted"), gettext("not quoted"))
            for name, before, after in told.entry(row).fields
        ]
        return [
            Section(
                _("Before and after"),
                (_("field"), _("before"), _("after")),
                lines,
                _("No field was changed."),
            )
        ]

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.file)
        return [path("file", page, name="config_change_file"), *super().get_urls()]

    def list_links(self, request: HttpRequest) -> list[tuple[Any, str]]:
        asked = request.GET.urlencode()
        address = reverse("admin:config_change_file") + (f"?{asked}" if asked else "")
        return [(_("These rows as CSV"), address)]

    def file(self, request: HttpRequest) -> HttpResponseBase:
        """The rows that the list shows, as the list is filtered; who took them out is an entry, too."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = self.rows_as_listed(request)[:MOST_ROWS]
        changes.note(Change.Deed.TOOK_OUT, request, words="Took the audit log out as a file.")
        return download("audit-log.csv", COLUMNS, map(_cells, rows.iterator(chunk_size=500)))


def _cells(row: Change) -> list[Any]:
    cells = [row.at, row.door, row.who, row.deed, row.model, row.object_id, row.name]
    return [*cells, told.in_one_line(row, longest=4000)]
