"""The refusal of a rule that asks for a sensitive attribute without an approved reason (C15)."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import DateTimeField
from django.utils.translation import gettext as _

from campaigns.segments.reading import InvalidRule, Reading
from catalog.questions import Question, Rows
from customers import sensitive
from customers.models import SensitiveAttribute, SensitiveUse

_ATTRIBUTES = Question(lambda: SensitiveAttribute.objects.values_list("name", flat=True))
_USES = Question(
    lambda at: SensitiveUse.objects.filter(sensitive.holds(at)).values_list("attribute__name", "where"),
    at=DateTimeField(),
)


class Declared:
    """What is sensitive and where its use is approved, for many rules of one moment: asked once, or with other questions."""

    def __init__(self, *, at: datetime) -> None:
        self.attributes = _ATTRIBUTES()
        self.uses = _USES(at=at)

    @property
    def questions(self) -> Sequence[Rows]:
        return (self.attributes, self.uses)


class Withheld(InvalidRule):
    """The rule asks for a sensitive attribute that may not be used there. The message says how to ask."""

    def __init__(self, path: str, message: str, attribute: str) -> None:
        super().__init__(path, message)
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
            raise Withheld(asked.path, _in_a_segment(asked.attribute), asked.attribute)
        for place in asked.places:
            if (asked.attribute, place) not in allowed:
                raise Withheld(asked.path, _how_to_ask(asked.attribute, place), asked.attribute)


def _in_a_segment(attribute: str) -> str:
    return _(
        "“%s” is a sensitive attribute. Write the condition into a segment of its own and ask for its use there."
    ) % (attribute)


def _how_to_ask(attribute: str, place: str) -> str:
    return _(
        "“%(attribute)s” is a sensitive attribute, and no approval for “%(place)s” is in force. Ask for one, with its "
        "reason, under Privacy, “Uses of sensitive attributes”; somebody else approves it."
    ) % {"attribute": attribute, "place": place}
