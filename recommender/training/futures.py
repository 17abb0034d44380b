"""What people will do next: will they order, have they gone, when, and for how much. Learnt and written down."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from django.db import transaction

from customers import consent, histories
from recommender.algorithms import metrics
from recommender.algorithms.base import Arrays
from recommender.algorithms.interactions import BoolArray, FloatArray, Interactions
from recommender.algorithms.lifetime import (
    NotEnoughData,
    Returns,
    Rhythms,
    Spending,
    dependence,
    usual_gap,
)
from recommender.algorithms.past import Past
from recommender.algorithms.probabilities import advantage, measure
from recommender.algorithms.propensity import Classifier, choose
from recommender.algorithms.tables import Table
from recommender.evaluation import TooLittle
from recommender.models import Score, Task, TrainingRun
from recommender.training.interests import categories
from recommender.training.publishing import Progress, bulk, publish, retire

SOON = 30.0
YEAR = 365.0
CHURN = (30.0, 180.0)
FARTHEST = 730.0  # a date beyond is no plan but a formula
LEARNING_MOMENTS = 3
Known = tuple[Table, BoolArray]


@dataclass
class Told:
    """Of one question: each person's answer (none: not told), and the figures or the reason why there are none."""

    people: FloatArray | None = None
    figures: dict[str, Any] = field(default_factory=dict)
    test: list[dict[str, Any]] = field(default_factory=list)
    validation: list[dict[str, Any]] = field(default_factory=list)
    arrays: Arrays = field(default_factory=dict)


def futures(run: TrainingRun, progress: Progress, at: datetime) -> dict[str, Any]:
    """One row a person who ordered and allows personalization. Raises TooLittle when nothing can be told."""
    known_consents = consent.newest_record()
    bought = histories.purchases("personalization", until=at)
    seen = histories.actions("personalization", types=("viewed", "added", "wished"), until=at)
    past = Past(
        bought.customers, bought.products, bought.values, bought.days, seen.customers, seen.days, categories()
    )
    day = float(bought.days.max(initial=0.0))
    now = past.rhythms(day)
    progress(0.1, "who orders soon")
    purchase = _asked("purchase", past, day, SOON, absent=False)
    progress(0.4, "who stays away")
    try:
        away = float(np.clip(np.ceil(usual_gap(now)), *CHURN))
        churn = _asked("churn", past, day, away, absent=True)
    except NotEnoughData as reason:
        away, churn = CHURN[0], Told(figures={"churn_refused": str(reason)})
    progress(0.8, "when, and for how much")
    value, expected = _valued(past, now, day)
    told = (purchase, churn, value)
    figures = {name: figure for part in told for name, figure in part.figures.items()}
    if all(part.people is None for part in told):
        _forget()
        raise TooLittle(
            " ".join(str(reason) for name, reason in figures.items() if name.endswith("_refused"))
        )
    tables = {"test": [row for part in told for row in part.test],
              "validation": [row for part in told for row in part.validation]}  # fmt: skip
    version = publish(
        run,
        Task.PROPENSITY,
        "futures",
        {"purchase_days": SOON, "churn_days": away, "value_days": YEAR},
        {name: array for part in told for name, array in part.arrays.items()},
        Interactions.of(bought.customers, bought.products, bought.days),
        metrics={**figures, **tables},
        promote=True,
        reason="newest behaviour",
        at=at,
        consents_until=known_consents,
    )
    progress(0.9, "writing down scores")
    columns = [_nulled(part.people, len(now)) for part in told]
    with transaction.atomic():
        Score.objects.all().delete()
        bulk(
            Score(
                customer_id=int(person), purchase=p, churn=c, lifetime_value=v,
                expected_at=None if d is None else histories.moment(d).date(), model=version,
            )
            for person, p, c, v, d in zip(now.people, *columns, _nulled(expected, len(now)), strict=True)
        )  # fmt: skip
        # Whoever said no while this was learnt keeps no row either.
        Score.objects.exclude(consent.may("personalization", person="customer_id")).delete()
    return {"model": version.pk, "people": len(now), **figures, **tables}


def _forget() -> None:
    with transaction.atomic():
        retire(Task.PROPENSITY)
        Score.objects.all().delete()


def _nulled(column: FloatArray | None, n: int) -> list[float | None]:
    if column is None:
        return [None] * n
    return [value if np.isfinite(value) else None for value in column.tolist()]


def _asked(name: str, past: Past, day: float, days: float, *, absent: bool) -> Told:
    """Will they order (or not) within `days`? Chosen on the window before last, measured on the last."""
    try:
        return _learnt(name, past, day, days, absent=absent)
    except NotEnoughData as reason:
        return Told(figures={f"{name}_refused": f"{name}: {reason}"})


