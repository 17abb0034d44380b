"""A campaign to buyers of similar products: C11, from planning to the audit."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from campaigns import audit, delivery, planning, reach
from campaigns.models import Campaign, CampaignRun, Decision, Delivery
from catalog.models import Category, Product
from customers import consent, events
from customers.events import Incoming
from customers.models import Customer, Jurisdiction, SoftOptIn, Suppression
from tests.campaigns.conftest import Sink, garden, offer
from tests.conftest import NOW, person

pytestmark = pytest.mark.django_db
OFFERED = {"notice": "soft_opt_in@1", "language": "en", "refused": False}


def buys(customer: Customer, sku: str = "rose") -> None:
    order = Incoming(
        f"{customer}-{sku}", "ordered", NOW - timedelta(days=2), customer=str(customer), sku=sku,
        order_id=f"{customer}-{sku}", context={"soft_opt_in": OFFERED},
    )  # fmt: skip
    events.take_in([order], source="api:secret", at=NOW - timedelta(days=2))


def for_gardens(*names: str):
    made = offer("gardens")
    made.categories.set(Category.objects.filter(name__in=names or ["Garden"]))
    return made


def planned(campaign: Campaign) -> None:
    planning.plan_due(at=NOW)
    assert CampaignRun.objects.get(campaign=campaign).state == CampaignRun.State.DELIVERING


def deliver() -> dict[str, int]:
    return dict(delivery.deliver_all(clock=lambda: NOW))


@pytest.fixture
def bought(boris: Customer, products: dict[str, Product]) -> Customer:
    buys(boris)
    return boris


def test_c11_a_buyer_gets_the_mail_about_similar_products_and_its_basis_is_written_down(
    campaign: Callable[..., Campaign], sink: Sink, bought: Customer, anna: Customer, clara: Customer
) -> None:
    planned(campaign(for_gardens()))
    assert deliver() == {"sent": 2}
    assert sorted(sink.recipients()) == ["anna@mail.example", "boris@mail.example"]
    row = Delivery.objects.get(customer=bought)
    assert (row.basis, row.consent_record_id) == ("soft", None)
    assert (row.decision.basis, row.decision.purpose) == ("soft", "marketing_email")
    assert Delivery.objects.get(customer=anna).basis == "consent", "consent comes first"
    assert audit.audit().violations == []
    shown = Product.objects.filter(sku__in=row.decision.skus)
    assert {product.category for product in shown} <= {garden()}, "nothing unlike it is shown beside it"
    assert shown.exists()


@pytest.mark.parametrize(
    "why", ["everything", "unlike", "no offers", "one unlike", "another channel", "journey"]
)
def test_c11_a_campaign_that_also_advertises_something_else_reaches_no_buyer(
    campaign: Callable[..., Campaign], bought: Customer, why: str
) -> None:
    made = {
        "everything": lambda: campaign(offer("all")),
        "unlike": lambda: campaign(for_gardens("Kitchen")),
        "no offers": lambda: campaign(),
        "one unlike": lambda: campaign(for_gardens("Garden", "Kitchen")),
        "another channel": lambda: campaign(for_gardens(), launched=False, channel="webhook"),
        "journey": lambda: campaign(for_gardens(), launched=False, kind="journey"),
    }[why]()
    found = reach.reachable([bought.pk], channel=made.channel, at=NOW, campaign=made)
    assert (found.permissions, set(found.no_consent)) == ({}, {bought.pk})
    if made.status == Campaign.Status.RUNNING:
        planned(made)
        assert not Delivery.objects.exists()


@pytest.mark.parametrize("what", ["no", "suppressed", "law", "forgot", "campaign", "address"])
def test_c11_what_ends_it_between_planning_and_sending_keeps_the_mail_back(
    campaign: Callable[..., Campaign], sink: Sink, bought: Customer, what: str
) -> None:
    made = campaign(for_gardens())
    planned(made)
    assert Delivery.objects.get().status == "planned"
    if what == "no":
        consent.withdraw(bought.pk, "marketing_email", method="m", source="s", actor="customer", at=NOW)
    elif what == "suppressed":
        Suppression.objects.create(channel="email", address_index=bought.email_index, reason="complaint")
    elif what == "law":
        Jurisdiction.objects.filter(code="EU").update(soft_opt_in=False)
    elif what == "forgot":
        SoftOptIn.objects.all().delete()
    elif what == "address":
        Customer.objects.filter(pk=bought.pk).update(email_index="")
    else:
        made.audiences.get().offers.add(offer("all"))
    assert deliver() == {"suppressed": 1}
    assert sink.mails() == []


def test_c11_a_person_s_no_holds_for_every_later_campaign(
    campaign: Callable[..., Campaign], sink: Sink, bought: Customer
) -> None:
    made = campaign(for_gardens())
    consent.withdraw(bought.pk, "marketing_email", method="m", source="s", actor="customer", at=NOW)
    buys(bought, "spade")
    planned(made)
    assert not Decision.objects.filter(customer=bought).exists()


def test_c11_the_database_takes_a_soft_opt_in_for_a_mail_only(
    campaign: Callable[..., Campaign], sink: Sink, bought: Customer
) -> None:
    planned(campaign(for_gardens()))
    deliver()
    row = Delivery.objects.get()
    for wrong in ({"channel": "webhook"}, {"basis": ""}, {"basis": "sof"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Delivery.objects.filter(pk=row.pk).update(**wrong)


@pytest.mark.parametrize("forged", ["no order", "later order", "unlike", "said no before", "other law"])
def test_c11_the_audit_recomputes_it_from_the_orders_and_names_what_did_not_hold(
    campaign: Callable[..., Campaign], sink: Sink, bought: Customer, forged: str
) -> None:
    planned(campaign(for_gardens()))
    deliver()
    assert audit.audit().violations == []
    if forged == "no order":
        SoftOptIn.objects.all().delete()
    elif forged == "later order":
        SoftOptIn.objects.update(at=NOW + timedelta(days=1))
    elif forged == "unlike":
        SoftOptIn.objects.update(category=Category.objects.get(name="Kitchen"))
    elif forged == "other law":
        Customer.objects.filter(pk=bought.pk).update(jurisdiction="CA")
    else:
        consent.withdraw(
            bought.pk, "marketing_email", method="m", source="s", actor="c", at=NOW - timedelta(days=1)
        )
    told = [line.split()[0] for line in audit.audit().violations]
    assert told == ["decision", "delivery"]


def test_c11_a_later_no_leaves_what_was_sent_before_it_permitted(
    campaign: Callable[..., Campaign], sink: Sink, bought: Customer
) -> None:
    planned(campaign(for_gardens(), control_percent=0))
    deliver()
    consent.withdraw(
        bought.pk, "marketing_email", method="m", source="s", actor="c", at=NOW + timedelta(seconds=1)
    )
    assert audit.audit().violations == []


def test_c11_people_held_out_rest_on_the_campaign_s_own_offers(
    campaign: Callable[..., Campaign], products: dict[str, Product]
) -> None:
    for n in range(6):
        buys(person(f"buyer{n}"))
    made = campaign(for_gardens(), control_percent=50)
    planned(made)
    rows = Decision.objects.filter(campaign=made)
    assert rows.count() == 6
    assert set(rows.values_list("basis", flat=True)) == {"soft"}
    assert audit.audit().violations == []
    made.audiences.get().offers.clear()
    assert len(audit.audit().violations) == rows.filter(offer=None).count()
