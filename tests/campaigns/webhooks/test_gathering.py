"""What happened becomes a message for each endpoint that wants it, once, however late it can be seen."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction

from campaigns import webhooks
from campaigns.models import Decision, Delivery, WebhookEndpoint, WebhookMessage
from campaigns.webhooks import facts as sources
from campaigns.webhooks import gathering
from catalog import together
from customers import consent, identities, privacy, restriction
from customers.models import Customer
from tests.campaigns.webhooks.conftest import Facts, Shop
from tests.conftest import NOW, evidence, person

ALL = {
    "decision.made": 2, "delivery.sent": 1, "outcome.recorded": 1, "consent.changed": 1, "code.redeemed": 1,
    "code.reversed": 1,
}  # fmt: skip


def told() -> dict[str, int]:
    kinds = list(WebhookMessage.objects.values_list("type", flat=True))
    return {kind: kinds.count(kind) for kind in kinds}


def test_each_fact_becomes_one_message_however_often_it_is_looked_for(
    shop: Shop, facts: Facts, anna: Customer
) -> None:
    shop.endpoint()
    facts.everything(anna)
    assert shop.gather() == 7
    assert told() == ALL
    for _ring in range(6):
        shop.wait(minutes=11)
        assert shop.gather() == 0
    assert told() == ALL


def test_what_happened_before_an_endpoint_was_made_is_not_told(
    shop: Shop, facts: Facts, anna: Customer
) -> None:
    facts.everything(anna)
    shop.endpoint()
    assert shop.gather() == 0
    shop.wait(hours=1)
    assert shop.gather() == 0


def test_an_endpoint_hears_only_the_types_it_wants(shop: Shop, facts: Facts, anna: Customer) -> None:
    shop.endpoint(types=("delivery.failed", "consent.changed"))
    facts.everything(anna)
    facts.delivery(anna, "failed")
    assert shop.gather() == 2
    assert told() == {"delivery.failed": 1, "consent.changed": 1}


@pytest.mark.parametrize("status", ["sent", "failed", "suppressed", "unknown", "cancelled"])
def test_every_fate_of_a_delivery_has_a_type(shop: Shop, facts: Facts, anna: Customer, status: str) -> None:
    shop.endpoint(types=(f"delivery.{status}",))
    facts.delivery(anna, status)
    assert shop.gather() == 1
    assert told() == {f"delivery.{status}": 1}


@pytest.mark.parametrize("status", ["planned", "claimed", "transmitting", "retry"])
def test_a_delivery_that_is_under_way_is_not_told(
    shop: Shop, facts: Facts, anna: Customer, status: str
) -> None:
    shop.endpoint()
    facts.delivery(anna, status)
    shop.gather()
    assert told() == {"decision.made": 1}


def test_two_endpoints_each_hear_of_it(shop: Shop, facts: Facts, anna: Customer) -> None:
    for _n in range(2):
        shop.endpoint(types=("code.redeemed",))
    facts.redemption(anna)
    assert shop.gather() == 2
    assert WebhookMessage.objects.values("endpoint").distinct().count() == 2


def test_a_type_that_is_added_is_told_from_then_on(shop: Shop, facts: Facts, anna: Customer) -> None:
    endpoint = shop.endpoint(types=("code.redeemed",))
    facts.delivery(anna)
    webhooks.update(endpoint, {"types": ["code.redeemed", "delivery.sent"]}, by="tests")
    assert shop.gather() == 0
    facts.delivery(anna, at=NOW + timedelta(minutes=1))
    assert shop.gather() == 1


def test_an_endpoint_that_is_paused_loses_nothing(shop: Shop, facts: Facts, anna: Customer) -> None:
    endpoint = shop.endpoint()
    webhooks.pause(endpoint, at=NOW, because="person", by="tests")
    facts.everything(anna)
    assert shop.gather() == 7
    assert shop.send() == {}
    assert shop.partner.received == []
    webhooks.resume(endpoint, by="tests")
    assert shop.send() == {"sent": 7}


def test_many_rows_of_one_hour_are_all_found(
    shop: Shop, facts: Facts, anna: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "PAGE", 3)
    shop.endpoint(types=("delivery.sent",))
    for _n in range(10):
        facts.delivery(anna)
    assert shop.gather() == 10
    for _ring in range(4):
        shop.wait(minutes=11)
        assert shop.gather() == 0
    assert Delivery.objects.count() == WebhookMessage.objects.count() == 10


def test_a_row_that_says_an_earlier_hour_than_those_told_already_is_found_by_the_second_look(
    shop: Shop, facts: Facts, anna: Customer
) -> None:
    """A worker whose clock is slow, or a run that decided by the hour at which it began."""
    shop.endpoint(types=("delivery.sent",))
    facts.delivery(anna)
    assert shop.gather() == 1
    late = facts.delivery(anna, at=NOW - timedelta(minutes=3))
    assert shop.gather() == 0
    shop.wait(minutes=11)
    assert [shop.gather() for _ring in range(2)] == [1, 0]
    assert WebhookMessage.objects.filter(fact=str(late.pk)).count() == 1


def test_a_page_that_is_killed_is_looked_at_again_and_tells_nothing_twice(
    shop: Shop, facts: Facts, anna: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = shop.endpoint(types=("code.redeemed",))
    facts.redemption(anna)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):

        def killed(*_args: object, **_fields: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(WebhookEndpoint, "save", killed)
        shop.gather()
    assert WebhookMessage.objects.count() == 0
    assert shop.gather() == 1
    # A cursor that is set back, as by an older backup, hands over what is new only.
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(cursors=endpoint.cursors)
    shop.gather()
    assert WebhookMessage.objects.count() == 1


def test_a_decision_that_was_written_together_with_others_is_found_too(
    shop: Shop, facts: Facts, anna: Customer
) -> None:
    """As the shop's own pages decide, in one statement with all else that changes."""
    shop.endpoint(types=("decision.made",))
    rows = [
        Decision(customer=anna, placement="home", purpose="personalization", basis="default", decided_at=NOW)
        for _n in range(3)
    ]
    with transaction.atomic():
        together.write(together.insert(rows))
    assert shop.gather() == 3


