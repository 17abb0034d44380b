"""The desk's pages of how people want to be written to."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from catalog.pages import Page, ReadOnly
from customers.models import ContactChoice, Topic


@admin.register(Topic)
class TopicAdmin(Page):
    about = _("No topic yet. With topics people can leave one subject and keep the others.")
    list_display = ("title", "slug", "created_at")
    prepopulated_fields = {"slug": ("title",)}
    ordering = ("title",)
    fields = (("title", "slug"), "translations")


@admin.register(ContactChoice)
class ContactChoiceAdmin(ReadOnly):
    about = _("Nobody has chosen yet: everyone gets all, as it comes.")
    list_display = ("customer", "frequency", "paused_until", "updated_at")
    list_select_related = ("customer",)
    list_filter = ("frequency",)
