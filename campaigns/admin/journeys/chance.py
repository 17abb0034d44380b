"""The forms of a split by chance: its branches' shares, a new one with a message in each branch, and one branch more."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.admin.journeys.form import StepForm, newest, number, plain, select
from campaigns.models import Message


def share(label: Any) -> forms.FloatField:
    return forms.FloatField(label=label, min_value=0, max_value=100, widget=number())


def message(label: Any, *, empty: str | None = None) -> forms.ChoiceField:
    first = [] if empty is None else [("", empty)]
    return forms.ChoiceField(
        label=label, required=empty is None, choices=[*first, *newest(Message, "")], widget=select()
    )


class ChanceForm(StepForm):
    """The share of each branch, and where it leads; a branch of nought goes."""

    like = "split"
    ways = ()

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        stored: Mapping[str, Any],
        targets: Sequence[tuple[str, str]] | None = None,
    ) -> None:
        super().__init__(data, stored=stored, targets=targets)
        words = dict(targets or ())
        for n, (to, part) in enumerate(stored["percent"].items()):
            field = share(_("Percent of people: %s") % words.get(to, to))
            field.initial = plain(part)
            self.fields[f"share_{n}"] = field
            self.fields[f"to_{n}"] = forms.ChoiceField(
                label=_("It leads to"), choices=list(targets or ()), initial=to, widget=select()
            )

    def written(self, values: Mapping[str, Any]) -> dict[str, Any]:
        percent: dict[str, float] = {}
        for n in range(len(self.stored["percent"])):
            if values[f"share_{n}"] and values[f"to_{n}"] in percent:
                self.add_error(
                    f"to_{n}", _("Another branch leads there already; give each a step of its own.")
                )
            elif values[f"share_{n}"]:
                percent[values[f"to_{n}"]] = plain(values[f"share_{n}"])
        return {"kind": "split", "percent": percent}


class NewChanceForm(forms.Form):
    """A new split by chance in two, each with a message or nothing."""

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, prefix="f", auto_id="id_%s")
        nothing = _("nothing: they go straight on")
        for n, (of, what) in enumerate(
            (
                (_("Share of the first branch, percent"), _("The first branch gets")),
                (_("Share of the second branch, percent"), _("The second branch gets")),
            )
        ):
            self.fields[f"share_{n}"] = share(of)
            self.fields[f"share_{n}"].initial = 50
            self.fields[f"message_{n}"] = message(what, empty=nothing)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not self.errors and abs(values["share_0"] + values["share_1"] - 100) > 1e-9:
            self.add_error("share_1", _("Both shares together are 100."))
        if not self.errors and not (values["message_0"] or values["message_1"]):
            self.add_error(
                "message_0", _("Give at least one branch a message; others can be put in afterwards.")
            )
        return values

    def branches(self) -> list[tuple[float, dict[str, Any] | None]]:
        """The share and the first step of each."""
        values = self.cleaned_data
        return [
            (plain(values[f"share_{n}"]), sending(values[f"message_{n}"]) if values[f"message_{n}"] else None)
            for n in (0, 1)
        ]


class BranchForm(forms.Form):
    """One branch more of a split by chance."""

    share = share(gettext_lazy("Its share, percent; it comes off the largest"))

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, prefix="f", initial={"share": 10}, auto_id="id_%s")
        self.fields["message"] = message(_("It gets"), empty=None)


def sending(slug: str) -> dict[str, Any]:
    """The step that sends a message."""
    return {"kind": "message", "message": slug, "if_not_sent": "go_on"}
