"""What is asked of the database about offers and people before anything is chosen."""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db.models import BigIntegerField, DateTimeField, Q

from campaigns import segments
from campaigns.models import Code, Decision, Offer, OfferCap, Placement, RankingState
from campaigns.offers import caps, effects
from campaigns.segments import Declared, InvalidRule
from catalog.questions import Given, Questions, Rows

By = Placement.Ranking
Pairs = Iterable[tuple[int, int]]
MOST_NAMED = 2000
"""More people than these are not named in each condition of a rule."""


class Facts:
    """Whom offers are not for, and by what they are ranked. Nothing is asked yet: each question is asked when it is
    needed, or all together beforehand (`catalog.together`).

    of : the caps that count here · declared : what is sensitive, where that was asked before.
    """

    def __init__(
        self,
        offers: Sequence[Offer],
        people: Collection[int],
        of: Iterable[OfferCap],
        *,
        placement: Placement,
        at: datetime,
        declared: Declared | None = None,
    ) -> None:
        self.people, self.placement, self.at = people, placement, at
        self.declared = declared or Declared(at=at)
        ids = [offer.pk for offer in offers]
        self.most = {
            offer.pk: offer.max_per_customer for offer in offers if offer.max_per_customer is not None
        }
        self._given = caps.given(people, list(self.most))
        own = caps.alike(cap for cap in of if cap.scope == OfferCap.Scope.CUSTOMER)
        self._had = [(together, caps.had(together, people, at=at)) for together in own]
        coded = [offer.pk for offer in offers if offer.code_kind != Offer.CodeKind.NONE]
        self._used = _used(coded, people, at=at)
        # A placement nobody described stands for itself.
        is_one_of_many = placement.pk is not None and not placement.allow_duplicates
        self._elsewhere = _elsewhere(ids if is_one_of_many else [], people, placement=placement, at=at)
        self.states = states(placement, at=at)
        self._ranks_by_effect = placement.ranking == By.UPLIFT
        self._matching: dict[str, Rows | None] = {}
        for offer in offers:
            if offer.eligibility is not None:
                self._ask(offer.eligibility, f"offer:{offer.slug}")
        if placement.ranking == By.FORMULA:
            for line in placement.formula:
                if line.get("when") is not None:
                    self._ask(line["when"], f"placement:{placement.slug}")

    @cached_property
    def bought(self) -> Rows:
        """What an effect on each of them rests on."""
        return effects.now_rows(self.people, at=self.at)

    @property
    def questions(self) -> Iterator[Rows]:
        yield self._given
        yield from (rows for _caps, rows in self._had)
        yield self._used
        yield self._elsewhere
        yield self.states
        if self._ranks_by_effect:
            yield self.bought
        yield from (rows for rows in self._matching.values() if rows is not None)

    # --- whom an offer is not for: (person, offer), in the order in which it is told -----------------------------------

    def given(self) -> set[tuple[int, int]]:
        """Who had an offer as often as one person may."""
        return caps.given_to(self.people, self.most, self._given)

    def used_up(self) -> list[tuple[int, OfferCap]]:
        """Whose own cap is full, the first of an offer's caps first."""
        found = [pair for of, rows in self._had for pair in caps.used_up(of, self.people, rows)]
        return sorted(found, key=lambda pair: (pair[1].pk, pair[0]))

    def without_a_code(self) -> Pairs:
        """Whose one code of the offer can be used no more."""
        return self._used

    def elsewhere(self) -> Pairs:
        """Whom another place in the shop shows the offer now."""
        return self._elsewhere

    # --- rules ---------------------------------------------------------------------------------------------------------

    def eligible(self, offer: Offer) -> set[int]:
        """Who of the people the offer's own rule matches now; a rule that cannot be read any more, or asks for what is
        withheld, matches nobody."""
        rows = self._matching[self._key(offer.eligibility, f"offer:{offer.slug}")]
        return set() if rows is None else set(rows)

    def matching(self, rule: Any, where: str) -> set[int]:
        """Who of the people a line of the placement's formula is for. Raises InvalidRule."""
        key = self._key(rule, where)
        if self._matching.get(key) is None:
            self._matching[key] = self._question(rule, where)
        return set(self._matching[key] or ())

    def _ask(self, rule: Any, where: str) -> None:
        key = self._key(rule, where)
        if key not in self._matching:
            try:
                self._matching[key] = self._question(rule, where)
            except InvalidRule:
                self._matching[key] = None

    def _question(self, rule: Any, where: str) -> Rows:
        how: dict[str, Any] = {"at": self.at, "where": where, "declared": self.declared}
        if len(self.people) == 1:
            return segments.matching_one(rule, next(iter(self.people)), **how)
        if len(self.people) <= MOST_NAMED:
            among = segments.matching(rule, ids=self.people, **how)
        else:
            span = (min(self.people) - 1, max(self.people))
            among = segments.matching(rule, span=span, **how).filter(pk__in=self.people)
        return among.values_list("pk", flat=True)

    def _key(self, rule: Any, where: str) -> str:
        """Of two places with one rule, one may hold an approval that the other lacks."""
        rule = json.dumps(rule, sort_keys=True)
        return f"{where}: {rule}" if len(self.declared.attributes) else rule


_STATE = Questions(
    lambda placement, method, at: RankingState.objects.filter(
        placement_id=placement, method=method, at__lte=at
    ).order_by("-at")[:1],
    at=DateTimeField(),
)


def states(placement: Placement, *, at: datetime) -> Rows:
    """What is known by the placement's ranking at that moment: one row or none."""
    method = By.BANDIT if placement.ranking == By.FORMULA else placement.ranking
    if not placement.pk or method == By.PRIORITY:
        return RankingState.objects.none()
    return _STATE(placement.pk, method, at=at)


def _gone(coded: Collection[int], person: Collection[int] | Given, at: datetime | Given) -> Rows:
    gone = Q(state=Code.State.REDEEMED) | Q(batch__expires_at__lte=at)
    rows = Code.objects.filter(gone, offer_id__in=coded, customer_id__in=person)
    return rows.values_list("customer_id", "offer_id")


_GONE = Questions(_gone, person=BigIntegerField(), at=DateTimeField())


def _used(coded: Collection[int], people: Collection[int], *, at: datetime) -> Rows:
    """(person, offer) where the person's one code of the offer can be used no more."""
    if len(people) == 1:
        return _GONE(tuple(coded), person=next(iter(people)), at=at)
    return _gone(coded, people, at)


def _shown(offers: Collection[int], but: str, person: Collection[int] | Given, at: datetime | Given) -> Rows:
    rows = Decision.objects.filter(
        customer_id__in=person,
        offer_id__in=offers,
        run__isnull=True,
        arm=Decision.Arm.TREATED,
        expires_at__gt=at,
    )
    rows = rows.exclude(placement=but).exclude(state=Decision.State.RELEASED)
    return rows.values_list("customer_id", "offer_id")


_SHOWN = Questions(_shown, person=BigIntegerField(), at=DateTimeField())


def _elsewhere(
    offer_ids: Collection[int], people: Collection[int], *, placement: Placement, at: datetime
) -> Rows:
    """(person, offer) that another place in the shop shows the person now.

    A message is read once and shows nothing now; what was mailed may be shown, with the same code.
    """
    if len(people) == 1:
        return _SHOWN(tuple(offer_ids), placement.slug, person=next(iter(people)), at=at)
    return _shown(offer_ids, placement.slug, people, at)
