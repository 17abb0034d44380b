"""A journey as it is drawn: from top to bottom, branches side by side, and in an order in which it can be read.

A branching step and what lies between it and where its branches meet again is a block; blocks stand in one another and
never overlap. A way that leaves its block otherwise (back up, or past where the others meet) runs round the outside.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from campaigns.journeys import steps
from campaigns.journeys.definition import Definition

# What calls, the end, and what the journey is for: boxes that are no steps. No step has such a name.
ENTRY, END, GOAL = ".", "", "*"
WIDTH, HEIGHT, BESIDE, BELOW, EDGE = 236, 118, 30, 66, 24
# The end says less.
LAST_HEIGHT = 72
# Where a way turns below a box, where its words stand, and where it turns above the next.
TURN, WORDS, LAST_TURN = 14, 33, 12
# How far from the boxes, and from one another, the ways run that go round.
ROUND = 16
# An empty branch is as wide as this part of a box: its way and its words.
LANE = 0.62
CORNER = 8
Ways = Mapping[str, Sequence[tuple[str, str]]]


@dataclass(frozen=True)
class Box:
    """A step, what calls (ENTRY), the end (END) or the goal (GOAL). `x` and `y` are its upper left corner; `depth` how many branches in."""

    name: str
    x: int
    y: int
    depth: int = 0

    @property
    def middle(self) -> int:
        return self.x + WIDTH // 2


@dataclass(frozen=True)
class Arrow:
    """The nth way of a step. Its words have their middle at `x` and `y`; `is_plain`: what is read next is where it leads."""

    step: str
    n: int
    outcome: str
    to: str
    path: str
    x: int
    y: int
    depth: int
    is_plain: bool


@dataclass(frozen=True)
class Drawing:
    """`items`: boxes and arrows in reading order, each arrow before what it leads to."""

    items: Sequence[Box | Arrow]
    width: int
    height: int

    @property
    def boxes(self) -> list[Box]:
        return [item for item in self.items if isinstance(item, Box)]

    @property
    def arrows(self) -> list[Arrow]:
        return [item for item in self.items if isinstance(item, Arrow)]


@dataclass(frozen=True)
class _Node:
    """A step of a block, with a block for each of its branches where it has several ways."""

    name: str
    branches: tuple[tuple["_Node", ...], ...] = ()


_Block = tuple[_Node, ...]


def ways_of(definition: Definition) -> dict[str, list[tuple[str, str]]]:
    """Where everything leads, by outcome; what calls leads to the first step."""
    found = {ENTRY: [("", definition.start or END)]}
    for name, step in definition.steps.items():
        found[name] = [(outcome, END if to is None else to) for outcome, to in steps.ways(step).items()]
    return found


def order_of(definition: Definition) -> list[str]:
    """The steps in the order in which they are read."""
    return [box.name for box in drawn(definition).boxes if box.name in definition.steps]


def drawn(definition: Definition) -> Drawing:
    """Each step stands below all that lead to it, but for those of a circle, which leads back up."""
    return _Layout(ways_of(definition)).drawing(has_goal=definition.goal is not None)


class _Layout:
    def __init__(self, ways: Ways) -> None:
        self._ways = ways
        self._order, self._back = _sorted(ways)
        self._lowest = self._longest()
        self._taken: set[str] = set()
        self._place: dict[str, tuple[float, int]] = {}
        self._lanes: dict[tuple[str, int], float] = {}
        self._plain: set[tuple[str, int]] = set()
        self._depths: dict[str, int] = {}
        self._read: list[str | tuple[str, int]] = []

    def drawing(self, *, has_goal: bool) -> Drawing:
        block = self._block(ENTRY, frozenset({END}))
        wide = _width(block)
        bottom = self._put(block, 0.0, wide, 0, depth=0, after=END)
        self._place[END], self._depths[END] = (wide / 2, max(bottom, 1)), 0
        self._read.append(END)
        boxes = {name: self._box(name) for name in self._place}
        width = round(2 * EDGE + wide * (WIDTH + BESIDE) - BESIDE)
        right = width
        items: list[Box | Arrow] = []
        round_of = self._rounds(width)
        for at, item in enumerate(self._read):
            if isinstance(item, str):
                items.append(boxes[item])
                continue
            arrow = self._arrow(item, boxes, round_of, follows=self._read[at + 1])
            items.append(arrow)
        if round_of:
            right = max(round_of.values()) + ROUND
        lowest = max(box.y for box in boxes.values())
        if has_goal:
            # Nothing leads there: it is reached from everywhere.
            lowest += LAST_HEIGHT + BESIDE
            items.append(Box(GOAL, boxes[END].x, lowest))
        return Drawing(items, right, lowest + LAST_HEIGHT + EDGE)

    def _box(self, name: str) -> Box:
        column, row = self._place[name]
        x = round(EDGE - BESIDE / 2 + column * (WIDTH + BESIDE) - WIDTH / 2)
        return Box(name, x, EDGE + row * (HEIGHT + BELOW), self._depths[name])

    # --- blocks ----------------------------------------------------------------------------------------------

    def _longest(self) -> dict[str, int]:
        """The row of each one below the lowest that leads to it."""
        rows = dict.fromkeys(self._order, 0)
        for name in self._order:
            for _outcome, to in self._ways.get(name, ()):
                if (name, to) not in self._back:
                    rows[to] = max(rows[to], rows[name] + 1)
        return rows

    def _block(self, name: str, stops: frozenset[str]) -> _Block:
        """What follows one another from here to where it stops, or comes to what stands elsewhere already."""
        found: list[_Node] = []
        while name not in stops and name not in self._taken:
            self._taken.add(name)
            targets = [to for _outcome, to in self._ways.get(name, ())]
            if len(targets) < 2:
                found.append(_Node(name))
                if not targets or (name, targets[0]) in self._back:
                    break
                name = targets[0]
                continue
            join = self._join(name)
            inner = stops if join is None else stops | {join}
            branches = tuple(self._block(to, inner) if (name, to) not in self._back else () for to in targets)
            found.append(_Node(name, branches))
            if join is None:
                break
            name = join
        return tuple(found)

    def _join(self, name: str) -> str | None:
        """Where the branches meet that lead on at all; None where fewer than two do."""
        reached = [self._reached(to) for _outcome, to in self._ways[name] if (name, to) not in self._back]
        leading = [found for found in reached if END in found]
        if len(leading) < 2:
            return None
        common = set.intersection(*leading)
        return next(one for one in self._order if one in common)

    def _reached(self, name: str) -> set[str]:
        found, ahead = set(), [name]
        while ahead:
            at = ahead.pop()
            if at not in found:
                found.add(at)
                ahead += [to for _outcome, to in self._ways.get(at, ()) if (at, to) not in self._back]
        return found

    # --- places ----------------------------------------------------------------------------------------------

    def _put(self, block: _Block, left: float, wide: float, row: int, *, depth: int, after: str) -> int:
        """Place a block in its columns; answers the first row below it. `after`: what comes when it is over."""
        middle = left + wide / 2
        for n, node in enumerate(block):
            row = max(row, self._lowest[node.name])
            self._place[node.name], self._depths[node.name] = (middle, row), depth
            self._read.append(node.name)
            follows = block[n + 1].name if n + 1 < len(block) else after
            if node.branches:
                row = self._put_branches(node, middle, row, depth=depth, after=follows)
                continue
            for way, (_outcome, to) in enumerate(self._ways.get(node.name, ())):
                self._read.append((node.name, way))
                if to == follows and (node.name, to) not in self._back:
                    self._plain.add((node.name, way))
            row += 1
        return row

    def _put_branches(self, node: _Node, middle: float, row: int, *, depth: int, after: str) -> int:
        widths = [_width(branch) for branch in node.branches]
        left, bottom = middle - sum(widths) / 2, row + 1
        for way, (branch, wide) in enumerate(zip(node.branches, widths, strict=True)):
            to = self._ways[node.name][way][1]
            self._lanes[node.name, way] = left + wide / 2
            self._read.append((node.name, way))
            first = branch[0].name if branch else after
            if to == first and (node.name, to) not in self._back:
                self._plain.add((node.name, way))
            bottom = max(bottom, self._put(branch, left, wide, row + 1, depth=depth + 1, after=after))
            left += wide
        return bottom

    # --- ways ------------------------------------------------------------------------------------------------

    def _rounds(self, width: int) -> dict[str, int]:
        """Where the ways run that go round, one line for each place they lead to."""
        targets = [
            self._ways[name][way][1]
            for name, way in (item for item in self._read if not isinstance(item, str))
            if (name, way) not in self._plain
        ]
        return {to: width + n * ROUND for n, to in enumerate(dict.fromkeys(targets))}

    def _arrow(
        self,
        item: tuple[str, int],
        boxes: Mapping[str, Box],
        round_of: Mapping[str, int],
        *,
        follows: str | tuple[str, int],
    ) -> Arrow:
        name, way = item
        outcome, to = self._ways[name][way]
        above, below = boxes[name], boxes[to]
        lane = above.middle
        if item in self._lanes:
            lane = round(EDGE - BESIDE / 2 + self._lanes[item] * (WIDTH + BESIDE))
        foot, head = above.y + HEIGHT, below.y
        points = [(above.middle, foot), (above.middle, foot + TURN), (lane, foot + TURN)]
        if item not in self._plain:
            out, low = round_of[to], foot + BELOW - LAST_TURN + 4
            points += [(lane, low), (out, low), (out, head - LAST_TURN)]
        else:
            points += [(lane, head - LAST_TURN)]
        points += [(below.middle, head - LAST_TURN), (below.middle, head)]
        depth = above.depth + (item in self._lanes)
        return Arrow(name, way, outcome, to, _path(points), lane, foot + WORDS, depth, is_plain=follows == to)


def _width(block: _Block) -> float:
    """In boxes."""
    return max((max(1.0, sum(map(_width, node.branches))) for node in block), default=LANE)


def _sorted(ways: Ways) -> tuple[list[str], set[tuple[str, str]]]:
    """Everything that can be reached, each after all that lead to it; and the ways that lead back up."""
    order: list[str] = []
    back: set[tuple[str, str]] = set()
    on_the_way: list[str] = []

    def visit(name: str) -> None:
        on_the_way.append(name)
        for _outcome, to in reversed(ways.get(name, ())):
            if to in on_the_way:
                back.add((name, to))
            elif to not in order:
                visit(to)
        on_the_way.pop()
        order.append(name)

    visit(ENTRY)
    return order[::-1], back


def _path(points: Sequence[tuple[int, int]]) -> str:
    """Straight lines with round corners."""
    line = [point for n, point in enumerate(points) if n == 0 or point != points[n - 1]]
    found = f"M{line[0][0]} {line[0][1]}"
    for before, (x, y), after in zip(line, line[1:], line[2:], strict=False):
        if (before[0] == x == after[0]) or (before[1] == y == after[1]):
            continue
        start, end = _near((x, y), before), _near((x, y), after)
        found += f" L{start[0]} {start[1]} Q{x} {y} {end[0]} {end[1]}"
    return f"{found} L{line[-1][0]} {line[-1][1]}"


def _near(corner: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    """A little way from the corner towards the other point."""
    (x, y), (ox, oy) = corner, other
    far = abs(ox - x) + abs(oy - y)
    part = min(CORNER, far // 2)
    return x + (part if ox > x else -part if ox < x else 0), y + (part if oy > y else -part if oy < y else 0)


def as_stored(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The definition as it is best read: what calls first, and the steps in the order in which they are drawn."""
    inside = definition["steps"]
    return {
        **{name: definition[name] for name in ("entry", "reentry", "goal", "start") if name in definition},
        "steps": {
            name: {
                key: inside[name][key]
                for key in ("kind", *steps.FIELDS[inside[name]["kind"]])
                if key in inside[name]
            }
            for name in order_of(Definition.of(definition))
        },
    }
