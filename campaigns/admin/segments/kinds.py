"""What the builder of rules offers: each kind of condition with its fields, and every word that it says.

The browser knows how a field of each sort is filled in; which fields a condition has is said here.
"""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from campaigns.models import Outcome
from campaigns.segments.words import GROUPS, SCORES
from customers.models import Event

Spec = dict[str, Any]


def words() -> dict[str, str]:
    return {
        "add": _("Add a condition"),
        "add_group": _("Add a group"),
        "remove": _("Remove"),
        "duplicate": _("Duplicate"),
        "up": _("Move up"),
        "down": _("Move down"),
        "into": _("Into a group"),
        "out": _("Out of the group"),
        "holds": pgettext("rule", "if"),
        "not": pgettext("rule", "if not"),
        "whether": _("Whether it has to hold"),
        "kind": _("Kind of condition"),
        "how": _("How the conditions of this group are joined"),
        "people": _("People who meet"),
        "and": pgettext("rule", "and"),
        "or": pgettext("rule", "or"),
        "to": pgettext("rule", "to"),
        "any_value": pgettext("rule", "any"),
        "raw": _("Written as text"),
        "raw_about": _("This condition is more than the fields here can show. It holds as it is written."),
        "unfinished": _("Fill in what is marked; then it is counted."),
        "not_json": _("This is not JSON yet: the sentences above stay as they were."),
        "counting": _("Counting …"),
        "failed": _("This could not be counted just now. What you wrote is kept; change it or save."),
        "removed": _("Removed."),
        "undo": _("Undo"),
        "begin": _("Begin with a condition: who do you look for?"),
    }


def groups() -> list[list[Any]]:
    return [[name, is_not, str(words)] for (name, is_not), words in GROUPS.items()]


def bounds() -> list[list[Any]]:
    """[comparisons, words]: of two, the lower comes first."""
    return [
        [["gte"], _("at least")],
        [["lte"], _("at most")],
        [["gt"], _("more than")],
        [["lt"], _("less than")],
        [["eq"], _("exactly")],
        [["gte", "lte"], _("from … to")],
        [["gt", "lte"], _("more than … up to")],
        [["gte", "lt"], _("from … to less than")],
    ]


def tests() -> list[list[Any]]:
    return [
        ["is", pgettext("rule", "is")],
        ["in", _("is one of (with commas)")],
        ["contains", _("contains")],
        ["gt", _("is more than")],
        ["gte", _("is at least")],
        ["lt", _("is less than")],
        ["lte", _("is at most")],
        ["known", _("is known")],
        ["unknown", _("is not known")],
    ]


def _number(at: str, label: str, **more: Any) -> Spec:
    return {"at": at, "sort": "number", "label": label, **more}


def _bounds(at: str, label: str, **more: Any) -> Spec:
    return {"at": at, "sort": "bounds", "label": label, **more}


def _text(at: str, label: str, suggest: str = "") -> Spec:
    return {"at": at, "sort": "text", "label": label, "suggest": suggest}


def _choice(at: str, label: str, options: list[list[str]], **more: Any) -> Spec:
    return {"at": at, "sort": "choice", "label": label, "options": options, **more}


def _thing(at: str, *, is_optional: bool) -> Spec:
    options = [["", _("anything")]] if is_optional else []
    return {
        "at": at,
        "sort": "thing",
        "label": _("of what"),
        "options": [*options, ["category", _("the category")], ["sku", _("the product")]],
        "suggests": {"category": "category", "sku": "product"},
    }


def _within() -> Spec:
    return _number("within_days", _("in the last … days"), optional=True, start=90, least=0)


def kinds() -> list[Spec]:
    """In the order in which they are offered; `fresh` is what a new one begins with."""
    events = [[value, str(label)] for value, label in Event.Type.choices]
    scores = [[value, str(label)] for value, label in SCORES.items()]
    outcomes = [
        ["", _("whatever came of it")],
        *([value, str(label)] for value, label in Outcome.Kind.choices),
    ]
    did, known, learnt, other = (
        _("What they did"),
        _("What the shop knows of them"),
        _("What was learnt of them"),
        _("Segments, campaigns, chance"),
    )
    return [
        {
            "name": "did", "group": did, "label": _("did something"), "fresh": {"did": "ordered"},
            "fields": [
                _choice("did", _("what they did"), events), _thing("", is_optional=True),
                _bounds("times", _("how often"), optional=True, start={"gte": 2}, least=0), _within(),
                _bounds("value_sum", _("for how much money in all"), optional=True, start={"gte": 100}),
            ],
        },
        {
            "name": "recency_days", "group": did, "label": _("days since the last order"), "fresh": {"recency_days": {"lte": 30}},
            "fields": [_bounds("recency_days", _("days ago"), least=0), _within()],
        },
        {
            "name": "frequency", "group": did, "label": _("number of orders"), "fresh": {"frequency": {"gte": 2}},
            "fields": [_bounds("frequency", _("orders"), least=0), _within()],
        },
        {
            "name": "monetary", "group": did, "label": _("money spent, less refunds"), "fresh": {"monetary": {"gte": 100}},
            "fields": [_bounds("monetary", _("money")), _within()],
        },
        {
            "name": "attribute", "group": known, "label": _("attribute"), "fresh": {"attribute": "country", "is": ""},
            "fields": [_text("attribute", _("attribute"), "attribute"), {"at": "", "sort": "test", "label": _("value")}],
        },
        {
            "name": "interest", "group": learnt, "label": _("interest"), "fresh": {"interest": "", "gte": 0.5},
            "fields": [
                _text("interest", _("category"), "category"),
                _number("gte", _("probability at least, in percent"), scale=100, least=0, most=100),
            ],
        },
        {
            "name": "score", "group": learnt, "label": _("score"), "fresh": {"score": "purchase", "gte": 0.5},
            "fields": [_choice("score", _("score"), scores), _bounds("", _("from 0 to 1, or money"))],
        },
        {
            "name": "affinity", "group": learnt, "label": _("whom something suits most"), "fresh": {"affinity": {"category": ""}, "top": 1000},
            "fields": [_thing("affinity", is_optional=False), _number("top", _("how many people"), least=1)],
        },
        {
            "name": "cluster", "group": learnt, "label": _("group that acts alike"), "fresh": {"cluster": 0},
            "fields": [_number("cluster", _("number of the group"), least=0, suggest="cluster")],
        },
        {
            "name": "uplift", "group": learnt, "label": _("whom a campaign changes"), "fresh": {"uplift": "", "gt": 0},
            "fields": [_text("uplift", _("campaign"), "campaign"), _bounds("", _("money a person spends more"))],
        },
        {
            "name": "segment", "group": other, "label": _("another segment"), "fresh": {"segment": ""},
            "fields": [_text("segment", _("segment"), "segment")],
        },
        {
            "name": "received", "group": other, "label": _("was sent a campaign"), "fresh": {"received": ""},
            "fields": [_text("received", _("campaign"), "campaign"), _choice("outcome", _("and then"), outcomes, optional=True, start="clicked")],
        },
        {
            "name": "random", "group": other, "label": _("drawn by chance"), "fresh": {"random": {"salt": "a", "percent": 10}},
            "fields": [
                _number("random.percent", _("percent"), least=0, most=100),
                _text("random.salt", _("draw: another word draws others")),
            ],
        },
    ]  # fmt: skip


def builder() -> dict[str, Any]:
    return {"kinds": kinds(), "words": words(), "groups": groups(), "bounds": bounds(), "tests": tests()}
