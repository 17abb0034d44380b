"""A journey as it is drawn from top to bottom, and how many people stand at and came by each of its steps."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count

from campaigns.journeys import steps
from campaigns.journeys.definition import Definition
from campaigns.models import JourneyEntry, JourneyVersion, JourneyVisit

END = ""
WIDTH, HEIGHT, BESIDE, BELOW, EDGE = 216, 74, 26, 58, 14


@dataclass
class Figures:
    """Of one step: who waits there now, who went on and how, and who left there and why."""

    waiting: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)

    @property
    def passed(self) -> int:
        return self.outcomes.total()


@dataclass
class Counted:
    """Of one version: its steps, and the arms of everyone who came in."""

    steps: dict[str, Figures]
    arms: Counter[str] = field(default_factory=Counter)
    done: int = 0
    left: Counter[str] = field(default_factory=Counter)

    @property
    def waiting(self) -> int:
        return sum(step.waiting for step in self.steps.values())


def counted(version: JourneyVersion) -> Counted:
    """Two queries."""
    found = Counted({name: Figures() for name in version.definition["steps"]})
    entries = JourneyEntry.objects.filter(version=version).values_list("step", "arm", "state", "left_by")
    for step, arm, state, left_by, n in entries.annotate(n=Count("pk")).order_by():
        found.arms[arm] += n
        if arm != "treated":
            continue
        at = found.steps.setdefault(step, Figures())
        if state == JourneyEntry.State.WAITING:
            at.waiting += n
        elif state == JourneyEntry.State.LEFT:
            at.left[left_by] += n
            found.left[left_by] += n
        else:
            found.done += n
    # Whoever left at a step has a visit there too, which ended by that: they did not go on.
    visits = JourneyVisit.objects.filter(entry__version=version, left_at__isnull=False)
    for step, outcome, n in visits.values_list("step", "outcome").annotate(n=Count("pk")).order_by():
        if outcome not in JourneyEntry.Left.values:
            found.steps.setdefault(step, Figures()).outcomes[outcome] += n
    return found


@dataclass(frozen=True)
class Box:
    """A step; the end has no name. `x` and `y` are its upper left corner."""

    name: str
    x: int
    y: int

    @property
    def middle(self) -> int:
        return self.x + WIDTH // 2


@dataclass(frozen=True)
class Arrow:
    """From a step to the next; `x` and `y` are where its words stand."""

    path: str
    outcome: str
    x: int
    y: int


@dataclass(frozen=True)
class Drawing:
    boxes: Sequence[Box]
    arrows: Sequence[Arrow]
    width: int
    height: int


def drawn(definition: Definition) -> Drawing:
    """Where each step stands: below all that lead to it, but for those of a circle, which leads back up."""
    ways = {
        name: [(outcome, END if to is None else to) for outcome, to in steps.ways(step).items()]
        for name, step in definition.steps.items()
    }
    ranks = _ranks(definition.start, ways)
    rows: dict[int, list[str]] = {}
    for name in ranks:
        rows.setdefault(ranks[name], []).append(name)
    wide = max(len(row) for row in rows.values())
    width = wide * (WIDTH + BESIDE) + 2 * EDGE
    boxes: dict[str, Box] = {}
    for rank, row in sorted(rows.items()):
        start = (width - len(row) * (WIDTH + BESIDE) + BESIDE) // 2
        for place, name in enumerate(row):
            boxes[name] = Box(name, start + place * (WIDTH + BESIDE), EDGE + rank * (HEIGHT + BELOW))
    arrows = [
        _arrow(boxes[name], boxes[to], outcome, n, len(ways[name]))
        for name in ranks
        for n, (outcome, to) in enumerate(ways.get(name, []))
    ]
    height = 2 * EDGE + (max(rows) + 1) * (HEIGHT + BELOW) - BELOW
    return Drawing(list(boxes.values()), arrows, width, height)


def _ranks(start: str, ways: Mapping[str, Sequence[tuple[str, str]]]) -> dict[str, int]:
    """The row of each step that can be reached: one below the lowest that leads to it. The end stands at the bottom."""
    order: list[str] = []
    back: set[tuple[str, str]] = set()
    on_the_way: list[str] = []

    def visit(name: str) -> None:
        on_the_way.append(name)
        for _outcome, to in ways.get(name, ()):
            if to in on_the_way:
                back.add((name, to))
            elif to not in order:
                visit(to)
        on_the_way.pop()
        order.append(name)

    visit(start)
    ranks: dict[str, int] = {start: 0}
    for name in reversed(order):
        for _outcome, to in ways.get(name, ()):
            if (name, to) not in back:
                ranks[to] = max(ranks.get(to, 0), ranks[name] + 1)
    if END in ranks:
        ranks[END] = max(ranks.values())
        if sum(rank == ranks[END] for rank in ranks.values()) > 1:
            ranks[END] += 1
    return ranks


def _arrow(above: Box, below: Box, outcome: str, n: int, of: int) -> Arrow:
    x = above.x + WIDTH * (n + 1) // (of + 1)
    y = above.y + HEIGHT
    if below.y > above.y:
        half = (below.y - y) // 2
        path = f"M{x} {y} C{x} {y + half} {below.middle} {below.y - half} {below.middle} {below.y}"
        return Arrow(path, outcome, x, y + 16)
    # Back up, round the right of both.
    side = max(above.x, below.x) + WIDTH + BESIDE - 6
    up, right = below.y + HEIGHT // 2, above.x + WIDTH
    level = above.y + HEIGHT // 2
    path = f"M{right} {level} C{side} {level} {side} {up} {below.x + WIDTH} {up}"
    return Arrow(path, outcome, right + 4, level - 4)


def as_stored(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The definition as it is best read: what calls first, and the steps in the order in which they are drawn."""
    inside = definition["steps"]
    ranks = _ranks(
        definition["start"],
        {
            name: [(o, END if to is None else to) for o, to in steps.ways(step).items()]
            for name, step in inside.items()
        },
    )
    names = sorted((name for name in ranks if name in inside), key=lambda name: ranks[name])
    return {
        **{name: definition[name] for name in ("entry", "reentry", "goal", "start") if name in definition},
        "steps": {
            name: {
                key: inside[name][key]
                for key in ("kind", *steps.FIELDS[inside[name]["kind"]])
                if key in inside[name]
            }
            for name in names
        },
    }
