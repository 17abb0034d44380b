"""The desk's pages of how people want to be written to."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from catalog.pages import Page, ReadOnly, shown
from customers.admin.notices import CHINESE
from customers.models import ContactChoice, Topic


class TopicForm(forms.ModelForm):  # type: ignore[type-arg]
    zh_title = forms.CharField(
        label=_("Title, in Chinese"), max_length=200, required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"lang": CHINESE}),
        help_text=_("For whoever reads Chinese. Empty: the words above."),
    )  # fmt: skip

    class Meta:
        model = Topic
        fields = ("title", "slug")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["zh_title"].initial = self.instance.translations.get(CHINESE, "")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        others = {
            language: told for language, told in self.instance.translations.items() if language != CHINESE
        }
        own = cleaned.get("zh_title", "")
        self.instance.translations = {**others, CHINESE: own} if own else others
        return cleaned


@admin.register(Topic)
class TopicAdmin(Page):
    about = _("No topic yet. With topics people can leave one subject and keep the others.")
    list_display = ("title", "slug", "created_at")
    prepopulated_fields = {"slug": ("title",)}
    ordering = ("title",)
    form = TopicForm
    fields = (("title", "slug"), "zh_title")

    @shown(_("Title, in Chinese"))
    def zh_title(self, topic: Topic) -> str:
        """For whoever may only look; the form has a field of this name."""
        return topic.translations.get(CHINESE) or "–"

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
