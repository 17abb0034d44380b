"""Soft opt-in: who bought may be e-mailed about similar products, until they say no (ePrivacy 13(2), PECR 22(3)).

A basis of its own beside consent. It needs an order at whose taking it could be refused and was not, a law that knows
it, and no answer of the person to `marketing_email`, ever: a yes is consent, and a no ends it for good.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from catalog.models import Category
from customers import purposes
from customers.models import ConsentState, Customer, Jurisdiction, SoftOptIn

BASIS, PURPOSE = "soft", "marketing_email"


@dataclass(frozen=True)
class Offered:
    """What an order says of the offer to refuse: the words, and whether it was refused."""

    notice: str
    language: str
    sha256: str
    refused: bool


def offered(context: Mapping[str, Any], texts: dict[tuple[str, str], str]) -> Offered | None:
    """Read `{"soft_opt_in": {"notice": "slug@version", "language": …, "refused": bool}}` of an order.

    None where nothing was offered, or where what was shown cannot be proved; a refusal needs no proof. `texts`
    remembers the hashes of notices already looked for, one query each.
    """
    said = context.get("soft_opt_in")
    if not isinstance(said, dict) or not isinstance(said.get("refused"), bool):
        return None
    key = (str(said.get("notice", ""))[:80], str(said.get("language", ""))[:20])
    if key not in texts:
        try:
            texts[key] = purposes.find_notice(*key, purposes.SOFT_OPT_IN).sha256
        except purposes.UnknownNotice:
            texts[key] = ""
    return Offered(*key, texts[key], said["refused"]) if texts[key] or said["refused"] else None


@dataclass(frozen=True)
class Ordered:
    """A line of an order at whose taking the buyer did not refuse."""

    customer_id: int
    category_id: int
    order_id: str
    offered: Offered
    at: datetime


def lawful() -> Any:
    """The codes of the jurisdictions that know it, as a query to join with."""
    return Jurisdiction.objects.filter(soft_opt_in=True).values("code")


def keep(lines: Sequence[Ordered]) -> int:
    """Write them down, each order and category once, of people whose law knows it; how many lines those are.

    Two queries for any number of lines.
    """
    buyers = set(
        Customer.objects.present()
        .filter(pk__in={line.customer_id for line in lines}, jurisdiction__in=lawful())
        .values_list("pk", flat=True)
    )
    kept = [line for line in lines if line.customer_id in buyers]
    SoftOptIn.objects.bulk_create(
        [
            SoftOptIn(
                customer_id=line.customer_id,
                category_id=line.category_id,
                order_id=line.order_id,
                notice=line.offered.notice,
                notice_sha256=line.offered.sha256,
                language=line.offered.language,
                at=line.at,
            )
            for line in kept
        ],
        batch_size=500,
        ignore_conflicts=True,
    )
    return len(kept)


@dataclass(frozen=True)
class Advertised:
    """The categories of what is advertised, each with its parent (None on top)."""

    parents: Mapping[int, int | None]

    @classmethod
    def of(cls, categories: Collection[int]) -> "Advertised":
        """One query. Empty where one of them is gone."""
        found = dict(Category.objects.filter(pk__in=categories).values_list("pk", "parent_id"))
        return cls(found if len(found) == len(set(categories)) else {})

    def all_like(self, bought: Collection[tuple[int, int | None]]) -> bool:
        """Whether each is one of the bought (category, parent), or stands beside one under the same parent."""
        same = {category for category, _parent in bought}
        beside = {parent for _category, parent in bought if parent is not None}
        return bool(self.parents) and all(
            category in same or parent in beside for category, parent in self.parents.items()
        )


def _standing(customer_ids: Collection[int], *, at: datetime) -> QuerySet[SoftOptIn]:
    """What these people bought by then and did not object to; nothing of who ever answered, or whose law knows it not."""
    return SoftOptIn.objects.filter(
        ~Exists(ConsentState.objects.filter(customer_id=OuterRef("customer_id"), purpose=PURPOSE)),
        customer__in=customer_ids,
        at__lte=at,
        customer__jurisdiction__in=lawful(),
        customer__erased_at__isnull=True,
        customer__merged_into__isnull=True,
        customer__restricted_at__isnull=True,
    )


def is_buyer(customer_id: int, *, at: datetime) -> bool:
    """Whether the person may be written to about anything for having bought something like it. One query."""
    return _standing([customer_id], at=at).exists()


def buyers(customer_ids: Collection[int], categories: Collection[int], *, at: datetime) -> set[int]:
    """Who of these bought, in time, what is like all of the categories, and may be written to for it. Two queries."""
    if not customer_ids or not categories:
        return set()
    wanted = Advertised.of(categories)
    if not wanted.parents:
        return set()
    parents = {parent for parent in wanted.parents.values() if parent is not None}
    rows = _standing(customer_ids, at=at).filter(
        Q(category__in=wanted.parents) | Q(category__parent__in=parents)
    )
    bought: dict[int, set[tuple[int, int | None]]] = {}
    columns = rows.values_list("customer_id", "category_id", "category__parent_id")
    for customer_id, category, parent in columns.distinct():
        bought.setdefault(customer_id, set()).add((category, parent))
    return {customer_id for customer_id, had in bought.items() if wanted.all_like(had)}
