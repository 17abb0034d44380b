"""The kinds of step that can be put into a journey, in words, and the form of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from campaigns.admin.journeys import chance as journey_chance
from campaigns.admin.journeys import form as journey_form
from campaigns.admin.journeys import sentences as journey_sentences
from campaigns.admin.journeys.form import StepForm
from campaigns.admin.journeys.sentences import Words


@dataclass(frozen=True)
class Addable:
    """A kind as it is offered: what it is called, what it is for, and a step of it before anything was filled in."""

    label: Words
    about: Words
    icon: str
    form: type[StepForm]
    blank: Mapping[str, Any]


ADDABLE: Mapping[str, Addable] = {
    "message": Addable(
        _("Send a message"), _("One of your messages, with its offer and products."), "mail",
        journey_form.MessageForm, {"kind": "message"},
    ),
    "wait": Addable(
        _("Wait"), _("Some days or hours, or until an hour of a day."), "hourglass_empty",
        journey_form.WaitForm, {"kind": "wait", "days": 1},
    ),
    "answer": Addable(
        _("Wait for something they do"), _("They go one way when they do it, another when the time is over."),
        "notifications_active", journey_form.AnswerForm, {"kind": "wait_for"},
    ),
    "segment": Addable(
        _("Ask: are they in a segment?"), _("Yes and no go separate ways."), "help",
        journey_form.SegmentQuestionForm, {"kind": "split"},
    ),
    "did": Addable(
        _("Ask: did they do something?"), _("Such as having ordered twice in 90 days."), "help",
        journey_form.DidQuestionForm, {"kind": "split"},
    ),
    "chance": Addable(
        _("Split by chance"), _("To try two messages: the same person always goes the same way."), "call_split",
        journey_chance.ChanceForm, {"kind": "split", "percent": {}},
    ),
    "order": Addable(
        _("Wait for the order that is expected"), _("Until some days before it."), "event_upcoming",
        journey_form.WaitForOrderForm, {"kind": "wait"},
    ),
    "rule": Addable(
        _("Ask by a rule of your own"), _("Written as a segment's rule is."), "rule",
        journey_form.RuleQuestionForm, {"kind": "split"},
    ),
    "exit": Addable(
        _("Let them leave"), _("Where a way ends before the end."), "logout",
        journey_form.ExitForm, {"kind": "exit"},
    ),
}  # fmt: skip


def form_of(step: Mapping[str, Any]) -> type[StepForm]:
    """The form that shows all of a stored step."""
    match step["kind"]:
        case "message":
            return journey_form.MessageForm
        case "wait" if "until_expected_order" in step:
            return journey_form.WaitForOrderForm
        case "wait":
            return journey_form.WaitForm
        case "wait_for":
            return journey_form.AnswerForm
        case "split" if "percent" in step:
            return journey_chance.ChanceForm
        case "split":
            return _question(step["rule"])
    return journey_form.ExitForm


def _question(rule: Any) -> type[StepForm]:
    if isinstance(rule, dict) and set(rule) == {"segment"} and isinstance(rule["segment"], str):
        return journey_form.SegmentQuestionForm
    return journey_form.DidQuestionForm if journey_sentences.is_did(rule) else journey_form.RuleQuestionForm
