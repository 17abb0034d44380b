"""Who will redeem a coupon of a campaign: one row a person it goes to, from what was known before it began."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from recommender.algorithms.interactions import BoolArray, FloatArray, IntArray, places_of
from recommender.algorithms.tables import Table, Words

LATELY = 90.0


@dataclass(frozen=True, eq=False)
class Mailings:
    """Campaigns are numbered from 0; days are days. Lists of (n,) arrays are aligned.

    starts, ends, coupons : of each campaign; kinds, products : its kind and the products its coupons are for ·
    sent : (campaign, person) · redeemed : (campaign, person, day) · bought : (person, basket, product, day, value,
    coupon's worth), in any order · categories : of products, as words · traits : of people, as words, by name.
    """

    starts: FloatArray
    ends: FloatArray
    coupons: FloatArray
    kinds: list[str]
    products: list[IntArray]
    sent: tuple[IntArray, IntArray]
    redeemed: tuple[IntArray, IntArray, FloatArray]
    bought: tuple[IntArray, IntArray, IntArray, FloatArray, FloatArray, FloatArray]
    categories: Mapping[int, str]
    traits: Mapping[str, Mapping[int, str]]

    def did(self, *, before: float = np.inf) -> BoolArray:
        """(n_sent,): redeemed any coupon of that campaign, as far as was known `before` a day."""
        campaigns, people, days = self.redeemed
        known = set(zip(campaigns[days < before].tolist(), people[days < before].tolist(), strict=True))
        pairs = zip(*(part.tolist() for part in self.sent), strict=True)
        return np.fromiter((pair in known for pair in pairs), np.bool_, len(self.sent[0]))

    def table(self) -> Table:
        """One row for each of `sent`, in its order; its moment is the campaign's start."""
        pages = [self._of_campaign(campaign) for campaign in range(len(self.starts))]
        place = np.concatenate([rows for rows, _numbers, _latest in pages])
        order = np.argsort(place)
        names = pages[0][1]
        campaigns, people = self.sent
        words: dict[str, Words] = {"kind": np.array([self.kinds[int(c)] for c in campaigns], dtype=np.str_)}
        for name, of_person in self.traits.items():
            words[name] = np.array([of_person.get(int(person), "") for person in people], dtype=np.str_)
        return Table(
            people,
            self.starts[campaigns],
            np.concatenate([latest for _rows, _numbers, latest in pages])[order],
            {name: np.concatenate([numbers[name] for _r, numbers, _l in pages])[order] for name in names},
            words,
        )

    def _of_campaign(self, campaign: int) -> tuple[IntArray, dict[str, FloatArray], FloatArray]:
        """(rows of `sent`, columns, newest act they rest on) of one campaign: only what lies before its start."""
        rows = np.flatnonzero(self.sent[0] == campaign)
        people = np.unique(self.sent[1][rows])
        place, _found = places_of(self.sent[1][rows], people)
        numbers = {
            **self._of_coupons(campaign, people),
            **self._of_mailings(campaign, people),
            **self._of_orders(campaign, people),
        }
        latest = np.maximum(numbers.pop("newest_order"), numbers.pop("newest_redemption"))
        return rows, {name: column[place] for name, column in numbers.items()}, latest[place]

    def _of_coupons(self, campaign: int, people: IntArray) -> dict[str, FloatArray]:
        ones = np.ones(len(people))
        return {
            "coupons": ones * np.log1p(self.coupons[campaign]),
            "products": ones * np.log1p(len(self.products[campaign])),
            "lasts": ones * (self.ends[campaign] - self.starts[campaign]),
        }

    def _of_mailings(self, campaign: int, people: IntArray) -> dict[str, FloatArray]:
        """What they got and redeemed before."""
        at = self.starts[campaign]
        alike = np.array([kind == self.kinds[campaign] for kind in self.kinds])
        earlier = self.starts[self.sent[0]] < at
        theirs, of_whom = self.sent[0][earlier], self.sent[1][earlier]
        got = _per_person(of_whom, people)
        code, who, day = (part[self.redeemed[2] < at] for part in self.redeemed)
        pairs = np.unique(np.column_stack([code, who]), axis=0)
        used = _per_person(pairs[:, 1], people)
        newest = _newest(who, day, people)
        return {
            "redemptions": np.log1p(_per_person(who, people)),
            "redeemed_campaigns": used,
            "redeemed_lately": np.log1p(_per_person(who[day >= at - LATELY], people)),
            "redeemed_alike": _per_person(pairs[alike[pairs[:, 0]], 1], people),
            "redeemed_share": used / (got + 1),
            "since_redemption": _ago(at, newest),
            "received": got,
            "received_alike": _per_person(of_whom[alike[theirs]], people),
            "since_received": _ago(at, _newest(of_whom, self.starts[theirs], people)),
            "still_running": _per_person(of_whom[self.ends[theirs] >= at], people),
            "newest_redemption": newest,
        }

    def _of_orders(self, campaign: int, people: IntArray) -> dict[str, FloatArray]:
        """What they bought before, and how much of it the coupons are for."""
        at = self.starts[campaign]
        who, basket, product, day, value, coupon = (part[self.bought[3] < at] for part in self.bought)
        visits = np.unique(np.column_stack([who, basket]), axis=0)[:, 0]
        late = day >= at - LATELY
        late_visits = np.unique(np.column_stack([who[late], basket[late]]), axis=0)[:, 0]
        fits = np.isin(product, self.products[campaign])
        wanted = {self.categories.get(int(p), "") for p in self.products[campaign]}
        kinds = {int(p): self.categories.get(int(p), "") in wanted for p in np.unique(product)}
        alike = np.fromiter((kinds[int(p)] for p in product), np.bool_, len(product))
        lines, fitting = _per_person(who, people), _per_person(who[fits], people)
        newest = _newest(who, day, people)
        return {
            "lines": np.log1p(lines),
            "visits": np.log1p(_per_person(visits, people)),
            "visits_lately": np.log1p(_per_person(late_visits, people)),
            "spend": np.log1p(_per_person(who, people, value)),
            "spend_lately": np.log1p(_per_person(who[late], people, value[late])),
            "since_order": _ago(at, newest),
            "coupon_lines": np.log1p(_per_person(who[coupon > 0], people)),
            "fitting": np.log1p(fitting),
            "fitting_share": fitting / (lines + 3),
            "fitting_spend": np.log1p(_per_person(who[fits], people, value[fits])),
            "fitting_categories": np.log1p(_per_person(who[alike], people)),
            "newest_order": newest,
        }


def _per_person(who: IntArray, people: IntArray, amounts: FloatArray | None = None) -> FloatArray:
    """(len(people),): how many of the acts are each person's, or their sum."""
    place, known = places_of(who, people)
    weights = np.ones(len(who)) if amounts is None else amounts
    return np.bincount(place[known], weights[known], minlength=len(people)).astype(np.float64)


def _newest(who: IntArray, days: FloatArray, people: IntArray) -> FloatArray:
    """(len(people),): each person's newest day; −∞ for none."""
    place, known = places_of(who, people)
    newest = np.full(len(people), -np.inf)
    np.maximum.at(newest, place[known], days[known])
    return newest


def _ago(at: float, newest: FloatArray) -> FloatArray:
    return np.log1p(np.where(np.isfinite(newest), at - newest, np.nan))
