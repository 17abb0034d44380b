"""The form of a message: the original and its translation side by side, looked at again while they are written."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from campaigns import messages
from campaigns.models import Message

# The parts that are translated, and the language they are translated into.
PARTS, OTHER = ("subject", "preheader", "body", "text"), "zh-hans"
# Looked at again while it is being written; the form's own token goes along.
LIVE = {
    "hx-post": reverse_lazy("admin:campaigns_message_check"),
    "hx-trigger": "input changed delay:700ms",
    "hx-target": "#message-check",
    "hx-sync": "closest form:replace",
}


def _area(rows: int) -> UnfoldAdminTextareaWidget:
    return UnfoldAdminTextareaWidget(
        attrs={"rows": rows, "class": "desk-code desk-lines", "spellcheck": "false", **LIVE}
    )


def _line() -> UnfoldAdminTextInputWidget:
    return UnfoldAdminTextInputWidget(attrs={"class": "desk-fills", **LIVE})


class MessageForm(forms.ModelForm):  # type: ignore[type-arg]
    """The original and its translation side by side."""

    zh_subject = forms.CharField(
        label=_("Subject, in Chinese"), max_length=300, required=False, widget=_line()
    )
    zh_preheader = forms.CharField(
        label=_("Preview line, in Chinese"), max_length=200, required=False, widget=_line()
    )
    zh_body = forms.CharField(
        label=_("Body, in Chinese"),
        required=False,
        widget=_area(18),
        help_text=_("Empty: Chinese readers get the original."),
        strip=False,
    )
    zh_text = forms.CharField(label=_("Text part, in Chinese"), required=False, widget=_area(5), strip=False)

    class Meta:
        model = Message
        fields = ("name", "slug", "format", "product_count", *PARTS)
        widgets = {
            "format": UnfoldAdminSelectWidget(attrs={**LIVE, "hx-trigger": "change"}),
            "subject": _line(),
            "preheader": _line(),
            "body": _area(18),
            "text": _area(5),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        row = kwargs.get("instance")
        first = {"translations": row.translations} if row is not None else kwargs.get("initial") or {}
        own = first.get("translations", {}).get(OTHER, {})
        begun = {f"zh_{name}": own.get(name, "") for name in PARTS}
        kwargs["initial"] = {**begun, **(kwargs.get("initial") or {})}
        super().__init__(*args, **kwargs)

    def clean(self) -> dict[str, Any]:
        """What would fail for someone stands at the field it is in, with its line."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        self.instance.translations = translations_of(cleaned)
        trial = Message(
            **{name: cleaned.get(name) or "" for name in PARTS},
            format=cleaned["format"],
            product_count=cleaned["product_count"],
            translations=self.instance.translations,
        )
        for problem in messages.check(trial):
            self.add_error(field_of(problem.part), str(problem))
        return cleaned


def translations_of(data: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    own = {name: value for name in PARTS if (value := data.get(f"zh_{name}") or "").strip()}
    return {OTHER: own} if own else {}


def field_of(part: str) -> str | None:
    """The form's field a problem's part stands in."""
    name, _space, language = part.partition(" ")
    if name not in PARTS:
        return None
    return f"zh_{name}" if language else name
