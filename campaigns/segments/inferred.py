"""Conditions on what was inferred of a person, or came of what they were sent."""

from functools import lru_cache
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from campaigns.models import Decision, Outcome, UpliftScore
from campaigns.segments.reading import (
    COMPARISONS,
    InvalidRule,
    Reading,
    as_number,
    as_text,
    as_whole,
    comparison,
    only,
)
from catalog.models import Product
from customers import histories
from recommender.models import ClusterMembership, Interest, RefusedInterest, Score
from recommender.serving import affinity as suited

SCORES = ("purchase", "churn", "lifetime_value")


def interest(rule: dict[str, Any], path: str, reading: Reading, dry: bool) -> Q:
    only(rule, path, "interest", "gte")
    slug = as_text(rule["interest"], f"{path}.interest")
    least = float(as_number(rule.get("gte", 0.5), f"{path}.gte", low=0, high=1))
    rows = Interest.objects.told().filter(category__slug=slug, probability__gte=least)
    return Q(pk__in=reading.among(rows).values("customer_id"))


def cluster(rule: dict[str, Any], path: str, reading: Reading, dry: bool) -> Q:
    only(rule, path, "cluster")
    number = as_whole(rule["cluster"], f"{path}.cluster", low=0, high=1000)
    return Q(pk__in=reading.among(ClusterMembership.objects.filter(cluster=number)).values("customer_id"))


def score(rule: dict[str, Any], path: str, reading: Reading, dry: bool) -> Q:
    """A person without the score, for want of data or of leave, matches no comparison of it."""
    name = rule["score"]
    if name not in SCORES:
        raise InvalidRule(
            f"{path}.score",
            _("there is no score “%(name)s”; use one of %(names)s"),
            name=name,
            names=", ".join(SCORES),
        )
    only(rule, path, "score", *COMPARISONS)
    bounds = {operator: value for operator, value in rule.items() if operator != "score"}
    condition = comparison(bounds, path, name)
    return Q(pk__in=reading.among(Score.objects.filter(condition)).values("customer_id"))


def received(rule: dict[str, Any], path: str, reading: Reading, dry: bool) -> Q:
    only(rule, path, "received", "outcome")
    slug = as_text(rule["received"], f"{path}.received")
    sent = Decision.objects.filter(campaign__slug=slug, delivery__status="sent")
    if "outcome" in rule:
        if rule["outcome"] not in Outcome.Kind.values:
            raise InvalidRule(
                f"{path}.outcome", _("needs one of %(names)s"), names=", ".join(Outcome.Kind.values)
            )
        # Through the event, so that a click counts only while noting clicks is allowed.
        seen = reading.among(histories.behaviour("personalization", types=[rule["outcome"]]))
        sent = sent.filter(outcomes__event__in=seen.values("pk"), outcomes__is_machine=False)
    return Q(pk__in=reading.among(sent).values("customer_id"))


def _of(name: str, slug: str) -> QuerySet[Product]:
    return Product.objects.filter(**{"sku" if name == "sku" else "category__slug": slug})


def _products(name: str, slug: str) -> tuple[int, ...]:
    return tuple(_of(name, slug).values_list("pk", flat=True))


@lru_cache(maxsize=64)
def _kept_products(name: str, slug: str, stamp: tuple[int, ...]) -> tuple[int, ...]:
    """Asked again once the catalogue has changed."""
    return _products(name, slug)


def affinity(rule: dict[str, Any], path: str, reading: Reading, dry: bool) -> Q:
    """The `top` customers whom a product or a category suits most: ids, worked out once a model."""
    only(rule, path, "affinity", "top")
    wanted = rule["affinity"]
    if not isinstance(wanted, dict) or len(set(wanted) & {"sku", "category"}) != 1:
        raise InvalidRule(f"{path}.affinity", _('needs {"sku": "…"} or {"category": "…"}'))
    only(wanted, f"{path}.affinity", "sku", "category")
    ((name, value),) = wanted.items()
    slug = as_text(value, f"{path}.affinity.{name}")
    top = as_whole(rule.get("top", 1000), f"{path}.top", low=1, high=suited.MOST)
    if dry:
        return Q()
    learnt = reading.declared.learnt if reading.declared else None
    try:
        if learnt is None:
            ids = suited.ids_for(_products(name, slug), top=top, at=reading.at)
        else:
            wanted = _kept_products(name, slug, tuple(learnt.stamp))
            ids = suited.ids_for(wanted, top=top, at=reading.at, models=learnt.models)
    except suited.NothingLearnt as reason:
        raise InvalidRule(f"{path}.affinity", reason.args[0]) from reason
    if reading.span is not None:
        ids = tuple(pk for pk in ids if reading.span[0] < pk <= reading.span[1])
    if reading.ids is not None:
        ids = tuple(set(ids) & set(reading.ids))
    # The list is kept for a while: who said since that it is not true of them is left out of it.
    categories = _of(name, slug).filter(category__isnull=False).values("category_id")
    refused = RefusedInterest.objects.filter(category__in=categories)
    return Q(pk__in=ids) & ~Q(pk__in=reading.among(refused).values("customer_id"))


def uplift(rule: dict[str, Any], path: str, reading: Reading, dry: bool) -> Q:
    """By how much a campaign changes what a person spends, as its newest study predicts it."""
    only(rule, path, "uplift", *COMPARISONS)
    slug = as_text(rule["uplift"], f"{path}.uplift")
    bounds = {operator: value for operator, value in rule.items() if operator != "uplift"}
    condition = comparison(bounds, path, "effect")
    scores = UpliftScore.objects.filter(condition, campaign__slug=slug)
    return Q(pk__in=reading.among(scores).values("customer_id"))
