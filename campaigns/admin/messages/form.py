"""The forms of a message: of its blocks, or of its source; the original and its translation side by side in both."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget

from campaigns import messages
from campaigns.admin.messages.blocks import OTHER, PREFIX, Pair, layout_from
from campaigns.liquid_templates import Problem
from campaigns.messages import Layout
from campaigns.messages.layout import sealed, standing
from campaigns.messages.layout_faults import Fault
from campaigns.models import Message

# The parts that are translated; those of a message of blocks beside them.
PARTS = ("subject", "preheader", "body", "text")
LINES = ("subject", "preheader")
_HEIGHT = {"body": 18, "text": 5}


class _Form(forms.ModelForm):  # type: ignore[type-arg]
    """What both have in common: parts with their translation, and what each translation was made from."""

    parts: Sequence[str] = ()

    zh_subject = forms.CharField(label=_("Subject, in Chinese"), max_length=300, required=False)
    zh_preheader = forms.CharField(label=_("Preview line, in Chinese"), max_length=200, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        row = kwargs.get("instance")
        first = {"translations": row.translations} if row is not None else kwargs.get("initial") or {}
        own = (first.get("translations") or {}).get(OTHER, {})
        begun = {f"{PREFIX}{name}": own.get(name, "") for name in self.parts}
        kwargs["initial"] = {**begun, **(kwargs.get("initial") or {})}
        super().__init__(*args, **kwargs)

    def pairs(self) -> list[Pair]:
        """The parts as they are drawn."""
        return [self._pair(name) for name in self.parts]

    def _pair(self, name: str) -> Pair:
        one, other = self[name], self[f"{PREFIX}{name}"]
        own, translation = str(one.value() or ""), str(other.value() or "")
        seal = sealed(own, translation, self._seal(name))
        return Pair(
            name,
            one.label,
            own,
            help=one.help_text,
            errors=[str(error) for error in one.errors],
            rows=_HEIGHT.get(name, 0),
            other_name=f"{PREFIX}{name}",
            other_value=translation,
            other_errors=[str(error) for error in other.errors],
            standing="" if name == "text" and not own else standing(own, translation, seal),
            seal=seal,
            is_code=name in _HEIGHT,
            is_needed=one.field.required,
        )

    def _seal(self, name: str) -> str:
        if self.is_bound:
            return "" if f"{name}-fits" in self.data else str(self.data.get(f"{name}-seal", ""))
        kept = self.initial.get("seals") or self.instance.layout.get("seals", {})
        return str(kept.get(name, ""))

    def _keep(self, cleaned: Mapping[str, Any]) -> None:
        """The translations, and what each was made from, go to the message."""
        told = self.instance.translations.get(OTHER, {})
        beside = {name: words for name, words in told.items() if name not in self.parts}
        own = beside | translations_of(cleaned, self.parts).get(OTHER, {})
        rest = {language: told for language, told in self.instance.translations.items() if language != OTHER}
        self.instance.translations = {**rest, OTHER: own} if own else rest
        seals = {
            name: sealed(cleaned.get(name) or "", cleaned.get(f"{PREFIX}{name}") or "", self._seal(name))
            for name in self.parts
        }
        self.instance.layout = {
            **self.instance.layout,
            "seals": {name: seal for name, seal in seals.items() if seal},
        }

    def refuse(self, problems: Sequence[Problem]) -> None:
        """What would fail for someone stands at the field it is in, with its line."""
        for problem in problems:
            name = field_of(problem.part)
            self.add_error(name if name in self.fields else None, str(problem))


class SourceForm(_Form):
    parts = PARTS

    zh_body = forms.CharField(
        label=_("Body, in Chinese"),
        required=False,
        help_text=_("Empty: Chinese readers get the original."),
        strip=False,
    )
    zh_text = forms.CharField(label=_("Text part, in Chinese"), required=False, strip=False)

    class Meta:
        model = Message
        fields = ("name", "slug", "format", "product_count", *PARTS)
        widgets = {"format": UnfoldAdminSelectWidget()}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        self._keep(cleaned)
        trial = Message(
            **{name: cleaned.get(name) or "" for name in PARTS},
            format=cleaned["format"],
            product_count=cleaned["product_count"],
            translations=self.instance.translations,
        )
        self.refuse(messages.check(trial))
        return cleaned


class BlockForm(_Form):
    """The blocks are fields beside Django's own: there are as many as somebody wants."""

    parts = LINES

    class Meta:
        model = Message
        fields = ("name", "slug", "product_count", *LINES)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        begun = kwargs.get("initial") or {}
        super().__init__(*args, **kwargs)
        self.faults: list[Fault] = []
        self._before = messages.layout_of(self.instance) if self.instance.pk else None
        self.layout: Layout = (
            layout_from(self.data)
            if self.is_bound
            else begun.get("blocks") or self._before or messages.Layout([])
        )

    @property
    def changed_data(self) -> list[str]:
        """The blocks are told as one field, so that who changed them stands in the log."""
        own = list(super().changed_data)
        return [*own, "blocks"] if self.is_bound and self.layout != self._before else own

    def clean(self) -> dict[str, Any]:
        """Every block by itself, and then the whole as it would leave."""
        cleaned = super().clean() or {}
        self.faults = messages.faults(self.layout)
        if self.faults:
            self.add_error(None, _("Some blocks need mending: it is said at each."))
        if self.errors:
            return cleaned
        self._keep(cleaned)
        trial = Message(
            **{name: cleaned.get(name) or "" for name in LINES},
            product_count=cleaned["product_count"],
            translations=self.instance.translations,
            layout=self.instance.layout,
        )
        messages.put(trial, self.layout)
        for problem in messages.check(trial):
            self._refuse_at_block(problem)
        if not self.errors:
            messages.put(self.instance, self.layout)
        return cleaned

    def _refuse_at_block(self, problem: Problem) -> None:
        """A fault of the whole stands at the block that made the line."""
        part, _space, language = problem.part.partition(" ")
        language = language.strip("()") or messages.LANGUAGES[0]
        found = messages.source(self.layout, language).at(problem.line) if part == "body" else None
        if found is None:
            self.refuse([problem])
            return
        span, line = found
        self.faults.append(Fault(span.key, span.part, language, line, problem.text))
        self.add_error(None, _("Some blocks need mending: it is said at each."))


def trial_of(data: QueryDict, row: Message | None = None) -> Message:
    """The message as it is being written; `row` where nothing of it was sent."""
    if "subject" not in data:
        return row or Message()
    count = data.get("product_count", "")
    trial = Message(
        **{name: data.get(name, "") for name in PARTS},
        format=data.get("format", Message.Format.HTML),
        product_count=int(count) if count.isdecimal() and int(count) < 100 else 4,
        translations=translations_of(data, PARTS),
    )
    own = trial.translations.get(OTHER, {})
    trial.layout = {
        "seals": {
            name: sealed(getattr(trial, name), own.get(name, ""), str(data.get(f"{name}-seal", "")))
            for name in PARTS
            if f"{name}-fits" not in data
        }
    }
    if "block" in data:
        messages.put(trial, layout_from(data))
    return trial


def translations_of(data: Mapping[str, Any], parts: Sequence[str] = PARTS) -> dict[str, dict[str, str]]:
    own = {name: value for name in parts if (value := data.get(f"{PREFIX}{name}") or "").strip()}
    return {OTHER: own} if own else {}


def field_of(part: str) -> str | None:
    """The form's field a problem's part stands in."""
    name, _space, language = part.partition(" ")
    if name not in PARTS:
        return None
    return f"{PREFIX}{name}" if language else name
