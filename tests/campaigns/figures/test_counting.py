"""What the home's figures count, and that none of them tells of a few."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from campaigns.figures import counting, domains
from campaigns.models import Bounce, DailyFigure, Decision, Delivery, Outcome
from customers import consent, identities
from customers.models import Customer, Event
from tests import desk
from tests.campaigns.reporting import DAY, built, paid
from tests.conftest import NOW, evidence

pytestmark = pytest.mark.django_db
Name = DailyFigure.Name


def credited() -> None:
    """Every order is the doing of its person's message."""
    decisions = {row.customer_id: row for row in Decision.objects.all()}
    Outcome.objects.bulk_create(
        Outcome(
            decision=decisions[event.customer_id],
            event=event,
            kind="ordered",
            value=event.value,
            at=event.occurred_at,
        )
        for event in Event.objects.filter(type="ordered")
    )


def test_people_reached_and_their_orders_of_thirty_days_are_told_in_tens() -> None:
    made = built(44, 20)
    paid(made.treated, "20.00")
    credited()
    found = counting.reached(at=NOW) | counting.ordered(at=NOW)
    assert found[(Name.REACHED, "")].value == 40.0
    assert found[(Name.MESSAGES, "")].value == 40.0
    assert (found[(Name.ORDERS, "")].value, found[(Name.ORDERS, "")].people) == (40.0, 40)
    # 44 orders of 20.00 to the worth of ten of them, which is 200.
    assert found[(Name.WORTH, "")].value == 800.0
    before = counting.reached(at=NOW - 30 * DAY) | counting.ordered(at=NOW - 30 * DAY)
    assert {told.value for told in before.values()} == {None}


def test_n1_of_a_few_no_figure_is_kept() -> None:
    made = built(19, 9)
    paid(made.treated[:9], "20.00")
    credited()
    Customer.objects.update(created_at=NOW - DAY)
    Customer.objects.filter(external_id__in=made.control).update(erased_at=NOW)
    found = counting.reached(at=NOW) | counting.ordered(at=NOW) | counting.allowing(at=NOW)
    found |= counting.came_back(at=NOW)
    assert {(told.value, told.people) for told in found.values()} == {(None, None)}


def test_who_allowed_what_is_known_of_the_past_too() -> None:
    made = built(40, 20)
    Customer.objects.update(created_at=NOW - 90 * DAY)
    gone = Customer.objects.filter(external_id__in=made.treated[:30]).values_list("pk", flat=True)
    consent.record(
        [consent.Answer(pk, "marketing_email", False, evidence("marketing_email")) for pk in gone],
        at=NOW - 2 * DAY,
    )

    def share(days: int, purpose: str = "marketing_email") -> float | None:
        return counting.allowing(at=NOW - days * DAY)[(Name.ALLOWS, purpose)].value

    assert (share(0), share(2 - 1), share(3), share(31)) == (0.5, 0.5, 1.0, 0.0)
    assert share(0, "personalization") == 1.0
    assert counting.allowing(at=NOW)[(Name.KNOWN, "")].value == 60.0
    assert counting.allowing(at=NOW - 91 * DAY)[(Name.KNOWN, "")].value is None


def test_u7_what_came_back_is_a_share_of_the_week_s_messages() -> None:
    made = built(100, 20)
    Delivery.objects.update(ended_at=NOW - DAY)
    rows = list(Delivery.objects.order_by("pk"))
    notices = [("complaint", row) for row in rows[:12]] + [("hard", row) for row in rows[:9]]
    for again in range(2):  # a second notice about the same message is the same
        Bounce.objects.bulk_create(
            Bounce(key=f"{kind}-{row.pk}-{again}", source="t", kind=kind, delivery=row, at=NOW - DAY)
            for kind, row in notices
        )
    Bounce.objects.create(key="old", source="t", kind="soft", delivery=rows[0], at=NOW - timedelta(days=8))
    found = counting.came_back(at=NOW)
    assert len(made.treated) == found[(Name.SENT, "")].value == 100
    assert (found[(Name.CAME_BACK, "complaint")].value, found[(Name.CAME_BACK, "complaint")].why) == (
        0.12,
        "",
    )
    # Nine and none are both told as fewer than ten.
    for kind in ("hard", "soft", "deferred"):
        told = found[(Name.CAME_BACK, kind)]
        assert (told.value, told.why) == (0.1, "below")


def test_by_domain_only_of_twenty_people_and_of_nobody_restricted() -> None:
    """70 at one domain, of whom 5 are restricted, 19 at another."""
    built(89, 20)
    Delivery.objects.update(ended_at=NOW - DAY)
    rows = list(Delivery.objects.order_by("pk"))
    names = dict(Customer.objects.values_list("pk", "external_id"))
    identities.save_profiles(
        [identities.Profile(id=names[row.customer_id], email=f"{row.pk}@own.example") for row in rows[70:]]
    )
    Customer.objects.filter(pk__in=[row.customer_id for row in rows[:5]]).update(restricted_at=NOW)
    Bounce.objects.bulk_create(
        Bounce(key=f"{row.pk}", source="t", kind="hard", delivery=row, at=NOW - DAY)
        for row in [*rows[:17], *rows[70:]]
    )
    found = domains.by_domain(at=NOW)
    assert {about for name, about in found if name == Name.SENT} == {"mail.example"}
    # Of 84 addresses that were opened 65 are there, and 12 of these came back: of 89 messages about 69.
    assert found[(Name.SENT, "mail.example")].value == 70.0
    assert found[(Name.CAME_BACK, "hard mail.example")].value == 0.17
    assert found[(Name.CAME_BACK, "complaint mail.example")].why == "below"
    assert not any("own.example" in about for _name, about in found)


@pytest.mark.django_db
def test_what_came_back_is_told_by_its_kind(client: Client) -> None:
    client.force_login(desk.staff())
    row = DailyFigure.objects.create(day=NOW.date(), name="came_back", about="hard", counted_at=NOW)
    page = client.get(reverse("admin:campaigns_dailyfigure_change", args=[row.pk]))
    assert "bounced for good" in page.content.decode()
