"""A journey's parts as sentences that a marketer would say: what calls, what each step does."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.dates import WEEKDAYS
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from campaigns.admin.words import PURPOSES
from campaigns.journeys.calls import unless_of
from campaigns.journeys.definition import Definition
from campaigns.models import Message, Segment
from catalog.models import Category

Words = str | Promise
# What someone does, and what they do: without and with what.
SOMEONE: Mapping[str, tuple[Words, Words]] = {
    "viewed": (gettext_lazy("looks at a product"), gettext_lazy("looks at %s")),
    "searched": (gettext_lazy("searches the shop"), gettext_lazy("searches for %s")),
    "added": (gettext_lazy("puts something into the basket"), gettext_lazy("puts %s into the basket")),
    "removed": (
        gettext_lazy("takes something out of the basket"),
        gettext_lazy("takes %s out of the basket"),
    ),
    "wished": (gettext_lazy("puts something on the wish list"), gettext_lazy("puts %s on the wish list")),
    "ordered": (pgettext_lazy("someone", "orders"), gettext_lazy("orders %s")),
    "refunded": (gettext_lazy("sends something back"), gettext_lazy("sends %s back")),
    "rated": (gettext_lazy("rates a product"), gettext_lazy("rates %s")),
    "opened": (gettext_lazy("opens a message"), gettext_lazy("opens a message about %s")),
    "clicked": (gettext_lazy("clicks in a message"), gettext_lazy("clicks on %s in a message")),
}
THEY: Mapping[str, tuple[Words, Words]] = {
    "viewed": (gettext_lazy("look at a product"), gettext_lazy("look at %s")),
    "searched": (gettext_lazy("search the shop"), gettext_lazy("search for %s")),
    "added": (gettext_lazy("put something into the basket"), gettext_lazy("put %s into the basket")),
    "removed": (gettext_lazy("take something out of the basket"), gettext_lazy("take %s out of the basket")),
    "wished": (gettext_lazy("put something on the wish list"), gettext_lazy("put %s on the wish list")),
    "ordered": (pgettext_lazy("they", "order"), gettext_lazy("order %s")),
    "refunded": (gettext_lazy("send something back"), gettext_lazy("send %s back")),
    "rated": (gettext_lazy("rate a product"), gettext_lazy("rate %s")),
    "opened": (gettext_lazy("open a message"), gettext_lazy("open a message about %s")),
    "clicked": (gettext_lazy("click in a message"), gettext_lazy("click on %s in a message")),
}
SCORES: Mapping[str, Words] = {
    "churn": gettext_lazy("staying away"),
    "purchase": gettext_lazy("ordering soon"),
}
IF_NOT_SENT: Mapping[str, Words] = {
    "go_on": gettext_lazy("If it may not go now, they go on without it."),
    "exit": gettext_lazy("If it may not go now, they leave the journey."),
}


@dataclass(frozen=True)
class Names:
    """How what a journey speaks of is called by people."""

    messages: Mapping[str, str] = field(default_factory=dict)
    segments: Mapping[str, str] = field(default_factory=dict)
    categories: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, *stored: Mapping[str, Any]) -> "Names":
        """Three queries at most."""
        messages: set[str] = set()
        segments: set[str] = set()
        categories: set[str] = set()
        for one in _dicts(stored):
            for name, found in (("message", messages), ("segment", segments), ("category", categories)):
                if isinstance(value := one.get(name), str):
                    found.add(value)
        return cls(
            dict(Message.objects.filter(slug__in=messages).values_list("slug", "name")) if messages else {},
            dict(Segment.objects.filter(slug__in=segments).values_list("slug", "name")) if segments else {},
            dict(Category.objects.filter(slug__in=categories).values_list("slug", "name"))
            if categories
            else {},
        )


def _dicts(value: Any) -> Iterable[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        yield value
    inner: Iterable[Any] = value.values() if isinstance(value, Mapping) else value
    for one in inner:
        if isinstance(one, Mapping | list | tuple):
            yield from _dicts(one)


def quoted(words: str) -> str:
    return _("“%s”") % words


def either(words: Sequence[str]) -> str:
    """One, two or three."""
    if len(words) < 2:
        return "".join(words)
    return _("%(first)s or %(last)s") % {"first": _(", ").join(words[:-1]), "last": words[-1]}


def lasting(hours: float) -> str:
    """So many hours as one says it: 168 are 7 days, half an hour is 30 minutes."""
    if hours < 1:
        n = round(hours * 60)
        return ngettext("%s minute", "%s minutes", n) % n
    if hours >= 48 and hours % 24 == 0:
        return days(hours / 24)
    return ngettext("%s hour", "%s hours", _whole(hours)) % f"{hours:g}"


def days(n: float) -> str:
    return ngettext("%s day", "%s days", _whole(n)) % f"{n:g}"


def _whole(n: float) -> int:
    return 1 if n == 1 else 2


# --- acts ----------------------------------------------------------------------------------------------------------


def _what(one: Mapping[str, Any], names: Names) -> str:
    if "sku" in one:
        return quoted(one["sku"])
    if "category" in one:
        slug = one["category"]
        return _("something of %s") % quoted(names.categories.get(slug, slug))
    return ""


def _act(one: Mapping[str, Any], names: Names, words: Mapping[str, tuple[Words, Words]]) -> str:
    plain, of = words[one["did"]]
    what = _what(one, names)
    return str(of) % what if what else str(plain)


def they(one: Mapping[str, Any], names: Names) -> str:
    """What they do: order “rose”."""
    return _act(one, names, THEY)


def goal(definition: Definition, names: Names) -> str:
    if definition.goal is None:
        return _("It has no goal: everyone goes on to the end.")
    return _("As soon as they %s, they leave: that is what it is for.") % they(definition.goal, names)


def goal_short(definition: Definition, names: Names) -> str:
    """The goal where it is drawn."""
    return _("They %s, and leave from any step") % they(definition.goal, names) if definition.goal else ""


# --- what calls ----------------------------------------------------------------------------------------------------


def calls(definition: Definition, names: Names) -> list[str]:
    """What calls people in, and what keeps it from calling."""
    entry = definition.entry
    match definition.calls.name:
        case "event":
            return _called_by_event(entry, names)
        case "consented":
            purpose = _(PURPOSES.get(entry["consented"], entry["consented"]))
            return [_("Begins when someone newly allows: %s.") % purpose]
        case "segment":
            slug = entry["segment"]
            return [
                _("Begins when someone comes into the segment %s.") % quoted(names.segments.get(slug, slug))
            ]
        case "score":
            told = {"score": SCORES[entry["score"]], "gte": f"{entry['gte'] * 100:g}"}
            return [_("Begins when the chance of %(score)s is told as %(gte)s %% or more.") % told]
        case "expected_order":
            ahead = days(entry["expected_order"]["days_before"])
            return [_("Begins %s before someone's next order is expected.") % ahead]
        case "price_drop":
            percent = f"{entry['price_drop']['percent']:g}"
            return [_("Begins when a product they wanted becomes cheaper by %s %% or more.") % percent]
    return [_("Begins when a product they wanted can be had again.")]


def _called_by_event(entry: Mapping[str, Any], names: Names) -> list[str]:
    where = entry.get("where", {})
    does = _act({**where, "did": entry["event"]}, names, SOMEONE)
    if times := where.get("times"):
        does = ngettext(
            "%(does)s at least %(times)s time within a week",
            "%(does)s at least %(times)s times within a week",
            times,
        ) % {"does": does, "times": times}
    if "value_gte" in where:
        does = _("%(does)s, worth %(value)s or more") % {"does": does, "value": f"{where['value_gte']:g}"}
    found = [_("Begins when someone %s.") % does]
    by_hours: dict[float, list[str]] = {}
    for act in unless_of(entry):
        if act["did"] == entry["event"]:
            found.append(
                _("Counts from the last time: whoever does it again within %s begins anew.")
                % lasting(act["within_hours"])
            )
        else:
            by_hours.setdefault(act["within_hours"], []).append(they(act, names))
    for hours, acts in by_hours.items():
        told = {"do": either(acts), "time": lasting(hours)}
        found.append(_("Not if they %(do)s within %(time)s.") % told)
    return found


def again(definition: Definition) -> str:
    after = definition.again_after
    if after is None:
        return _("Nobody comes in twice.")
    if after:
        return _("Nobody comes in again before %s are over.") % days(after.days)
    return _("Whoever has left may come in again at once.")


# --- steps ---------------------------------------------------------------------------------------------------------


def step(one: Mapping[str, Any], names: Names) -> str:
    """What a step does, in a sentence."""
    match one["kind"]:
        case "message":
            return _("Send %s") % quoted(names.messages.get(one["message"], one["message"]))
        case "wait":
            return _wait(one)
        case "wait_for":
            told = {"do": they(one["event"], names), "time": lasting(one["within_hours"])}
            return _("Wait until they %(do)s, at most %(time)s") % told
        case "split" if "percent" in one:
            return _("Split by chance: %s") % " / ".join(f"{share:g} %" for share in one["percent"].values())
        case "split":
            return _question(one["rule"], names)
    return _("They leave here")


def note(one: Mapping[str, Any]) -> str:
    """What is to be known beside: of a message what becomes of whom it may not go to."""
    if one["kind"] != "message":
        return ""
    if one["if_not_sent"] == "wait":
        return _("If it may not go now, it is tried again for %s.") % lasting(one.get("wait_hours", 48))
    return str(IF_NOT_SENT[one["if_not_sent"]])


def _wait(one: Mapping[str, Any]) -> str:
    if "until_expected_order" in one:
        ahead = days(one["until_expected_order"]["days_before"])
        return _("Wait until %s before the order that is expected") % ahead
    parts = [days(one["days"])] if "days" in one else []
    parts += [lasting(one["hours"])] if "hours" in one else []
    long = _(" and ").join(parts)
    if "until" not in one:
        return _("Wait %s") % long
    hour: str = one["until"]
    if "weekdays" in one:
        on = either([str(WEEKDAYS[day]) for day in one["weekdays"]])
        hour = _("%(hour)s on %(days)s") % {"hour": hour, "days": on}
    if long:
        return _("Wait %(long)s, then until %(hour)s where they are") % {"long": long, "hour": hour}
    return _("Wait until %s where they are") % hour


def _question(rule: Any, names: Names) -> str:
    if isinstance(rule, dict) and set(rule) == {"segment"} and isinstance(rule["segment"], str):
        return _("Are they in the segment %s?") % quoted(names.segments.get(rule["segment"], rule["segment"]))
    if is_did(rule):
        told = they(rule, names)
        if "times" in rule:
            times = rule["times"]["gte"]
            told = ngettext(
                "%(does)s at least %(times)s time", "%(does)s at least %(times)s times", times
            ) % {"does": told, "times": times}
        if "within_days" in rule:
            told = _("%(does)s in the last %(time)s") % {"does": told, "time": days(rule["within_days"])}
        return _("Did they %s?") % told
    return _("Does a rule of its own match them?")


def is_did(rule: Any) -> bool:
    """Whether a rule asks for nothing but something that was done."""
    if not isinstance(rule, dict) or set(rule) - {"did", "times", "within_days", "sku", "category"}:
        return False
    times = rule.get("times", {"gte": 1})
    return rule.get("did") in THEY and isinstance(times, dict) and set(times) == {"gte"}


def answer(one: Mapping[str, Any], outcome: str) -> str:
    """By which answer people go that way; empty where there is only one."""
    if outcome.startswith("to "):
        return f"{one['percent'][outcome[3:]]:g} %"
    answers = {"happened": _("they did"), "timed_out": _("they did not"), "yes": _("yes"), "no": _("no")}
    return answers.get(outcome, "")
