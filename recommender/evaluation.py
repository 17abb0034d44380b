"""The table of every candidate against the floors, and the gate to go live."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
import structlog

from catalog.models import Product
from customers import histories
from recommender.algorithms.compare import (
    TARGETS,
    Candidate,
    Row,
    compare,
    difference,
    measure_apart,
)
from recommender.algorithms.interactions import Interactions
from recommender.algorithms.presets import ALL, BY_LABEL, FLOORS
from recommender.algorithms.split import Split, Target, global_split, leave_last, validation_split
from recommender.algorithms.weighing import weighed
from recommender.models import SharedStatistics

log = structlog.get_logger()
SplitName = Literal["global", "leave-last"]
MINIMUM_PEOPLE = 20
Progress = Callable[[float, str], None]


class TooLittle(Exception):
    """Not enough behaviour of people who allow it to learn or to measure anything. The message says what is missing."""


OTHER_ACTS = ("viewed", "added", "wished", "rated", "clicked")


def learnable(*, at: datetime, since: datetime | None = None) -> Interactions:
    """What people who allow personalization did with listed products, from `since` on and before `at`, in its order.

    Their purchases; where nobody ever bought anything, every other act alike (a site of ratings or clicks sells nothing).
    """
    sells = histories.behaviour("personalization", types=["ordered"], until=at).filter(
        product__is_listed=True
    )
    if sells.exists():
        done = histories.purchases("personalization", since=since, until=at)
    else:
        done = histories.actions("personalization", types=OTHER_ACTS, since=since, until=at)
    return Interactions.of(done.customers, done.products, done.days, baskets=done.orders)


def texts() -> dict[int, str]:
    """What is written about each listed product: title, category, brand and description, by id."""
    rows = Product.objects.listed().values_list("pk", "title", "category__name", "brand", "description")
    return {
        pk: " ".join(part for part in (title, category, brand, description[:500]) if part)
        for pk, title, category, brand, description in rows.iterator(chunk_size=5000)
    }


def named(labels: Sequence[str]) -> list[Candidate]:
    """The candidates of these names, the floors always among them; all for no names. Raises ValueError."""
    if not labels:
        return list(ALL)
    if unknown := [label for label in labels if label not in BY_LABEL]:
        raise ValueError(f"no algorithm {', '.join(unknown)}; there are {', '.join(BY_LABEL)}")
    wanted = [BY_LABEL[label] for label in labels]
    return [*(floor for floor in FLOORS if floor not in wanted), *wanted]


def can_learn(candidate: Candidate, interactions: Interactions) -> bool:
    most = candidate.make().most_items
    return most is None or len(interactions.items) <= most


def shared() -> list[Candidate]:
    """One for each file of another shop's counts that is in use (`recommender.sharing`)."""
    rows = SharedStatistics.objects.filter(direction=SharedStatistics.Direction.IN, is_used=True).order_by(
        "pk"
    )
    return [
        Candidate(f"item_knn_shared_{row.sha256[:8]}", "item_knn_shared", row.figures["parameters"])
        for row in rows
        if "parameters" in row.figures
    ]


def candidates_for(interactions: Interactions, labels: Sequence[str]) -> list[Candidate]:
    """As `named`; where nobody named any, with other shops' counts, and without those that cannot learn from so many items."""
    if labels:
        return named(labels)
    return [candidate for candidate in [*named(labels), *shared()] if can_learn(candidate, interactions)]


def divide(interactions: Interactions, split: SplitName) -> Split:
    """Past and future for measuring. Raises TooLittle for fewer than 20 people in both."""
    divided = global_split(interactions) if split == "global" else leave_last(interactions)
    if len(divided.people) < MINIMUM_PEOPLE:
        when = "before and during the last 30 days" if split == "global" else "more than once"
        raise TooLittle(
            f"Fewer than {MINIMUM_PEOPLE} people who allow personalization acted {when}: too few to measure by."
        )
    return divided


