"""The form of what calls people into a journey, whether again, and what it is for."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.admin.journeys.form import UNITS, acts, newest, number, plain, select, text
from campaigns.admin.journeys.sentences import SCORES
from campaigns.admin.words import PURPOSES
from campaigns.journeys import calls, steps
from campaigns.models import Segment

KINDS = [
    ("event", gettext_lazy("someone does something")),
    ("consented", gettext_lazy("someone newly allows something")),
    ("segment", gettext_lazy("someone comes into a segment")),
    ("score", gettext_lazy("someone's chance is told as high")),
    ("expected_order", gettext_lazy("someone's next order is expected")),
    ("price_drop", gettext_lazy("what they wanted becomes cheaper")),
    ("back_in_stock", gettext_lazy("what they wanted can be had again")),
]
# So many acts may keep an event from calling.
MOST_UNLESS = 3
AGAIN = [
    ("never", gettext_lazy("never")),
    ("after_days", gettext_lazy("after so many days")),
    ("always", gettext_lazy("whenever something calls, once they have left")),
]


def _category() -> forms.TextInput:
    return text(**{"data-suggest": "category", "list": "suggest-category"})


def _sku() -> forms.TextInput:
    return text(**{"data-suggest": "sku", "list": "suggest-sku"})


class EntryForm(forms.Form):
    """Fields of all kinds of call; only those of the chosen one are read."""

    kind = forms.ChoiceField(label=gettext_lazy("It begins when"), choices=KINDS, widget=select())
    event = forms.ChoiceField(
        label=gettext_lazy("What they do"), choices=acts, widget=select(), required=False
    )
    sku = forms.CharField(
        label=gettext_lazy("With which product"),
        required=False,
        help_text=gettext_lazy("Its number in the shop (SKU); empty: any."),
        widget=_sku(),
    )
    category = forms.CharField(
        label=gettext_lazy("Of which category"),
        required=False,
        help_text=gettext_lazy("Its name in addresses; empty: any."),
        widget=_category(),
    )
    times = forms.IntegerField(
        label=gettext_lazy("At least so many times within a week"),
        required=False,
        min_value=1,
        widget=number(step="1"),
    )
    value_gte = forms.FloatField(
        label=gettext_lazy("Worth at least"),
        required=False,
        help_text=gettext_lazy("In the shop's currency; empty: any."),
        widget=number(),
    )
    consented = forms.ChoiceField(
        label=gettext_lazy("What they allow"),
        required=False,
        choices=[(name, gettext_lazy(words)) for name, words in PURPOSES.items()],
        widget=select(),
    )
    segment = forms.ChoiceField(label=gettext_lazy("Which segment"), required=False, widget=select())
    score = forms.ChoiceField(
        label=gettext_lazy("The chance of"), required=False, choices=list(SCORES.items()), widget=select()
    )
    gte = forms.FloatField(
        label=gettext_lazy("Is at least, percent"),
        required=False,
        min_value=0,
        max_value=100,
        widget=number(),
    )
    days_before = forms.FloatField(label=gettext_lazy("So many days before"), required=False, widget=number())
    percent = forms.FloatField(
        label=gettext_lazy("Cheaper by at least, percent"), required=False, widget=number()
    )
    again = forms.ChoiceField(label=gettext_lazy("May they come in again"), choices=AGAIN, widget=select())
    again_days = forms.IntegerField(
        label=gettext_lazy("After so many days"),
        required=False,
        min_value=1,
        max_value=9999,
        widget=number(step="1"),
    )
    goal = forms.ChoiceField(
        label=gettext_lazy("It is for: they"),
        required=False,
        help_text=gettext_lazy("Whoever does it leaves the journey before its next message."),
        widget=select(),
    )
    goal_sku = forms.CharField(label=gettext_lazy("With which product"), required=False, widget=_sku())
    goal_category = forms.CharField(
        label=gettext_lazy("Of which category"), required=False, widget=_category()
    )
    # Which fields belong to which choice; the page hides the others.
    WHEN: Mapping[str, tuple[str, ...]] = {
        "event": ("event", "sku", "category", "times", "value_gte"),
        "consented": ("consented",),
        "segment": ("segment",),
        "score": ("score", "gte"),
        "expected_order": ("days_before",),
        "price_drop": ("percent",),
    }

    def __init__(self, data: Mapping[str, Any] | None = None, *, stored: Mapping[str, Any]) -> None:
        super().__init__(data, prefix="f", initial=_read(stored), auto_id="id_%s")
        self.stored = stored
        chosen = str(stored["entry"].get("segment", ""))
        self.fields["segment"].choices = [("", _("choose one")), *newest(Segment, chosen)]  # type: ignore[attr-defined]
        self.fields["goal"].choices = [("", _("it has no goal")), *acts()]  # type: ignore[attr-defined]
        for n in range(MOST_UNLESS):
            self.fields[f"unless_{n}"] = forms.ChoiceField(
                label=_("Not if they"), required=False, choices=[("", _("nothing")), *acts()], widget=select()
            )
            self.fields[f"within_{n}"] = forms.FloatField(label=_("Within"), required=False, widget=number())
            self.fields[f"unit_{n}"] = forms.ChoiceField(
                label=_("Hours or days"), required=False, choices=UNITS, widget=select()
            )
        for kind, names in {**self.WHEN, "event": (*self.WHEN["event"], *_unless_names())}.items():
            for name in names:
                self.fields[name].widget.attrs["data-when"] = f"f-kind={kind}"
        self.fields["again_days"].widget.attrs["data-when"] = "f-again=after_days"
        self.order_fields([*self._in_order()])
        for name, value in _unless(stored["entry"]).items():
            self.fields[name].initial = value

    def _in_order(self) -> list[str]:
        first = ["kind", *self.WHEN["event"], *_unless_names()]
        return first + [name for name in self.fields if name not in first]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if self.errors:
            return values
        self.parts = {
            "entry": self._entry(values),
            "reentry": self._again(values),
            "goal": self._goal(values),
        }
        if self.errors:
            return values
        for words in calls.problems(self.parts["entry"]):
            self.add_error(None, words)
        if self.parts["goal"] is not None:
            for words in steps.act_problems(self.parts["goal"]):
                self.add_error("goal", words)
        return values

    def _entry(self, values: Mapping[str, Any]) -> dict[str, Any]:
        match kind := values["kind"]:
            case "event":
                return self._event(values)
            case "consented":
                return {kind: values["consented"]}
            case "segment":
                return {kind: self._needed("segment", values), **self._often("segment")}
            case "score":
                return {kind: values["score"], "gte": round(self._needed("gte", values) / 100, 4)}
            case "expected_order":
                ahead = plain(self._needed("days_before", values))
                return {kind: {"days_before": ahead}, **self._often("expected_order")}
            case "price_drop":
                return {kind: {"percent": plain(self._needed("percent", values))}}
        return {"back_in_stock": {}}

    def _event(self, values: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {"event": values["event"]}
        where = {name: values[name] for name in ("sku", "category") if values.get(name)}
        if (values.get("times") or 1) > 1:
            where["times"] = values["times"]
        if values.get("value_gte"):
            where["value_gte"] = plain(values["value_gte"])
        if where:
            found["where"] = where
        kept = calls.unless_of(self.stored["entry"])
        unless: list[Mapping[str, Any]] = []
        for n in range(MOST_UNLESS):
            if not values.get(f"unless_{n}"):
                continue
            if not values.get(f"within_{n}"):
                self.add_error(f"within_{n}", _("Say within which time."))
                continue
            hours = values[f"within_{n}"] * (24 if values[f"unit_{n}"] == "days" else 1)
            # Of which product or category it was is kept, though only the text shows it.
            old = kept[n] if n < len(kept) and kept[n]["did"] == values[f"unless_{n}"] else {}
            unless.append({**old, "did": values[f"unless_{n}"], "within_hours": plain(hours)})
        if unless := [*unless, *kept[MOST_UNLESS:]]:
            found["unless"] = unless
        return found

    def _often(self, kind: str) -> dict[str, Any]:
        """How often it looks, which only the text shows."""
        entry = self.stored["entry"]
        return {"every_minutes": entry["every_minutes"]} if kind in entry and "every_minutes" in entry else {}

    def _needed(self, name: str, values: Mapping[str, Any]) -> Any:
        if values.get(name) in (None, ""):
            self.add_error(name, _("This is needed."))
            return 0
        return values[name]

    def _again(self, values: Mapping[str, Any]) -> str:
        if values["again"] != "after_days":
            return str(values["again"])
        return f"after_days:{self._needed('again_days', values)}"

    def _goal(self, values: Mapping[str, Any]) -> dict[str, Any] | None:
        if not values.get("goal"):
            return None
        own = {"sku": values.get("goal_sku"), "category": values.get("goal_category")}
        return {"did": values["goal"], **{name: value for name, value in own.items() if value}}


def _unless_names() -> list[str]:
    return [f"{name}_{n}" for n in range(MOST_UNLESS) for name in ("unless", "within", "unit")]


def _read(stored: Mapping[str, Any]) -> dict[str, Any]:
    entry, goal = stored["entry"], stored.get("goal") or {}
    reentry = stored["reentry"].partition(":")
    return {
        "kind": calls.kind_of(entry).name,
        "event": entry.get("event", "added"),
        **entry.get("where", {}),
        "consented": entry.get("consented", "marketing_email"),
        "segment": entry.get("segment", ""),
        "score": entry.get("score", "churn"),
        "gte": plain(round(entry.get("gte", 0.7) * 100, 2)),
        "days_before": entry.get("expected_order", {}).get("days_before", 3),
        "percent": entry.get("price_drop", {}).get("percent", 10),
        "again": reentry[0],
        "again_days": reentry[2] or 30,
        "goal": goal.get("did", ""),
        "goal_sku": goal.get("sku", ""),
        "goal_category": goal.get("category", ""),
    }


def _unless(entry: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for n, act in enumerate(calls.unless_of(entry)[:MOST_UNLESS]):
        hours = act["within_hours"]
        whole = hours >= 48 and hours % 24 == 0
        found |= {
            f"unless_{n}": act["did"],
            f"within_{n}": plain(hours / 24 if whole else hours),
            f"unit_{n}": "days" if whole else "hours",
        }
    return found
