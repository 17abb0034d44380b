"""What people said is not true of them: nothing of it is worked out, shown or used until they take it back."""

from collections.abc import Collection, Mapping
from datetime import datetime

from django.db import transaction

from catalog.models import Category, Product
from catalog.together import Rows
from customers import consent
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


def refused(customer_ids: Collection[int], *, at: datetime | None = None) -> dict[int, set[int]]:
    """The categories that those among them refused (by `at`), by person. One query."""
    rows = refused_rows(customer_ids)
    return _by_person(rows if at is None else rows.filter(at__lte=at))


def refused_rows(customer_ids: Collection[int]) -> Rows:
    """What these people refused, as (customer, category): to be asked together with other questions."""
    return RefusedInterest.objects.filter(customer__in=customer_ids).values_list("customer_id", "category_id")


def _by_person(rows: Rows) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for customer, category in rows:
        found.setdefault(customer, set()).add(category)
    return found


def refused_acts(
    acts: Mapping[int, Collection[Act]], *, at: datetime | None = None, rows: Rows | None = None
) -> dict[int, frozenset[int]]:
    """The products among each person's acts in a category they refused (by `at`); nobody else is in the answer.

    One query, none with the `refused_rows` of these people or more, and another where somebody refused something.
    """
    by_person = refused(acts, at=at) if rows is None else _by_person(rows)
    by_person = {pk: categories for pk, categories in by_person.items() if pk in acts}
    if not by_person:
        return {}
    touched = {act.product_id for pk in by_person for act in acts[pk]}
    category_of = dict(Product.objects.filter(pk__in=touched).values_list("pk", "category_id"))
    return {
        pk: frozenset(act.product_id for act in acts[pk] if category_of.get(act.product_id) in categories)
        for pk, categories in by_person.items()
    }
