"""The refusal of a rule that asks for a sensitive attribute without an approved reason (C15)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property

from django.db.models import DateTimeField, TextField
from django.db.models.functions import Cast
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from campaigns.models import Segment
from campaigns.segments.reading import InvalidRule, Reading
from catalog.questions import Question, Rows
from customers import sensitive
from customers.models import SensitiveAttribute, SensitiveUse
from recommender import serving

_ATTRIBUTES = Question(lambda: SensitiveAttribute.objects.values_list("name", flat=True))
_USES = Question(
    lambda at: SensitiveUse.objects.filter(sensitive.holds(at)).values_list("attribute__name", "where"),
    at=DateTimeField(),
)
# As text: most of them are not looked into.
_RULES = Question(lambda: Segment.objects.values_list("slug", Cast("rule", TextField())))
IN_A_SEGMENT = _(
    "“%(attribute)s” is a sensitive attribute. Write the condition into a segment of its own and ask for its use there."
)
HOW_TO_ASK = _(
    "“%(attribute)s” is a sensitive attribute, and no approval for “%(place)s” is in force. Ask for one, with its "
    "reason, under Privacy, “Uses of sensitive attributes”; somebody else approves it."
)


class Declared:
    """What rules rest on beside people, for many rules of one moment: what is sensitive and where its use is approved, the
    segments that a rule may name, and what is learnt. Asked when it is looked at, or together with other questions.

    learnt : what is asked for lists of nobody in particular, where that is asked as well.
    """

    def __init__(self, *, at: datetime, learnt: serving.Asked | None = None) -> None:
        self.attributes = _ATTRIBUTES()
        self.uses = _USES(at=at)
        self.rules = _RULES()
        self.learnt = learnt

    @property
    def questions(self) -> Sequence[Rows]:
        return (self.attributes, self.uses, self.rules)

    @cached_property
    def rule_of(self) -> Mapping[str, str]:
        """The rule of each segment, as JSON, by slug."""
        return dict(self.rules)


class Withheld(InvalidRule):
    """The rule asks for a sensitive attribute that may not be used there. The message says how to ask."""

    def __init__(self, path: str, message: str | Promise, attribute: str, **told: object) -> None:
        super().__init__(path, message, attribute=attribute, **told)
        self.attribute = attribute


def refuse(reading: Reading, declared: Declared | None = None) -> None:
    """Raise Withheld unless every sensitive attribute is approved in each place on the way to it.

    A segment inside an offer's rule needs both approvals, so that no offer takes over another's reason. A rule that is
    nobody's names none: it asks for a segment. No query where no attribute is named but the shop's own id, one where
    none of them is declared sensitive, else two; none with what is `declared`.
    """
    named = [asked for asked in reading.asked if asked.attribute not in ("", "id")]
    names = {asked.attribute for asked in named}
    if declared is not None:
        found = names & set(declared.attributes)
    else:
        found = sensitive.declared(names) if names else set()
    if not found:
        return
    allowed = sensitive.allowed(found, at=reading.at) if declared is None else set(declared.uses)
    for asked in named:
        if asked.attribute not in found:
            continue
        if not asked.places:
            raise Withheld(asked.path, IN_A_SEGMENT, asked.attribute)
        for place in asked.places:
            if (asked.attribute, place) not in allowed:
                raise Withheld(asked.path, HOW_TO_ASK, asked.attribute, place=place)
