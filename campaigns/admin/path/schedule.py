"""The form of when: once, again and again by a rule that nobody has to write, or as long as people come."""

import re
from typing import Any

from django import forms
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _

from campaigns import schedule
from campaigns.admin.path.forms import StepForm, is_past
from campaigns.models import Campaign

FREQUENCIES = [("DAILY", _("Every day")), ("WEEKLY", _("Every week")), ("MONTHLY", _("Every month"))]
DAYS = list(zip(schedule.WEEKDAY_NAMES, WEEKDAYS.values(), strict=True))
_PLAIN = {
    "DAILY": {"FREQ", "BYHOUR", "BYMINUTE"},
    "WEEKLY": {"FREQ", "BYDAY", "BYHOUR", "BYMINUTE"},
    "MONTHLY": {"FREQ", "BYMONTHDAY", "BYHOUR", "BYMINUTE"},
}


def moment(label: Any, **kwargs: Any) -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    return forms.DateTimeField(label=label, required=False, widget=widget, **kwargs)


class ScheduleForm(StepForm):
    when = forms.ChoiceField(
        label=_("When does it begin?"),
        choices=[("launch", _("As soon as it is launched")), ("at", _("At a day and hour"))],
        widget=forms.RadioSelect,
    )
    starts_at = moment(_("Day and hour"))
    frequency = forms.ChoiceField(label=_("How often?"), choices=FREQUENCIES)
    weekdays = forms.MultipleChoiceField(
        label=_("On these days of the week"),
        choices=DAYS,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    day = forms.IntegerField(
        label=_("On this day of the month"),
        min_value=1,
        max_value=28,
        required=False,
        help_text=_("From 1 to 28, so that every month has it."),
    )
    hour = forms.TimeField(
        label=_("At"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"), initial="10:00"
    )
    send_time = forms.ChoiceField(
        label=_("Hour of sending"),
        choices=Campaign.SendTime.choices,
        widget=forms.RadioSelect,
    )
    ends_at = moment(_("Ends"), help_text=_("Empty: it goes on until somebody ends it."))

    def prepare(self) -> None:
        campaign = self.campaign
        self.initial.update(
            {
                "when": "at" if campaign.starts_at else "launch",
                "starts_at": campaign.starts_at,
                "ends_at": campaign.ends_at,
                "send_time": campaign.send_time,
            }
        )
        self.is_rare = campaign.kind == Campaign.Kind.RECURRING and not self._read_rule()
        is_shown = campaign.channel == Campaign.Channel.ONSITE
        if campaign.kind != Campaign.Kind.RECURRING or self.is_rare:
            self._without("frequency", "weekdays", "day", "hour")
        if campaign.kind == Campaign.Kind.JOURNEY or is_shown:
            self._without("send_time")
        if campaign.kind == Campaign.Kind.JOURNEY:
            self._without("when", "starts_at")
        if campaign.kind == Campaign.Kind.ONCE and not is_shown:
            self._without("ends_at")
        if "send_time" in self.fields:
            names = dict(Campaign.SendTime.choices)
            self.fields["send_time"].choices = [  # type: ignore[attr-defined]
                (value, f"{label[:1].upper()}{label[1:]}") for value, label in names.items()
            ]

    def _without(self, *names: str) -> None:
        for name in names:
            del self.fields[name]

    def _read_rule(self) -> bool:
        """Fill in what the rule says; False where it is one of the rarer kinds."""
        written = self.campaign.recurrence
        parts = dict(part.split("=", 1) for part in written.upper().split(";") if "=" in part)
        plain = _PLAIN.get(parts.get("FREQ", "WEEKLY"))
        numbers = [parts.get(name, "0") for name in ("BYHOUR", "BYMINUTE")]
        day = parts.get("BYMONTHDAY", "1")
        if plain is None or not parts.keys() <= plain or not all(n.isdecimal() for n in [*numbers, day]):
            return False
        days = parts.get("BYDAY", "TU" if not written else "").split(",")
        if not set(days) <= {"", *schedule.WEEKDAY_NAMES} or not 1 <= int(day) <= 28:
            return False
        self.initial.update({"frequency": parts.get("FREQ", "WEEKLY"), "weekdays": days, "day": int(day)})
        if "BYHOUR" in parts:
            self.initial["hour"] = f"{int(numbers[0]):02}:{int(numbers[1]):02}"
        return True

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        starts, ends = found.get("starts_at"), found.get("ends_at")
        if found.get("when") == "launch":
            found["starts_at"] = starts = None
        elif found.get("when") == "at" and "starts_at" not in self.errors:
            if starts is None:
                self.add_error("starts_at", _("Say on which day and at what hour."))
            elif starts != self.campaign.starts_at and is_past(starts):
                self.add_error("starts_at", _("That has passed: choose a later moment."))
        if ends is not None and ends != self.campaign.ends_at and is_past(ends):
            self.add_error("ends_at", _("That has passed: choose a later moment."))
        elif ends is not None and starts is not None and ends <= starts:
            self.add_error("ends_at", _("It ends before it begins: choose a later moment."))
        if found.get("frequency") == "WEEKLY" and not found.get("weekdays"):
            self.add_error("weekdays", _("Choose at least one day."))
        if found.get("frequency") == "MONTHLY" and not found.get("day") and "day" not in self.errors:
            self.add_error("day", _("Say on which day of the month."))
        return found

    def rule(self) -> str:
        """What was chosen, as a rule of RFC 5545."""
        found = self.cleaned_data
        parts = [f"FREQ={found['frequency']}"]
        if found["frequency"] == "WEEKLY":
            parts.append(f"BYDAY={','.join(found['weekdays'])}")
        if found["frequency"] == "MONTHLY":
            parts.append(f"BYMONTHDAY={found['day']}")
        return ";".join([*parts, f"BYHOUR={found['hour'].hour}", f"BYMINUTE={found['hour'].minute}"])

    def save(self) -> list[str]:
        campaign, found = self.campaign, self.cleaned_data
        names: tuple[str, ...] = ("starts_at", "ends_at", "send_time")
        wanted = {name: found[name] for name in names if name in self.fields}
        if "frequency" in self.fields and not _says_the_same(campaign.recurrence, self.rule()):
            wanted["recurrence"] = self.rule()
        changed = [name for name, value in wanted.items() if getattr(campaign, name) != value]
        for name in changed:
            setattr(campaign, name, wanted[name])
        if changed:
            campaign.save(update_fields=[*changed, "updated_at"])
        return changed


def _says_the_same(one: str, other: str) -> bool:
    return sorted(re.split(r"[;,]", one.upper())) == sorted(re.split(r"[;,]", other.upper()))
