"""The desk's page of what other shops were told, and told us."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from catalog.pages import ReadOnly, Section, button
from recommender import sharing
from recommender.models import SharedStatistics


@admin.register(SharedStatistics)
class SharedStatisticsAdmin(ReadOnly):
    about = _("Nothing was given to another shop or received from one.")
    list_display = ("name", "direction", "made_at", "people", "pairs", "epsilon", "is_used")
    list_filter = ("direction",)
    ordering = ("-made_at",)
    fields = (
        ("name", "direction", "is_used"),
        ("made_at", "by"),
        ("people", "pairs", "most_pairs"),
        ("epsilon", "delta"),
        "sha256",
    )
    actions_detail = ("take_back",)

    def is_useful(self, name: str, row: SharedStatistics) -> bool:
        return row.is_used

    @button(_("Take it back"), path="take-back", icon="undo")
    def take_back(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """GET tells what follows and changes nothing; POST does what `merge_statistics --undo` does."""
        row = self.get_object(request, object_id)
        if row is None:
            return HttpResponseRedirect(reverse("admin:recommender_sharedstatistics_changelist"))
        if request.method == "POST":
            try:
                sharing.undo(row.sha256)
            except sharing.NotShared:
                messages.info(request, gettext("These counts are not in use."))
            else:
                self.log_change(request, row, "Taken back: its counts are deleted.")
                messages.success(request, gettext("Taken back. The next training learns without it."))
            return HttpResponseRedirect(
                reverse("admin:recommender_sharedstatistics_change", args=[object_id])
            )
        return self.own_page(
            request,
            "admin/desk/confirm.html",
            title=gettext("Take back what “%s” gave?") % row.name,
            row=row,
            sentences=[
                gettext("Its counts are deleted here, and the next training learns without them."),
                gettext("The model that is live now keeps what it learnt from them until then."),
                gettext("The same file cannot be taken in again; the other shop can make a new one."),
            ],
            confirm=gettext("Take it back"),
            is_grave=True,
        )

    def sections(self, request: HttpRequest, row: Any) -> list[Section]:
        if row.direction == SharedStatistics.Direction.OUT:
            return []
        figures = row.figures
        rows = [
            (words, f"{figures[name]:.4f}")
            for name, words in (
                ("ndcg10_alone", _("NDCG@10 of new products, alone")),
                ("ndcg10_merged", _("NDCG@10 of new products, with these counts")),
                ("gain", _("difference")),
                ("low", _("at the least, 95 times in 100")),
                ("high", _("at the most, 95 times in 100")),
            )
            if name in figures
        ]
        return [
            Section(
                _("What it brings here"),
                (_("figure"), _("value")),
                rows,
                empty=_("It was not measured here."),
            )
        ]
