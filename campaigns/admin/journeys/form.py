"""The forms of a journey's steps: each kind's fields in a marketer's words, from the stored step and back to it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.dates import WEEKDAYS
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import segments
from campaigns.admin.journeys import sentences as journey_sentences
from campaigns.journeys import steps
from campaigns.models import Message, Segment

# A choice of more is a list that nobody reads; what is older is still named in the steps as text.
MOST_CHOICES = 300
HOURS, DAYS = "hours", "days"
UNITS = [(HOURS, gettext_lazy("hours")), (DAYS, gettext_lazy("days"))]
POLICIES = [
    ("go_on", gettext_lazy("go on without it")),
    ("wait", gettext_lazy("try again every hour, and then go on")),
    ("exit", gettext_lazy("leave the journey")),
]


def acts() -> list[tuple[str, str | Promise]]:
    return [(name, plain) for name, (plain, _of) in journey_sentences.THEY.items()]


def newest(model: type[Message] | type[Segment], chosen: str) -> list[tuple[str, str]]:
    """The newest of them, and the one that is chosen. Two queries at most."""
    found = list(model.objects.order_by("-pk").values_list("slug", "name")[:MOST_CHOICES])
    if chosen and chosen not in {slug for slug, _name in found}:
        kept = model.objects.filter(slug=chosen).values_list("slug", "name").first()
        found.append(kept or (chosen, _("“%s”, which is gone") % chosen))
    return sorted(found, key=lambda row: row[1].lower())


def text(**more: Any) -> forms.TextInput:
    return forms.TextInput(attrs={"class": "desk-input", "autocomplete": "off", **more})


def number(**more: Any) -> forms.NumberInput:
    return forms.NumberInput(attrs={"class": "desk-input is-short", "min": "0", "step": "any", **more})


def select() -> forms.Select:
    return forms.Select(attrs={"class": "desk-input"})


class StepForm(forms.Form):
    """One step. `stored`: the step as it is; `targets`: the steps it may lead to, in words; None for a new one."""

    like = "step"
    ways: tuple[str | Promise, ...] = (gettext_lazy("And then"),)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        stored: Mapping[str, Any],
        targets: Sequence[tuple[str, str]] | None = None,
    ) -> None:
        super().__init__(data, prefix="f", initial=self.read(stored), auto_id="id_%s")
        self.stored = stored
        self.add_choices()
        self._leads = targets is not None
        if targets is not None:
            for n, (words, to) in enumerate(zip(self.ways, steps.ways(stored).values(), strict=False)):
                self.fields[f"to_{n}"] = forms.ChoiceField(
                    label=str(words),
                    choices=[*targets, ("", _("the end"))],
                    required=False,
                    widget=select(),
                    initial=to or "",
                )

    def add_choices(self) -> None:
        """Fill in what may be chosen, and fields whose number depends on the step."""

    def read(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        """The fields' values of a stored step."""
        return {}

    def written(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The step's own fields, of clean values."""
        raise NotImplementedError

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not self.errors:
            self.step = self.with_ways(self.written(values), values)
            for words in steps.problems(self.step):
                self.add_error(None, words)
        return values

    def with_ways(self, step: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
        for n, name in enumerate(("next", "otherwise")[: len(self.ways)]):
            step[name] = (values[f"to_{n}"] or None) if self._leads else self.stored.get(name)
        return step


class MessageForm(StepForm):
    like = "message"
    message = forms.ChoiceField(label=gettext_lazy("Which message"), widget=select())
    if_not_sent = forms.ChoiceField(
        label=gettext_lazy("If it may not go to someone now"),
        help_text=gettext_lazy(
            "A frequency cap, quiet hours, a missing offer or their own choice may keep it. "
            "Whoever takes back their consent always leaves."
        ),
        choices=POLICIES,
        widget=select(),
    )
    wait_hours = forms.FloatField(
        label=gettext_lazy("Try again for so many hours"), required=False, widget=number()
    )

    def add_choices(self) -> None:
        self.fields["message"].choices = [  # type: ignore[attr-defined]
            ("", _("choose one")),
            *newest(Message, str(self.stored.get("message", ""))),
        ]

    def read(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        return {"if_not_sent": "go_on", "wait_hours": steps.WAIT_HOURS, **stored}

    def written(self, values: Mapping[str, Any]) -> dict[str, Any]:
        found = {"kind": "message", "message": values["message"], "if_not_sent": values["if_not_sent"]}
        if values["if_not_sent"] == "wait" and values.get("wait_hours") is not None:
            found["wait_hours"] = plain(values["wait_hours"])
        return found


class WaitForm(StepForm):
    like = "wait"
    days = forms.FloatField(label=gettext_lazy("Days"), required=False, widget=number())
    hours = forms.FloatField(label=gettext_lazy("Hours"), required=False, widget=number())
    until = forms.CharField(
        label=gettext_lazy("And then until this hour"),
        required=False,
        help_text=gettext_lazy("By the clock where they are; empty: at once. Such as 10:00."),
        widget=forms.TimeInput(attrs={"class": "desk-input is-short", "type": "time"}),
    )
    weekdays = forms.MultipleChoiceField(
        label=gettext_lazy("Only on"),
        required=False,
        choices=[(str(n), day) for n, day in WEEKDAYS.items()],
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("None: on any day. Needs an hour."),
    )

    def read(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        return {**stored, "weekdays": [str(day) for day in stored.get("weekdays", ())]}

    def clean(self) -> dict[str, Any]:
        values = forms.Form.clean(self) or {}
        if not any(values.get(name) for name in ("days", "hours", "until")) and not self.errors:
            self.add_error("days", _("Say how long: days, hours, or until which hour."))
        if values.get("weekdays") and not values.get("until"):
            self.add_error("until", _("Say the hour on such a day."))
        return super().clean()

    def written(self, values: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {"kind": "wait"}
        found |= {name: plain(values[name]) for name in ("hours", "days") if values.get(name)}
        if values.get("until"):
            found["until"] = values["until"][:5]
        if values.get("weekdays"):
            found["weekdays"] = sorted(int(day) for day in values["weekdays"])
        return found


class WaitForOrderForm(StepForm):
    like = "wait"
    days_before = forms.FloatField(
        label=gettext_lazy("So many days before"),
        help_text=gettext_lazy(
            "The day on which their next order is expected, by what they order again and again. "
            "Of whom none is expected goes on at once."
        ),
        widget=number(),
    )

    def read(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        return dict(stored.get("until_expected_order", {"days_before": 3}))

    def written(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {"kind": "wait", "until_expected_order": {"days_before": plain(values["days_before"])}}


class ActForm(StepForm):
    """What asks for something that people do."""

    did = forms.ChoiceField(label=gettext_lazy("That they"), choices=acts, widget=select())
    sku = forms.CharField(
        label=gettext_lazy("Which product"),
        required=False,
        help_text=gettext_lazy("Its number in the shop (SKU); empty: any."),
        widget=text(**{"data-suggest": "sku", "list": "suggest-sku"}),
    )
    category = forms.CharField(
        label=gettext_lazy("Of which category"),
        required=False,
        help_text=gettext_lazy("Its name in addresses; empty: any."),
        widget=text(**{"data-suggest": "category", "list": "suggest-category"}),
    )

    def act(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: values[name] for name in ("did", "sku", "category") if values.get(name)}


class AnswerForm(ActForm):
    """Wait until something happens, so long at most."""

    like = "answer"
    ways = (gettext_lazy("If they did"), gettext_lazy("If they did not"))
    amount = forms.FloatField(label=gettext_lazy("Wait at most"), widget=number())
    unit = forms.ChoiceField(label=gettext_lazy("Hours or days"), choices=UNITS, widget=select())

    def read(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        hours = stored.get("within_hours", 72)
        whole = hours >= 24 and hours % 24 == 0
        return {
            **stored.get("event", {"did": "clicked"}),
            "amount": plain(hours / 24 if whole else hours),
            "unit": DAYS if whole else HOURS,
        }

    def written(self, values: Mapping[str, Any]) -> dict[str, Any]:
        hours = values["amount"] * (24 if values["unit"] == DAYS else 1)
        return {"kind": "wait_for", "event": self.act(values), "within_hours": plain(hours)}


class SegmentQuestionForm(StepForm):
    like = "question"
    ways = (gettext_lazy("If yes"), gettext_lazy("If no"))
    segment = forms.ChoiceField(label=gettext_lazy("Are they in the segment"), widget=select())

    def add_choices(self) -> None:
        self.fields["segment"].choices = [  # type: ignore[attr-defined]
            ("", _("choose one")),
            *newest(Segment, str(self.read(self.stored).get("segment", ""))),
        ]

    def read(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        return {"segment": stored.get("rule", {}).get("segment", "")}

    def written(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {"kind": "split", "rule": {"segment": values["segment"]}}


class DidQuestionForm(ActForm):
    like = "question"
    ways = (gettext_lazy("If yes"), gettext_lazy("If no"))
    times = forms.IntegerField(
        label=gettext_lazy("At least so many times"), required=False, min_value=1, widget=number(step="1")
    )
    within_days = forms.IntegerField(
        label=gettext_lazy("Within so many days"),
        required=False,
        min_value=1,
        help_text=gettext_lazy("Empty: ever."),
        widget=number(step="1"),
    )

    def read(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        rule = stored.get("rule", {"did": "ordered", "within_days": 30})
        return {**rule, "times": rule.get("times", {}).get("gte", 1)}

    def written(self, values: Mapping[str, Any]) -> dict[str, Any]:
        rule = self.act(values)
        if (times := values.get("times")) and times > 1:
            rule["times"] = {"gte": times}
        if values.get("within_days"):
            rule["within_days"] = values["within_days"]
        return {"kind": "split", "rule": rule}


class RuleQuestionForm(StepForm):
    like = "question"
    ways = (gettext_lazy("If yes"), gettext_lazy("If no"))
    rule = forms.CharField(
        label=gettext_lazy("Rule"),
        help_text=gettext_lazy("As a segment's rule is written. A segment of its own is easier to read."),
        widget=forms.Textarea(attrs={"class": "desk-input desk-code", "rows": 7, "spellcheck": "false"}),
    )

    def read(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        rule = stored.get("rule", {"attribute": "country", "is": "DE"})
        return {"rule": json.dumps(rule, indent=2, ensure_ascii=False)}

    def clean_rule(self) -> Any:
        try:
            rule = json.loads(self.cleaned_data["rule"])
            segments.check(rule)
        except json.JSONDecodeError as wrong:
            told = {"line": wrong.lineno, "column": wrong.colno}
            raise forms.ValidationError(
                _("This is no JSON: line %(line)s, column %(column)s.") % told
            ) from wrong
        except segments.InvalidRule as invalid:
            raise forms.ValidationError(str(invalid)) from invalid
        return rule

    def written(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {"kind": "split", "rule": values["rule"]}


class ExitForm(StepForm):
    like = "out"
    ways = ()

    def written(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {"kind": "exit"}


def plain(value: float) -> float:
    """3 and not 3.0."""
    return int(value) if float(value).is_integer() else value
