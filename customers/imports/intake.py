"""What an import hands on, in pages: products, people, their grants, and then what they did."""

from collections import Counter
from collections.abc import Collection, Sequence, Sized
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from django.db import connection

from catalog.imports import ProductInput, learn_products, product_ids, save_products
from catalog.models import Product, Review
from customers import consent, events, identities
from customers.consent import Answer, Evidence
from customers.events import Incoming
from customers.identities import Profile
from customers.models import ConsentRecord, ConsentState, Customer, Event, Identity

PAGE = 4000
EXAMPLES = 3


@dataclass(frozen=True)
class Grant:
    """On what basis the people of a file may be used: purposes and the evidence that stands in the ledger."""

    purposes: Sequence[str]
    evidence: Evidence


@dataclass
class Intake:
    """Collects what a format reads and writes it down a page at a time. `counts` is what the import says at the end."""

    source: str
    at: datetime
    grant: Grant | None = None
    by: str = ""
    """Who has brought it in at the desk, where one wrong line keeps all of it out."""
    counts: Counter[str] = field(default_factory=Counter)
    skipped_lines: dict[str, list[int]] = field(default_factory=dict)
    _events: list[Incoming] = field(default_factory=list)
    _refunds: list[Incoming] = field(default_factory=list)
    _profiles: dict[str, Profile] = field(default_factory=dict)
    _products: dict[str, ProductInput] = field(default_factory=dict)
    _learnt: dict[str, ProductInput] = field(default_factory=dict)
    _joins: set[tuple[str, str]] = field(default_factory=set)
    _reviews: list[tuple[str, str | None, Review]] = field(default_factory=list)
    _pages: int = 0

    def skip(self, reason: str, line: int) -> None:
        self.counts[f"skipped:{reason}"] += 1
        examples = self.skipped_lines.setdefault(reason, [])
        if len(examples) < EXAMPLES:
            examples.append(line)

    def person(self, profile: Profile) -> None:
        self._profiles[profile.id] = profile
        self._page(self._profiles)

    def product(self, product: ProductInput) -> None:
        self._products[product.sku] = product
        self._page(self._products)

    def learnt(self, product: ProductInput) -> None:
        """What an event says of its product: kept where no feed has described it."""
        self._learnt[product.sku] = product
        self._page(self._learnt)

    def joined(self, names: tuple[str, str]) -> None:
        """(anonymous id, the shop's own id) of one person."""
        self._joins.add(names)
        self._page(self._joins)

    def event(self, event: Incoming) -> None:
        self._events.append(event)
        self._page(self._events)

    def refund(self, event: Incoming) -> None:
        """A cancellation: matched to the newest earlier sale of the same product to the same person."""
        self._refunds.append(event)
        self._page(self._events)

    def review(self, sku: str, author: str | None, review: Review) -> None:
        self._reviews.append((sku, author, review))
        self._page(self._reviews)

    def _page(self, waiting: Sized) -> None:
        if len(waiting) >= PAGE:
            self.flush()

    def flush(self) -> None:
        """Write down what waits, in an order in which each finds what it names."""
        if self._products:
            saved = save_products(list(self._products.values()), at=self.at)
            self.counts.update(products_new=saved.created, products_changed=saved.changed)
        if self._learnt:
            learnt = learn_products(list(self._learnt.values()), at=self.at, listed=True)
            self.counts.update(products_new=learnt.created, products_changed=learnt.changed)
        if self._profiles:
            people = identities.save_profiles(list(self._profiles.values()))
            self.counts.update(people_new=people.created, people_changed=people.changed)
        identities.join(self._joins, at=self.at)
        self._record_grants()
        # An order before its refund: that takes its money from the order's lines.
        self._take_in([event for event in self._events if event.type != Event.Type.REFUNDED])
        self._take_in([event for event in self._events if event.type == Event.Type.REFUNDED])
        if self._refunds:
            self._take_in(self._matched(self._refunds))
        self._save_reviews()
        for page in (self._events, self._refunds, self._reviews):
            page.clear()
        self._profiles.clear()
        self._products.clear()
        self._learnt.clear()
        self._joins.clear()
        self._pages += 1
        if self._pages & (self._pages - 1) == 0:  # after 1, 2, 4, 8 … pages
            _refresh_statistics()

    def _record_grants(self) -> None:
        if self.grant is None:
            return
        names = {
            event.customer for event in (*self._events, *self._refunds) if event.customer
        } | self._profiles.keys()
        ids = list(identities.find_or_create(names).values())
        known = {
            (customer, purpose): granted
            for customer, purpose, granted in ConsentState.objects.filter(
                customer_id__in=ids, purpose__in=self.grant.purposes
            ).values_list("customer_id", "purpose", "granted")
        }
        self.counts["refusals_kept"] += sum(not granted for granted in known.values())
        answers = [
            Answer(customer, purpose, True, self.grant.evidence)
            for customer in ids
            for purpose in self.grant.purposes
            if (customer, purpose) not in known  # never over a refusal, never twice
        ]
        consent.record(answers, at=self.at)
        self.counts["grants_recorded"] += len(answers)

    def _take_in(self, batch: Sequence[Incoming]) -> None:
        if not batch:
            return
        taken = events.take_in(batch, source=self.source, at=self.at)
        self.counts.update(kept=taken.accepted, duplicates=taken.duplicates)
        for refusal in taken.refused:
            self.counts[f"skipped:{refusal.reason}"] += 1

    def _matched(self, refunds: Sequence[Incoming]) -> list[Incoming]:
        """The refunds not yet kept, each with the sale it cancels where one has enough left. Five queries."""
        ids = [refund.message_id for refund in refunds]
        kept = set(
            Event.objects.filter(source=self.source, message_id__in=ids).values_list("message_id", flat=True)
        )
        fresh = [refund for refund in refunds if refund.message_id not in kept]
        self.counts["duplicates"] += len(refunds) - len(fresh)
        people = identities.find_or_create({refund.customer for refund in fresh if refund.customer})
        products = product_ids({refund.sku for refund in fresh if refund.sku}, create_missing=True)
        sales = _open_sales(people.values(), products.values())
        matched = []
        for refund in fresh:
            open_sales = sales.get((people[refund.customer or ""], products[refund.sku or ""]), [])
            cancels = None
            for place, (when, pk, left) in enumerate(open_sales):
                if when <= refund.occurred_at and left >= refund.quantity:
                    open_sales[place] = (when, pk, left - refund.quantity)
                    cancels = pk
                    break
            self.counts["cancellations_matched" if cancels else "cancellations_unmatched"] += 1
            matched.append(
                Incoming(
                    **{name: getattr(refund, name) for name in refund.__slots__} | {"cancels_id": cancels}
                )
            )
        return matched

    def _save_reviews(self) -> None:
        if not self._reviews:
            return
        products = product_ids({sku for sku, _author, _review in self._reviews}, create_missing=True)
        authors = identities.find({author for _sku, author, _review in self._reviews if author})
        unique = {}
        for sku, author, review in self._reviews:
            review.product_id = products[sku]
            review.author_id = authors.get(author) if author else None
            unique[review.message_id] = review
        already = set(
            Review.objects.filter(source=self.source, message_id__in=unique).values_list(
                "message_id", flat=True
            )
        )
        fresh = [review for key, review in unique.items() if key not in already]
        Review.objects.bulk_create(fresh, batch_size=500)
        self.counts.update(kept=len(fresh), duplicates=len(self._reviews) - len(fresh))


