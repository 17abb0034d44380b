"""What campaigns have in common, and how the shares of their variants changed."""

from django.contrib import admin
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns.models import ShareChange, Tag
from catalog.pages import Page, ReadOnly, shown
from customers.few import FEWEST_ORDERS, told_in_tens


@admin.register(Tag)
class TagAdmin(Page):
    about = _(
        "A tag says what several campaigns have in common, such as “newsletter”. Frequency caps can count by tag."
    )
    list_display = ("name", "slug")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}
    fieldsets = ((None, {"fields": (("name", "slug"),)}),)


@admin.register(ShareChange)
class ShareChangeAdmin(ReadOnly):
    about = _(
        "Each time a bandit shifted the shares of a campaign's variants: to what, and on how many people that rests."
    )
    list_display = ("campaign", "at", "told_shares", "told_people")
    list_filter = ("campaign",)
    fields = ("campaign", "at", "told_shares", "told_people")
    readonly_fields = ("told_shares", "told_people")

    @shown(_("shares"))
    def told_shares(self, row: ShareChange) -> str:
        return " · ".join(f"{key} {share:.0%}" for key, share in row.shares.items())

    @shown(_("rests on"))
    def told_people(self, row: ShareChange) -> str:
        return " · ".join(
            gettext("%(key)s: success with %(n)s of %(people)s people")
            % {
                "key": key,
                "n": told_in_tens(arm["successes"], FEWEST_ORDERS),
                "people": told_in_tens(arm["people"]),
            }
            for key, arm in row.rests_on.items()
        )
