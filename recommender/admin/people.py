"""The desk's pages of what was learnt of each person."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from catalog.pages import ReadOnly, shown
from recommender.models import ClusterMembership, Interest, RefusedInterest, Score


@admin.register(Interest)
class InterestAdmin(ReadOnly):
    about = _(
        "In what each person is likely to be interested, of those who allow it. A training writes it; people see and delete it on their own page."
    )
    list_display = ("customer", "category", "likelihood")
    fields = ("customer", "category", "likelihood", "model")
    readonly_fields = ("likelihood",)
    list_select_related = ("customer", "category")
    search_fields = ("=customer__external_id", "=category__slug")
    search_help_text = _("By the customer's own id or the category's slug, exactly")

    @shown(_("probability"), order="probability")
    def likelihood(self, interest: Interest) -> str:
        return f"{interest.probability:.0%}"


@admin.register(ClusterMembership)
class ClusterMembershipAdmin(ReadOnly):
    about = _("People who act alike, in groups. A training writes it, once enough people allow it.")
    list_display = ("customer", "cluster", "model")
    list_select_related = ("customer", "model")
    search_fields = ("=customer__external_id", "=cluster")


@admin.register(Score)
class ScoreAdmin(ReadOnly):
    about = _("What each person is likely to do next, of those who allow it. A training writes it.")
    list_display = ("customer", "told_purchase", "told_churn", "told_value", "expected_at")
    fields = ("customer", ("told_purchase", "told_churn"), ("told_value", "expected_at"), "model")
    readonly_fields = ("told_purchase", "told_churn", "told_value")
    list_select_related = ("customer",)
    search_fields = ("=customer__external_id",)
    search_help_text = _("By the customer's own id, exactly")

    @shown(_("orders soon"), order="purchase")
    def told_purchase(self, score: Score) -> str:
        return "–" if score.purchase is None else f"{score.purchase:.0%}"

    @shown(_("stays away"), order="churn")
    def told_churn(self, score: Score) -> str:
        return "–" if score.churn is None else f"{score.churn:.0%}"

    @shown(_("money in a year"), order="lifetime_value")
    def told_value(self, score: Score) -> str:
        return "–" if score.lifetime_value is None else f"{score.lifetime_value:.2f}"


@admin.register(RefusedInterest)
class RefusedInterestAdmin(ReadOnly):
    about = _("Nobody has said that something we think of them is not true.")
    list_display = ("customer", "category", "at")
    list_select_related = ("customer", "category")