def _learnt(name: str, past: Past, day: float, days: float, *, absent: bool) -> Told:
    moments = [day - days * back for back in range(2 + LEARNING_MOMENTS, 0, -1)]
    moments = [at for at in moments if at > past.days.min(initial=np.inf)]
    if len(moments) < 3:
        raise NotEnoughData(
            f"{3 * days:.0f} days of orders are needed; there are {day - past.days.min(initial=day):.0f}."
        )
    try:
        returns = Returns().fit(past.rhythms(moments[0]))
    except NotEnoughData:
        returns = None

    def known(at: float) -> Known:
        table = past.table(at, returns=returns, days=days)
        return table, past.ordered(table.people, at, days) != absent

    *early, check, last = (known(at) for at in moments)
    choice = choose(_together(early), check)
    table, did = last
    told = choice.winner.probabilities(table)
    found = measure(choice.winner.name, told, table, did)
    floors = {"base rate": np.full(len(did), check[1].mean())}
    recency = _by_recency().fit(*_together(early)).calibrate(*check)
    floors["recency"] = recency.probabilities(table)
    if returns is not None:
        soon = returns.returning(past.rhythms(moments[-1]), days)
        floors["BG/NBD"] = 1 - soon if absent else soon
    rows = [found, *(measure(floor, guess, table, did) for floor, guess in floors.items())]
    more, low, high = advantage(told, floors["recency"], table, did)
    lost = high < 0  # by the whole interval: then the simple thing is told, with its own figures
    found = next(row for row in rows if row.algorithm == "recency") if lost else found
    answer = Told(
        figures={
            f"{name}_winner": choice.winner.name,
            f"{name}_told_by": found.algorithm,
            f"{name}_auc": f"{found.auc:.3f} ({found.auc_low:.3f} to {found.auc_high:.3f})",
            f"{name}_brier": f"{found.brier:.4f} ({found.brier_low:.4f} to {found.brier_high:.4f})",
            f"{name}_against_recency": f"{more:+.3f} AUC ({low:+.3f} to {high:+.3f})",
            f"{name}_told": round(found.told, 4),
            f"{name}_happened": round(found.happened, 4),
        },
        test=[{**row.as_dict(), "algorithm": f"{name}: {row.algorithm}"} for row in rows],
        validation=[
            {"algorithm": f"{name}: {candidate}", "auc": round(score, 4)}
            for candidate, score in choice.compared
        ],
    )
    if found.auc_low <= 0.5:
        answer.figures[f"{name}_refused"] = f"{name}: people cannot be told apart yet, so nothing is told."
        return answer
    # What serves has learnt from the window that chose it too, and is calibrated on the newest.
    final = _by_recency() if lost else Classifier(choice.winner.name)
    final.fit(*_together([*early, check])).calibrate(table, did)
    answer.people = final.probabilities(past.table(day, returns=returns, days=days))
    answer.arrays = {f"{name}_{part}": array for part, array in final.state().items()}
    return answer


def _by_recency() -> Classifier:
    """Nothing but how long ago the newest order was: what every winner must not lose to."""
    return Classifier("logistic_regression", columns=["since_order"])


def _together(parts: list[Known]) -> Known:
    tables = [table for table, _did in parts]
    whole = Table(
        np.concatenate([table.people for table in tables]),
        np.concatenate([table.moments for table in tables]),
        np.concatenate([table.latest for table in tables]),
        {name: np.concatenate([table.numbers[name] for table in tables]) for name in tables[0].numbers},
        {name: np.concatenate([table.words[name] for table in tables]) for name in tables[0].words},
    )
    return whole, np.concatenate([did for _table, did in parts])


def _valued(past: Past, now: Rhythms, day: float) -> tuple[Told, FloatArray | None]:
    """(money expected in a year, the day of the next order) of everyone, checked on the last part of the past."""
    try:
        returns, spending = Returns().fit(now), Spending().fit(now)
    except NotEnoughData as reason:
        return Told(figures={"lifetime_value_refused": f"lifetime value: {reason}"}), None
    answer = Told(
        people=returns.expected(now, YEAR) * spending.mean(now),
        figures={"money_hangs_on_frequency": round(dependence(now), 3), **_value_quality(past, now, day)},
        arrays={"returns": returns.parameters_, "spending": spending.parameters_},
    )
    days = returns.next_order(now)
    return answer, np.where(days <= FARTHEST, day + days, np.nan)


def _value_quality(past: Past, now: Rhythms, day: float) -> dict[str, Any]:
    """What was told of the last quarter of the past (at most 90 days), beside what each person's past mean tells."""
    days = float(np.floor(min(90.0, now.age.max() / 4)))
    before = past.rhythms(day - days)
    try:
        returns, spending = Returns().fit(before), Spending().fit(before)
    except NotEnoughData:
        return {"value_checked": "not enough data before the last quarter to check it by"}
    told = returns.expected(before, days) * spending.mean(before)
    spent = past.spent(before.people, day - days, days)
    usual = before.orders * np.nan_to_num(before.money) / np.maximum(before.age, days) * days
    less = np.abs(told - spent) - np.abs(usual - spent)
    low, high = metrics.bootstrap(less, rng=np.random.default_rng(0))
    return {
        "value_checked_days": days,
        "value_told": round(float(told.mean()), 2),
        "value_happened": round(float(spent.mean()), 2),
        "value_error": round(float(np.abs(told - spent).mean()), 2),
        "value_error_of_past_mean": round(float(np.abs(usual - spent).mean()), 2),
        "value_error_difference": f"{less.mean():+.2f} ({low:+.2f} to {high:+.2f})",
    }