def _open_sales(
    people: Collection[int], products: Collection[int]
) -> dict[tuple[int, int], list[tuple[datetime, int, Decimal]]]:
    """(customer, product) -> their sales, newest first, each as (when, id, how much of it is not cancelled).

    Two queries, not one with a join of events to events: PostgreSQL, without statistics of rows this young, compares
    every pair.
    """
    refunds = Event.objects.filter(type=Event.Type.REFUNDED, customer_id__in=people, cancels__isnull=False)
    cancelled: dict[int, Decimal] = {}
    for pk, quantity in refunds.order_by().values_list("cancels_id", "quantity"):
        cancelled[pk] = cancelled.get(pk, Decimal(0)) + quantity
    sold = Event.objects.filter(type=Event.Type.ORDERED, customer_id__in=people, product_id__in=products)
    found: dict[tuple[int, int], list[tuple[datetime, int, Decimal]]] = {}
    # Sorted here: asked to sort, SQLite reads every sale of the shop by its time instead of these people's.
    for customer, product, when, pk, quantity in sold.order_by().values_list(
        "customer_id", "product_id", "occurred_at", "pk", "quantity"
    ):
        found.setdefault((customer, product), []).append((when, pk, quantity - cancelled.get(pk, Decimal(0))))
    for sales in found.values():
        sales.sort(reverse=True)
    return found


def _refresh_statistics() -> None:
    """Let PostgreSQL know how much has come: until an import commits, nobody else can count its rows."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for model in (Event, Identity, Customer, ConsentState, ConsentRecord, Product):
                cursor.execute(f"ANALYZE {model._meta.db_table}")  # noqa: SLF001 - documented by Django
