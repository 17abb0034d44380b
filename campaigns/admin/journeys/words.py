"""What a journey's parts and numbers say, in words for people.

All its numbers hang together: who came by one step stands at another. So each is told in tens, to everybody (N1).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from campaigns.admin.journeys import sentences
from campaigns.admin.journeys.sentences import Names, Words
from campaigns.journeys import Problem, counting, picture
from campaigns.journeys.definition import Definition
from campaigns.models import Decision, JourneyEntry
from customers import few

KINDS: Mapping[str, Words] = {
    "message": gettext_lazy("Message"),
    "wait": gettext_lazy("Wait"),
    "wait_for": gettext_lazy("Wait for"),
    "split": gettext_lazy("Question"),
    "chance": gettext_lazy("Split"),
    "exit": gettext_lazy("Exit"),
    "entry": gettext_lazy("What calls"),
    "end": gettext_lazy("The end"),
    "goal": gettext_lazy("Goal"),
}
ICONS = {
    "message": "mail",
    "wait": "hourglass_empty",
    "wait_for": "notifications_active",
    "split": "help",
    "chance": "call_split",
    "exit": "logout",
    "entry": "play_circle",
    "end": "flag",
    "goal": "emoji_events",
}
OUTCOMES = {
    "planned": gettext_noop("planned"),
    "waited": gettext_noop("waited"),
    "nothing_to_wait_for": gettext_noop("nothing to wait for"),
    "happened": gettext_noop("it happened"),
    "timed_out": gettext_noop("it did not happen"),
    "yes": gettext_noop("yes"),
    "no": gettext_noop("no"),
    "capped": gettext_noop("too many messages"),
    "quiet_hours": gettext_noop("quiet hours"),
    "no_offer": gettext_noop("no offer fits"),
    "no_consent": gettext_noop("no consent"),
    "suppressed": gettext_noop("on the suppression list"),
    "no_address": gettext_noop("no address"),
    "their_choice": gettext_noop("paused, or left the topic"),
    "holdout": gettext_noop("in the global holdout"),
    "held_out": gettext_noop("held out"),
}


def outcome(name: str) -> str:
    """How a visit ended."""
    if name.startswith("to "):
        return f"→ {name[3:]}"
    labels = dict(JourneyEntry.Left.choices)
    return _(OUTCOMES[name]) if name in OUTCOMES else str(labels.get(name, name))


def people(n: int) -> str:
    """How many, in tens. Nobody is told of: all these numbers are of everyone who came, and no one can be asked about."""
    return few.told_in_tens(n) if n else _("nobody")


def left(why: Mapping[str, int]) -> list[tuple[str, str]]:
    labels = dict(JourneyEntry.Left.choices)
    return [(str(labels.get(name, name)), people(why[name])) for name in _most_first(why)]


def arms(counted: counting.Counted) -> list[tuple[str, str]]:
    """Who came in, by arm: how many were to travel, and who is only compared with them."""
    labels = dict(Decision.Arm.choices)
    return [
        (str(labels.get(name, name)), people(counted.arms[name])) for name in labels if counted.arms[name]
    ]


def of_whom(counted: counting.Counted) -> tuple[str, str]:
    """Of whom the numbers are, and since when."""
    if counted.since is None:
        return (
            _("Nobody has come into this version yet."),
            _("Once the campaign runs, whom something calls is counted here."),
        )
    since = _("since %s") % date_format(localtime(counted.since), "SHORT_DATE_FORMAT")
    if counted.is_cut:
        return _("Of the %s who came into this version last,") % f"{counting.MOST_CAME:,}", since
    return _("Of everyone who came into this version,"), since


def _most_first(counts: Mapping[str, int]) -> list[str]:
    """Those of as many by what is told, by name: the order must not tell more than the numbers."""
    return sorted(counts, key=lambda name: (-(counts[name] // few.FEWEST_PEOPLE), name))


def by_step(problems: Sequence[Problem]) -> list[tuple[str, list[str]]]:
    """What must be mended, together by the step it stands at; what is of the whole journey first."""
    found: dict[str, list[str]] = {}
    for problem in problems:
        found.setdefault(problem.step, []).append(problem.words)
    return sorted(found.items(), key=lambda pair: pair[0] != "")


def kind_of(step: Mapping[str, Any]) -> str:
    return "chance" if "percent" in step else str(step["kind"])


@dataclass(frozen=True)
class Card:
    """A step as it is drawn and listed; what calls and the end too."""

    is_card = True
    name: str
    kind: str
    label: str
    icon: str
    told: str
    note: str
    x: int
    y: int
    depth: int
    here: str
    passed: str
    left: str
    outcomes: list[tuple[str, str]]
    why_left: list[tuple[str, str]]
    link: str
    problems: list[str] = field(default_factory=list)

    @property
    def is_step(self) -> bool:
        return self.name not in (picture.ENTRY, picture.END, picture.GOAL)

    @property
    def is_end(self) -> bool:
        return self.name == picture.END

    @property
    def is_low(self) -> bool:
        """Whether it stands at the foot, where less is said."""
        return self.name in (picture.END, picture.GOAL)

    @property
    def opens(self) -> str:
        """What a press on it opens: the goal is changed with what calls."""
        return picture.ENTRY if self.name == picture.GOAL else self.name


@dataclass(frozen=True)
class Way:
    """An arrow with its words: by which answer people go there, how many did, and, where that is not plain, whereto."""

    is_card = False
    step: str
    n: int
    path: str
    x: int
    y: int
    depth: int
    told: str
    passed: str
    whereto: str
    place: str
    """In words, where a step put here would stand."""


@dataclass(frozen=True)
class Told:
    """The whole way: cards and ways in reading order."""

    items: list[Card | Way]
    width: int
    height: int

    @property
    def cards(self) -> list[Card]:
        return [item for item in self.items if isinstance(item, Card)]

    @property
    def ways(self) -> list[Way]:
        return [item for item in self.items if isinstance(item, Way)]

    @property
    def steps(self) -> list[Card]:
        return [card for card in self.cards if card.is_step]

    def card(self, name: str) -> Card | None:
        return next((card for card in self.cards if card.name == name), None)


def told(
    definition: Definition,
    counted: counting.Counted,
    names: Names,
    *,
    link: str = "",
    problems: Sequence[Problem] = (),
) -> Told:
    """link : the list of this version's people; a step's own are added to it."""
    drawing = picture.drawn(definition)
    wrong = dict(by_step(problems))
    items: list[Card | Way] = []
    for item in drawing.items:
        if isinstance(item, picture.Box):
            items.append(_card(item, definition, counted, names, link=link, wrong=wrong))
        else:
            items.append(_way(item, definition, counted, names))
    return Told(items, drawing.width, drawing.height)


def _card(
    box: picture.Box,
    definition: Definition,
    counted: counting.Counted,
    names: Names,
    *,
    link: str,
    wrong: Mapping[str, list[str]],
) -> Card:
    where = (box.x, box.y, box.depth)
    if box.name == picture.ENTRY:
        words = [*sentences.calls(definition, names), sentences.again(definition)]
        came = people(counted.arms.total())
        return _plain("entry", words[0], " ".join(words[1:]), where, came=came, problems=wrong.get("", []))
    if box.name == picture.END:
        return _plain("end", _("They came to the end"), "", where, came=people(counted.done))
    if box.name == picture.GOAL:
        return _plain(
            "goal", sentences.goal_short(definition, names), "", where, came=people(counted.left["goal"])
        )
    one = definition.steps[box.name]
    figures = counted.steps.get(box.name, counting.Figures())
    kind = kind_of(one)
    return Card(
        box.name,
        kind,
        str(KINDS[kind]),
        ICONS[kind],
        sentences.step(one, names),
        sentences.note(one),
        *where,
        people(figures.waiting),
        people(figures.passed),
        people(figures.left.total()) if figures.left else "",
        [(outcome(name), people(figures.outcomes[name])) for name in _most_first(figures.outcomes)],
        left(figures.left),
        f"{link}&step__exact={box.name}" if link else "",
        wrong.get(box.name, []),
    )


def _plain(
    kind: str,
    words: str,
    note: str,
    where: tuple[int, int, int],
    *,
    came: str,
    problems: Sequence[str] = (),
) -> Card:
    name = {"entry": picture.ENTRY, "end": picture.END, "goal": picture.GOAL}[kind]
    label, icon = str(KINDS[kind]), ICONS[kind]
    return Card(name, kind, label, icon, words, note, *where, "", came, "", [], [], "", list(problems))


def _way(arrow: picture.Arrow, definition: Definition, counted: counting.Counted, names: Names) -> Way:
    one = definition.steps.get(arrow.step)
    answer = sentences.answer(one, arrow.outcome) if one else ""
    passed = (
        people(counted.steps[arrow.step].outcomes[arrow.outcome])
        if answer and arrow.step in counted.steps
        else ""
    )
    place = _("after “%s”") % (sentences.step(one, names) if one else _("what calls"))
    if answer:
        place = _("%(place)s: %(answer)s") % {"place": place, "answer": answer}
    return Way(
        arrow.step,
        arrow.n,
        arrow.path,
        arrow.x,
        arrow.y,
        arrow.depth,
        answer,
        passed,
        "" if arrow.is_plain else name_of(arrow.to, definition, names),
        place,
    )


def name_of(name: str | None, definition: Definition, names: Names) -> str:
    """A step by its sentence."""
    one = definition.steps.get(name or "")
    return sentences.step(one, names) if one else _("the end")
