"""The desk's pages of how people want to be written to."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
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

    def get_deleted_objects(self, objs: Iterable[Topic], request: HttpRequest) -> tuple[Any, ...]:
        """The topics alone: who left one is a row a person, and neither counted nor listed (N1)."""
        found = [str(topic) for topic in objs]
        lacking = set() if self.has_delete_permission(request) else {self.opts.verbose_name}
        return found, {self.opts.verbose_name_plural: len(found)}, lacking, []


@admin.register(ContactChoice)
class ContactChoiceAdmin(ReadOnly):
    about = _("Nobody has chosen yet: everyone gets all, as it comes.")
    list_display = ("customer", "frequency", "paused_until", "updated_at")
    list_select_related = ("customer",)
    list_filter = ("frequency",)
