"""The desk's pages of what people demand, and of how they want to be written to."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from catalog.pages import Page, ReadOnly
from customers.models import ContactChoice, Installation, PrivacyRequest, Topic


@admin.register(PrivacyRequest)
class PrivacyRequestAdmin(ReadOnly):
    about = _("Nobody has asked for anything yet.")
    list_display = ("type", "state", "customer_number", "asked_at", "due_at", "ended_at")
    list_filter = ("state", "type")
    ordering = ("due_at",)
    exclude = ("sealed", "token_hash")


@admin.register(Installation)
class InstallationAdmin(ReadOnly):
    about = _("The installation has not been started yet.")
    list_display = ("id", "held_since", "held_why", "released_by", "released_at")


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