@dataclass(frozen=True)
class Evaluation:
    split: SplitName
    target: Target
    rows: list[Row]

    def as_dict(self) -> dict[str, Any]:
        people = self.rows[0].people if self.rows else 0
        algorithms = [row.as_dict() for row in self.rows]
        return {"split": self.split, "target": self.target, "people": people, "algorithms": algorithms}


def evaluate(
    *,
    at: datetime,
    labels: Sequence[str] = (),
    split: SplitName = "global",
    target: Target = "all",
    progress: Progress | None = None,
) -> Evaluation:
    """Measure candidates on the last 30 days (or each person's last purchase). Raises TooLittle, ValueError."""
    named(labels)  # a wrong name is told before anything is read
    bought = learnable(at=at)
    candidates = candidates_for(bought, labels)
    divided = divide(bought, split)
    before = validation_split(bought) if split == "global" else leave_last(divided.past)
    described = texts()
    candidates = [weighed(candidate, before, texts=described) for candidate in candidates]
    done = iter(range(len(candidates)))

    def step(candidate: Candidate) -> None:
        if progress is not None:
            progress(next(done) / len(candidates), candidate.label)

    return Evaluation(
        split, target, compare(candidates, divided, target=target, texts=described, progress=step)
    )


@dataclass(frozen=True)
class Verdict:
    """Whether a candidate may go live, and why, in words."""

    promote: bool
    reason: str


def gate(champion: Row, incumbent: Row | None, floor: Row) -> Verdict:
    """Better than the live model on the held-out future, and than popularity; the same algorithm is renewed.

    "Better" is a mean difference above nought on the same people; the interval stands in the reason. Where only the
    learnt weights differ the newer ones go live, unless they are worse by the whole interval.
    """
    over_floor, _low, _high = difference(champion, floor)
    if over_floor <= 0:
        return Verdict(False, "not better than plain popularity on the held-out month")
    if incumbent is None:
        return Verdict(True, f"the first; {over_floor:+.3f} NDCG@10 over plain popularity")
    if incumbent.candidate == champion.candidate:
        return Verdict(True, "the same algorithm as before, learnt from newer behaviour")
    mean, low, high = difference(champion, incumbent)
    if incumbent.candidate.label == champion.candidate.label and high >= 0:
        return Verdict(
            True,
            f"the same as before with weights learnt anew; {mean:+.4f} NDCG@10 ({low:+.4f} to {high:+.4f})",
        )
    sentence = f"{mean:+.4f} NDCG@10 ({low:+.4f} to {high:+.4f}) against the live {incumbent.candidate.label}"
    return Verdict(mean > 0, sentence)


def choose(
    interactions: Interactions,
    candidates: Sequence[Candidate],
    *,
    progress: Progress | None = None,
    check: Callable[[], None] | None = None,
) -> dict[Target, list[Row]]:
    """The candidates measured on the validation month, best first, for each target; the test month stays unseen.

    Weights that a candidate leaves open are learnt there. One that does not fit into the memory there is does not compete.
    `check` is called between pages of people, and stops it by raising. Raises TooLittle.
    """
    split = validation_split(interactions)
    if len(split.people) < MINIMUM_PEOPLE:
        raise TooLittle(f"Fewer than {MINIMUM_PEOPLE} people can be validated on: too few to choose by.")
    described = texts()
    rows: dict[Target, list[Row]] = {target: [] for target in TARGETS}
    for place, candidate in enumerate(candidates):
        if progress is not None:
            progress(place / len(candidates), candidate.label)
        try:
            whole = weighed(candidate, split, texts=described)
            found = measure_apart(whole, split, texts=described, check=check)
        except MemoryError as error:
            log.warning("candidate left out", candidate=candidate.label, reason=str(error))
            continue
        for target, row in found.items():
            rows[target].append(row)
    return {
        target: [found[place] for place in np.argsort([-row.ndcg10 for row in found], kind="stable")]
        for target, found in rows.items()
    }