# --- people ----------------------------------------------------------------------------------------------------------


def test_of_a_person_a_partner_is_told_nothing_without_permission(
    shop: Shop, facts: Facts, anna: Customer, boris: Customer
) -> None:
    shop.endpoint(receiver="partner")
    facts.everything(boris)
    facts.redemption(None)
    assert shop.gather() == 0
    facts.everything(anna)
    assert shop.gather() == 7
    assert {*WebhookMessage.objects.values_list("customer_id", flat=True)} == {anna.pk}


def test_the_shop_s_own_system_hears_of_everyone_and_of_codes_used_by_nobody_known(
    shop: Shop, facts: Facts, boris: Customer
) -> None:
    shop.endpoint()
    facts.everything(boris)
    facts.redemption(None)
    assert shop.gather() == 8


def test_of_whom_data_are_restricted_only_their_answers_are_told(
    shop: Shop, facts: Facts, anna: Customer
) -> None:
    shop.endpoint()
    with transaction.atomic():
        restriction.restrict(consent.hold([anna.pk]).values(), at=NOW)
    facts.everything(anna)
    shop.gather()
    assert told() == {"consent.changed": 1}


def test_nobody_hears_of_somebody_who_was_erased(shop: Shop, facts: Facts, anna: Customer) -> None:
    shop.endpoint()
    facts.everything(anna)
    privacy.erase(anna.pk, actor="tests", at=NOW)
    # What is left is the code that was used, of nobody known any more.
    shop.gather()
    assert set(told()) <= {"code.redeemed", "code.reversed"}
    assert not WebhookMessage.objects.filter(customer__isnull=False).exists()


def test_what_waits_goes_with_its_person(shop: Shop, facts: Facts, anna: Customer, boris: Customer) -> None:
    shop.endpoint()
    facts.everything(anna)
    facts.redemption(boris)
    shop.gather()
    privacy.erase(anna.pk, actor="tests", at=NOW)
    assert list(WebhookMessage.objects.values_list("customer_id", flat=True)) == [boris.pk]
    assert shop.send() == {"sent": 1}


def test_what_a_visitor_did_is_told_of_the_customer_they_turned_out_to_be(
    shop: Shop, facts: Facts, anna: Customer
) -> None:
    endpoint = shop.endpoint(types=("code.redeemed",))
    visitor = Customer.objects.create(jurisdiction="EU")
    facts.redemption(visitor)
    shop.gather()
    identities.merge(anna.pk, visitor.pk, actor="tests", at=NOW)
    shop.send()
    assert [body["data"]["customer"] for body in shop.told(endpoint)] == ["anna"]


# --- PostgreSQL shows rows when they are committed -------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer")
@pytest.mark.parametrize("kind", ["consent.changed", "decision.made"])
def test_a_row_committed_after_one_with_a_greater_number_is_told(shop: Shop, facts: Facts, kind: str) -> None:
    anna, boris = person("anna"), person("boris")
    endpoint = shop.endpoint(types=(kind,))
    written, may_commit = threading.Event(), threading.Event()

    def write(customer: Customer) -> None:
        if kind == "consent.changed":
            consent.give(customer.pk, "analytics", evidence=evidence("analytics"), at=NOW)
        else:
            facts.decision(customer)

    def slowly() -> None:
        with transaction.atomic():
            write(anna)
            written.set()
            assert may_commit.wait(20)
        connection.close()

    thread = threading.Thread(target=slowly)
    thread.start()
    assert written.wait(20)
    write(boris)
    # As long as the first is not committed nobody is sure, and nothing is passed over.
    rings = []
    for _ring in range(4):
        rings.append(shop.gather())
        shop.wait(minutes=11)
    may_commit.set()
    thread.join()
    late = [shop.gather() for _ring in range(2)]
    endpoint.refresh_from_db()
    assert (rings, sum(late)) == ([1, 0, 0, 0], 1)
    assert {*WebhookMessage.objects.values_list("customer_id", flat=True)} == {anna.pk, boris.pk}


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer")
def test_two_that_look_at_once_hand_over_once(shop: Shop, facts: Facts) -> None:
    anna = person("anna")
    shop.endpoint(types=("code.redeemed",))
    for _n in range(50):
        facts.redemption(anna)
    found: list[int] = []

    def look() -> None:
        found.append(shop.gather())
        connection.close()

    threads = [threading.Thread(target=look) for _n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(found) == WebhookMessage.objects.count() == 50


def test_each_source_walks_an_index_from_where_it_stopped(
    db: None, django_assert_max_num_queries, facts: Facts, anna: Customer, shop: Shop
) -> None:
    """Looking where nothing is new takes a few questions, however much there is."""
    shop.endpoint()
    for _n in range(30):
        facts.decision(anna)
    shop.gather()
    assert Decision.objects.count() == 30
    with django_assert_max_num_queries(1 + 5 * len(sources.SOURCES) + 4):
        shop.gather()
