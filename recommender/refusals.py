"""What people said is not true of them: nothing of it is worked out, shown or used until they take it back."""

from collections.abc import Collection, Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef

from catalog.models import Category
from catalog.questions import Given, Rows
from customers import consent, histories
from customers.histories import Act
from recommender.models import Interest, RefusedInterest


def refuse(customer_id: int, category_id: int, *, at: datetime) -> bool:
    """The person says that they do not like the category: it is kept, and what was worked out goes at once.

    False where there is no such category. With the person held, so that two clicks are one.
    """
    with transaction.atomic():
        consent.hold([customer_id])
        if not Category.objects.filter(pk=category_id).exists():
            return False
        RefusedInterest.objects.get_or_create(
            customer_id=customer_id, category_id=category_id, defaults={"at": at}
        )
        Interest.objects.filter(customer_id=customer_id, category_id=category_id).delete()
    return True


def take_back(customer_id: int, category_id: int) -> None:
    """It may be worked out again; the next training does so."""
    RefusedInterest.objects.filter(customer_id=customer_id, category_id=category_id).delete()


def refused_rows(customer_ids: Collection[int] | Given, *, at: datetime | None = None) -> Rows:
    """(person, product) of what these people did with products of a category that they refused (by `at`)."""
    theirs = RefusedInterest.objects.all() if at is None else RefusedInterest.objects.filter(at__lte=at)
    refused = theirs.filter(customer=OuterRef("customer"), category=OuterRef("product__category"))
    acts = histories.behaviour("personalization", customers=customer_ids)
    # First who refused anything at all: most people did not.
    acts = acts.filter(customer__in=theirs.filter(customer__in=customer_ids).values("customer"))
    return acts.filter(Exists(refused)).values_list("customer_id", "product_id").distinct()


def refused_acts(
    acts: Mapping[int, Collection[Act]], *, at: datetime | None = None, rows: Rows | None = None
) -> dict[int, frozenset[int]]:
    """The products among each person's acts in a category they refused (by `at`); nobody else is in the answer.

    One query, none with the `refused_rows` of these people or more.
    """
    found: dict[int, set[int]] = {}
    for customer, product in refused_rows(list(acts), at=at) if rows is None else rows:
        found.setdefault(customer, set()).add(product)
    return {pk: frozenset(products) for pk, products in found.items() if pk in acts}
