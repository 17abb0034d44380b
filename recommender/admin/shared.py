"""The desk's page of what other shops were told, and told us."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from catalog.pages import ReadOnly, Section
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
