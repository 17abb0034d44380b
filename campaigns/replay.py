"""What another order of offers would have earned, told by the decisions that were logged with their chances.

The log must hold chance: a placement that explores, or a bandit. Written down in docs/algorithms/offers.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from django.db.models import OuterRef, QuerySet, Subquery, Sum
from django.utils.translation import gettext as _

from campaigns import deciding
from campaigns.models import Campaign, Decision, Offer, Outcome, Placement
from campaigns.offers import candidates, formula, learning, ranking
from campaigns.offers.candidates import Page
from campaigns.offers.facts import Facts
from campaigns.offers.ranking import Ranked
from customers.few import FEWEST_PEOPLE
from recommender.algorithms import offpolicy
from recommender.algorithms.offpolicy import NotReplayable, Replay

# Of a longer log the newest are replayed.
MOST_DECISIONS = 50_000
LOOKBACK = timedelta(days=90)
REWARDS = ("success", "value")
By = Placement.Ranking


@dataclass(frozen=True)
class Replayed:
    placement: str
    by: str
    """The ranking that was tried."""
    reward: str
    """`success`: the share of decisions that had one within a week; `value`: the money ordered by then, per decision."""
    since: datetime
    until: datetime
    decisions: int
    left_out: int
    """Decisions without chances, or with an offer that is gone."""
    found: Replay | None
    refusal: str = ""
    """Why the log cannot tell, in words; empty when it can."""

    def as_dict(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            **{
                name: getattr(self, name)
                for name in ("placement", "by", "reward", "decisions", "left_out", "refusal")
            },
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
        }
        if self.found is not None:
            for name in ("logged", "ips", "snips", "doubly_robust"):
                told[name] = {key: round(value, 6) for key, value in vars(getattr(self.found, name)).items()}
            told["effective"] = round(self.found.effective, 1)
        return told


def replay(
    asked: Placement | Campaign,
    by: str | Sequence[Mapping[str, Any]],
    *,
    at: datetime,
    rng: np.random.Generator,
    since: datetime | None = None,
    until: datetime | None = None,
    reward: str = "success",
) -> Replayed:
    """What the placement (or one campaign of it) would have earned, had it been ranked so.

    by : `priority`, `bandit`, `personal`, or a formula. until : a week ago, so that every success has had its time.
    Only the first slot is replayed; the placement explores as much as it does now. Raises InvalidFormula.
    """
    placement = asked if isinstance(asked, Placement) else deciding.placement_of(asked)
    until = until or at - learning.WINDOW
    since = since or until - LOOKBACK
    rows = learning.given(placement, since=since, at=until).filter(slot=0)
    if isinstance(asked, Campaign):
        rows = rows.filter(campaign=asked)
    if not isinstance(by, str):
        formula.check(by, where=f"placement:{placement.slug}")
    logged = list(_earned(rows, placement).order_by("-decided_at")[:MOST_DECISIONS])
    log, page, left_out = _log(logged, reward)
    about: dict[str, Any] = {
        "placement": placement.slug, "by": by if isinstance(by, str) else By.FORMULA.value, "reward": reward,
        "since": since, "until": until, "decisions": len(log) if log is not None else 0, "left_out": left_out,
    }  # fmt: skip
    if log is None:
        return Replayed(**about, found=None, refusal=_("Nothing was decided there in that time."))
    if len(np.unique(log.people)) < FEWEST_PEOPLE:
        return Replayed(
            **about, found=None, refusal=_("It was decided for fewer than %s people.") % FEWEST_PEOPLE
        )
    ranked = _ranked(page, placement, by, at=at)
    open_ = page.verdicts == ""
    explore = placement.explore_percent / 100
    wanted = np.array([ranked.chances(n, open_[n], explore) for n in range(len(log))])
    try:
        return Replayed(**about, found=offpolicy.replay(log, wanted, rng=rng))
    except NotReplayable as reason:
        return Replayed(**about, found=None, refusal=str(reason))


def _earned(rows: QuerySet[Decision], placement: Placement) -> "QuerySet[Any, Any]":
    """The decisions as rows, with the money of their orders within a week."""
    orders = Outcome.objects.filter(
        decision=OuterRef("pk"), kind=Outcome.Kind.ORDERED, at__lt=OuterRef("decided_at") + learning.WINDOW
    ).order_by()
    money = Subquery(orders.values("decision").annotate(money=Sum("value")).values("money"))
    earned: QuerySet[Any, Any] = rows.annotate(money=money).values(
        "customer_id", "offer__slug", "candidates", "worked", "money"
    )
    return earned


def _log(rows: Sequence[Mapping[str, Any]], reward: str) -> tuple[offpolicy.Log | None, Page, int]:
    """The log and its situations as arrays, and how many decisions were left out.

    The features of the reward model are how much of what suited the person each offer was for.
    """
    named = {entry["offer"] for row in rows for entry in row["candidates"]}
    offers = list(Offer.objects.filter(slug__in=named).order_by("slug"))
    column = {offer.slug: i for i, offer in enumerate(offers)}
    chances = np.zeros((len(rows), len(offers)))
    fit = np.zeros_like(chances)
    for n, row in enumerate(rows):
        for entry in row["candidates"]:
            if entry["verdict"] not in ("chosen", "eligible"):
                continue
            if entry["offer"] not in column or "chance" not in entry:
                chances[n] = 0  # not to be told any more: left out below
                break
            chances[n, column[entry["offer"]]] = entry["chance"]
            fit[n, column[entry["offer"]]] = entry["fit"]
    # Whatever may be shown has its fit above nought.
    known = [n for n, row in enumerate(rows) if chances[n].sum() > 0 and row["offer__slug"] in column]
    people = [rows[n]["customer_id"] for n in known]
    page = Page(
        people,
        offers,
        fit[known],
        np.array([candidates.generosity(offer) for offer in offers]),
        np.where(fit[known] > 0, "", "not_eligible").astype(object),
    )
    if not known:
        return None, page, len(rows)
    earned = [
        float(rows[n]["money"] or Decimal(0)) if reward == "value" else float(rows[n]["worked"])
        for n in known
    ]
    log = offpolicy.Log(
        people=np.array(people),
        actions=np.array([column[rows[n]["offer__slug"]] for n in known]),
        rewards=np.array(earned),
        propensities=chances[known] / chances[known].sum(axis=1, keepdims=True),
        features=fit[known],
    )
    return log, page, len(rows) - len(known)


def _ranked(
    page: Page, placement: Placement, by: str | Sequence[Mapping[str, Any]], *, at: datetime
) -> Ranked:
    """As the placement would rank them now, by that."""
    if not isinstance(by, str):
        worked = ranking.works(page, ranking.state(placement, By.BANDIT, at=at))
        facts = Facts((), page.people, (), placement=placement, at=at)
        return ranking.by_formula(page, by, worked, facts, where=f"placement:{placement.slug}")
    tried = Placement(pk=placement.pk, slug=placement.slug, ranking=by, formula=placement.formula)
    return ranking.ranked(page, placement=tried, at=at)
