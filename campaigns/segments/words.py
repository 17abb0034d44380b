"""A rule in words: as a sentence, and line by line."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from campaigns.models import Outcome
from campaigns.segments.names import DEEPEST, Names
from customers.models import Event

SHOWN = 5
"""So many values of a list are named; the others are counted."""
COLUMNS: Mapping[str, str | Promise] = {
    "id": gettext_lazy("shop's own id"),
    "country": gettext_lazy("country"),
    "locale": gettext_lazy("language"),
    "time_zone": gettext_lazy("time zone"),
}
SCORES: Mapping[str, str | Promise] = {
    "purchase": gettext_lazy("probability of an order soon"),
    "churn": gettext_lazy("probability of no order for long"),
    "lifetime_value": gettext_lazy("expected money in a year"),
}
GROUPS: Mapping[tuple[str, bool], str | Promise] = {
    ("all", False): gettext_lazy("all of these"),
    ("any", False): gettext_lazy("any of these"),
    ("all", True): gettext_lazy("not all of these"),
    ("any", True): gettext_lazy("none of these"),
}


@dataclass(frozen=True)
class Line:
    """One condition, or the head of a group of them. `path` is where it stands, as errors name it."""

    path: str
    depth: int
    words: str
    is_group: bool = False


def in_words(rule: Any, names: Names | None = None) -> str:
    """The rule as one sentence. Never raises: what cannot be read is quoted. Queries only for `names` not given."""
    return _sentence(rule, names or Names.of(rule), 0)


def lines(rule: Any, names: Names | None = None) -> list[Line]:
    """The rule line by line, what stands in a group one deeper than its head."""
    found: list[Line] = []
    _write(rule, names or Names.of(rule), "$", 0, found)
    return found


def group_of(rule: Any) -> tuple[str, list[Any]] | None:
    """("all" or "any", its parts) of a rule that is a group, else None."""
    if isinstance(rule, dict):
        for name in ("all", "any"):
            if isinstance(parts := rule.get(name), list):
                return name, parts
    return None


def _write(rule: Any, names: Names, path: str, depth: int, found: list[Line]) -> None:
    is_not = isinstance(rule, dict) and "not" in rule and group_of(rule["not"]) is not None
    inner, place = (rule["not"], f"{path}.not") if is_not else (rule, path)
    group = group_of(inner)
    if group is None or depth > DEEPEST:
        found.append(Line(path, depth, _sentence(rule, names, depth)))
        return
    name, parts = group
    found.append(Line(path, depth, str(GROUPS[name, is_not]), is_group=True))
    for i, part in enumerate(parts):
        _write(part, names, f"{place}.{name}[{i}]", depth + 1, found)


def _sentence(rule: Any, names: Names, depth: int) -> str:
    if depth > DEEPEST:
        return "…"
    if (group := group_of(rule)) is not None:
        name, parts = group
        joint = pgettext("conditions", " and ") if name == "all" else _(" or ")
        told = [
            f"({words})" if len((group_of(part) or ("", []))[1]) > 1 else words
            for part, words in ((part, _sentence(part, names, depth + 1)) for part in parts)
        ]
        return joint.join(told)
    if isinstance(rule, dict) and "not" in rule:
        return _("not (%s)") % _sentence(rule["not"], names, depth + 1)
    kind = next((name for name in LEAVES if name in rule), None) if isinstance(rule, dict) else None
    try:
        if kind is not None:
            return " ".join(LEAVES[kind](rule, names).split())
    except (AttributeError, KeyError, TypeError, ValueError):
        pass  # a rule is put into words while it is being written
    return _("a condition that cannot be read yet: %s") % json.dumps(rule, ensure_ascii=False)[:80]


# --- the conditions ----------------------------------------------------------------------------------------------------


def bounds(value: Mapping[str, Any], show: Callable[[Any], str] = str) -> str:
    """{"gte": 2, "lt": 5} in words."""
    if set(value) == {"gte", "lte"}:
        return _("from %(low)s to %(high)s") % {"low": show(value["gte"]), "high": show(value["lte"])}
    told = {
        "gte": _("at least %s"),
        "lte": _("at most %s"),
        "gt": _("more than %s"),
        "lt": _("less than %s"),
        "eq": _("exactly %s"),
    }
    if not value:
        raise ValueError("no bounds")
    return pgettext("conditions", " and ").join(told[name] % show(bound) for name, bound in value.items())


def _times(value: Mapping[str, Any]) -> str:
    return ngettext("%s time", "%s times", _last(value)) % bounds(value)


def _last(value: Mapping[str, Any]) -> int:
    """The number that stands last in the words of the bounds."""
    return int([*value.values()][-1]) if value else 0


def _percent(value: Any) -> str:
    return f"{100 * float(value):g} %"


def _attribute(rule: Mapping[str, Any], names: Names) -> str:
    ((operator, value),) = ((key, value) for key, value in rule.items() if key != "attribute")
    name = str(COLUMNS.get(rule["attribute"], rule["attribute"]))
    if operator == "exists":
        return (_("%s is known") if value else _("%s is not known")) % name
    told = {
        "is": _("%(name)s is %(value)s"),
        "in": _("%(name)s is one of %(value)s"),
        "contains": _("%(name)s contains “%(value)s”"),
        "gt": _("%(name)s is more than %(value)s"),
        "gte": _("%(name)s is at least %(value)s"),
        "lt": _("%(name)s is less than %(value)s"),
        "lte": _("%(name)s is at most %(value)s"),
    }
    if isinstance(value, list):
        more = len(value) - SHOWN
        value = ", ".join(_value(one) for one in value[:SHOWN]) + (
            _(" and %s more") % more if more > 0 else ""
        )
    return told[operator] % {"name": name, "value": _value(value)}


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return str(value)


def _within(rule: Mapping[str, Any]) -> str:
    if "within_days" not in rule:
        return ""
    days = int(rule["within_days"])
    return ngettext("in the last %s day", "in the last %s days", days) % days


def _did(rule: Mapping[str, Any], names: Names) -> str:
    what = ""
    if "sku" in rule:
        what += " " + _("“%s”") % names.products.get(rule["sku"], rule["sku"])
    if "category" in rule:
        what += " " + pgettext("category", "in %s") % names.categories.get(rule["category"], rule["category"])
    return _("%(deed)s %(what)s %(times)s %(money)s %(within)s") % {
        "deed": Event.Type(rule["did"]).label,
        "what": what,
        "times": _times(rule["times"]) if "times" in rule else "",
        "money": _("for %s in all") % bounds(rule["value_sum"]) if "value_sum" in rule else "",
        "within": _within(rule),
    }


def _recency(rule: Mapping[str, Any], names: Names) -> str:
    days = rule["recency_days"]
    told = ngettext("ordered last %s day ago", "ordered last %s days ago", _last(days)) % bounds(days)
    return f"{told} {_within(rule)}"


def _frequency(rule: Mapping[str, Any], names: Names) -> str:
    return _("has ordered %(times)s %(within)s") % {
        "times": _times(rule["frequency"]),
        "within": _within(rule) or _("so far"),
    }


def _monetary(rule: Mapping[str, Any], names: Names) -> str:
    return _("has spent %(money)s, less refunds, %(within)s") % {
        "money": bounds(rule["monetary"]),
        "within": _within(rule) or _("so far"),
    }


def _interest(rule: Mapping[str, Any], names: Names) -> str:
    return _("is interested in %(category)s: probability at least %(percent)s") % {
        "category": names.categories.get(rule["interest"], rule["interest"]),
        "percent": _percent(rule.get("gte", 0.5)),
    }


def _score(rule: Mapping[str, Any], names: Names) -> str:
    told = {key: value for key, value in rule.items() if key != "score"}
    show = str if rule["score"] == "lifetime_value" else _percent
    return _("%(score)s: %(bounds)s") % {"score": SCORES[rule["score"]], "bounds": bounds(told, show)}


def _affinity(rule: Mapping[str, Any], names: Names) -> str:
    ((kind, slug),) = rule["affinity"].items()
    known = names.products if kind == "sku" else names.categories
    return _("is one of the %(top)s whom %(what)s suits most") % {
        "top": f"{int(rule.get('top', 1000)):,}",
        "what": _("“%s”") % known.get(slug, slug),
    }


def _cluster(rule: Mapping[str, Any], names: Names) -> str:
    number = rule["cluster"]
    return _("acts like group %(number)s: %(marks)s") % {
        "number": number,
        "marks": names.clusters.get(number, _("no such group is known")),
    }


def _segment(rule: Mapping[str, Any], names: Names) -> str:
    name: str = names.segments.get(rule["segment"], rule["segment"])
    return _("is in the segment “%s”") % name


def _random(rule: Mapping[str, Any], names: Names) -> str:
    drawn = rule["random"]
    return _("is one of %(percent)s %% drawn by chance (draw “%(salt)s”)") % {
        "percent": f"{float(drawn['percent']):g}",
        "salt": drawn["salt"],
    }


def _received(rule: Mapping[str, Any], names: Names) -> str:
    campaign: str = names.campaigns.get(rule["received"], rule["received"])
    if "outcome" not in rule:
        return _("was sent “%s”") % campaign
    told = {"campaign": campaign, "outcome": Outcome.Kind(rule["outcome"]).label}
    return _("was sent “%(campaign)s” and then: %(outcome)s") % told


def _uplift(rule: Mapping[str, Any], names: Names) -> str:
    told = {key: value for key, value in rule.items() if key != "uplift"}
    campaign = names.campaigns.get(rule["uplift"], rule["uplift"])
    return _("“%(campaign)s” changes what they spend by %(bounds)s") % {
        "campaign": campaign,
        "bounds": bounds(told),
    }


LEAVES: Mapping[str, Callable[[Mapping[str, Any], Names], str]] = {
    "attribute": _attribute,
    "did": _did,
    "recency_days": _recency,
    "frequency": _frequency,
    "monetary": _monetary,
    "interest": _interest,
    "cluster": _cluster,
    "score": _score,
    "segment": _segment,
    "random": _random,
    "received": _received,
    "affinity": _affinity,
    "uplift": _uplift,
}
