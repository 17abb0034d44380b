"""Offers on the site, and codes at the till."""

import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns import codes, onsite
from campaigns.codes import AlreadyUsed, NotRedeemable
from campaigns.models import Campaign, Code, Decision, Offer, Redemption
from customers import consent
from customers.models import Customer
from recommender.models import ModelVersion, Score
from tests.campaigns.conftest import offer, people
from tests.conftest import NOW, Caller

pytestmark = pytest.mark.django_db
Make = Callable[..., Campaign]


def onsite_campaign(campaign: Make, *offers: Offer, **more: object) -> Campaign:
    return campaign(*offers, channel="onsite", placement="home", **more)


def test_a_person_sees_their_offer_and_sees_it_again(server: Caller, campaign: Make, anna: Customer) -> None:
    onsite_campaign(campaign, offer("ten", translations={"zh-hans": {"title": "九折"}}))
    first = server("GET", "offers?customer=anna&placement=home").body
    assert first["fallback"] is False
    (shown,) = first["offers"]
    assert shown["benefit"] == {"type": "percent", "value": "10.00", "currency": "EUR"}
    assert Code.objects.get().value == shown["code"]
    again = server("GET", "offers?customer=anna&placement=home&language=zh-hans").body
    assert (again["decision_id"], again["offers"][0]["title"]) == (first["decision_id"], "九折")
    assert (Decision.objects.count(), Offer.objects.get().given) == (1, 1)
    decision = Decision.objects.get()
    assert (decision.purpose, decision.run, decision.basis) == ("personalization", None, "consent")


def test_who_does_not_allow_it_sees_what_everybody_sees(
    server: Caller, browser, campaign: Make, anna: Customer, boris: Customer, clara: Customer
) -> None:
    open_to_all = offer("shipping", benefit="free_shipping", code_kind="none", max_per_customer=None)
    onsite_campaign(campaign, offer("ten"), open_to_all)
    for path in ("customer=boris", "customer=clara", "customer=nobody", ""):
        answer = server("GET", f"offers?placement=home&{path}").body
        assert (answer["fallback"], answer["decision_id"]) == (True, None)
        assert [entry["offer"] for entry in answer["offers"]] == ["shipping"]
    assert browser("")("GET", "offers?placement=home&customer=anna").body["fallback"] is True
    assert Decision.objects.count() == 0
    own = browser("anna")("GET", "offers?placement=home").body
    assert own["fallback"] is False
    consent.withdraw(anna.pk, "personalization", method="m", source="s", actor="a", at=NOW)
    assert server("GET", "offers?placement=home&customer=anna").body["fallback"] is True


def test_the_control_group_sees_what_everybody_sees_and_is_counted(
    server: Caller, campaign: Make, anna: Customer
) -> None:
    onsite_campaign(campaign, offer("ten"), control_percent=Decimal("99.99"))
    answer = server("GET", "offers?customer=anna&placement=home").body
    assert (answer["fallback"], answer["offers"]) == (True, [])
    assert Decision.objects.get().arm == "control"
    server("GET", "offers?customer=anna&placement=home")
    assert Decision.objects.count() == 1


def test_no_campaign_and_no_audience_are_no_errors(server: Caller, campaign: Make, anna: Customer) -> None:
    empty: dict[str, object] = {"decision_id": None, "placement": "home", "offers": [], "fallback": True}
    assert server("GET", "offers?placement=home&customer=anna").body == empty
    onsite_campaign(campaign, offer("ten"), rule={"attribute": "country", "is": "XX"})
    assert server("GET", "offers?placement=home&customer=anna").body == empty
    assert server("GET", "offers?customer=anna").status == 400


def test_a_decision_costs_a_bounded_number_of_queries(server: Caller, campaign: Make, anna: Customer) -> None:
    onsite_campaign(campaign, *(offer(f"o{n}") for n in range(12)))
    with CaptureQueriesContext(connection) as queries:
        server("GET", "offers?customer=anna&placement=home")
    assert len(queries) <= 40
    with CaptureQueriesContext(connection) as queries:
        server("GET", "offers?customer=anna&placement=home")
    assert len(queries) <= 16


@pytest.mark.django_db(transaction=True)
def test_r5_a_cap_is_never_passed_by_people_who_ask_at_once(campaign: Make) -> None:
    ids = people(20)
    onsite_campaign(campaign, offer("rare", max_total=7))
    gate = threading.Barrier(20)
    fallbacks: list[bool] = []

    def ask(pk: int) -> None:
        gate.wait()
        fallbacks.append(onsite.decide(pk, "home", at=timezone.now()).fallback)
        connections.close_all()

    threads = [threading.Thread(target=ask, args=(pk,)) for pk in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(fallbacks) == [False] * 7 + [True] * 13
    assert (Offer.objects.get().given, Decision.objects.filter(offer__isnull=False).count()) == (7, 7)


# --- codes -------------------------------------------------------------------------------------------------------


def code_of(person: Customer, at=None, **fields: object) -> Code:
    return codes.assign(offer("ten", **fields), [person.pk], at=at or timezone.now())[person.pk]


ORDER = {"customer": "anna", "order_id": "o1", "amount": "80.05", "currency": "EUR"}


def test_a_code_is_validated_redeemed_once_and_reversed(server: Caller, anna: Customer) -> None:
    value = code_of(anna).value
    body = {**ORDER, "code": f" {value.lower()} "}
    worth = {"discount": "8.01", "currency": "EUR", "code": value, "offer": "ten"}  # 8.005, half a cent up
    assert server("POST", "codes/validate", body).body == worth
    assert Redemption.objects.count() == 0
    assert server("POST", "codes/redeem", body).body == worth
    assert server("POST", "codes/redeem", body).body == worth  # the same order again
    other = server("POST", "codes/redeem", {**body, "order_id": "o2"})
    assert (other.status, other.body["code"]) == (409, "already_used")
    assert Offer.objects.get().discount_given == Decimal("8.01")
    for _ in range(2):
        assert server("POST", "codes/reverse", {"code": value, "order_id": "o1"}).status == 200
    assert Offer.objects.get().discount_given == 0
    assert server("POST", "codes/redeem", {**body, "order_id": "o2"}).status == 200


@pytest.mark.parametrize(
    ("fields", "order", "code"),
    [
        ({}, {"code": "NONE"}, "unknown"),
        ({"minimum_amount": Decimal(100)}, {}, "minimum_not_met"),
        ({"starts_at": NOW + timedelta(days=3650)}, {}, "not_started"),
        ({"ends_at": NOW - timedelta(days=1)}, {}, "expired"),
        ({}, {"customer": "boris"}, "wrong_customer"),
        ({}, {"customer": "nobody"}, "wrong_customer"),
        ({}, {"currency": "USD"}, "not_applicable"),
        ({"status": "archived"}, {}, "unknown"),
    ],
)
def test_a_code_that_does_not_hold_says_why(
    server: Caller, anna: Customer, boris: Customer, fields: dict, order: dict, code: str
) -> None:
    value = code_of(anna, **fields).value
    answer = server("POST", "codes/redeem", {**ORDER, "code": value, **order})
    assert (answer.status, answer.body["code"]) == (422, code)
    assert Redemption.objects.count() == 0


def test_an_offer_of_a_category_wants_a_product_of_it(server: Caller, anna: Customer, products) -> None:
    code = code_of(anna)
    code.offer.categories.set([products["rose"].category])
    body = {**ORDER, "code": code.value}
    assert server("POST", "codes/validate", {**body, "skus": ["mug"]}).body["code"] == "not_applicable"
    assert server("POST", "codes/validate", {**body, "skus": ["mug", "rose"]}).status == 200


def test_the_budget_is_exact(anna: Customer, boris: Customer) -> None:
    first = code_of(anna, budget=Decimal(15))
    second = codes.assign(first.offer, [boris.pk], at=NOW)[boris.pk]
    ask = {"amount": Decimal(100), "currency": "EUR", "at": NOW, "customer_id": None}
    codes.redeem(first.value, order_id="a", **ask)
    with pytest.raises(NotRedeemable) as refused:
        codes.redeem(second.value, order_id="b", **ask)
    assert refused.value.code == "limit_reached"
    second.refresh_from_db()
    assert (second.state, Offer.objects.get().discount_given) == ("assigned", Decimal(10))


@pytest.mark.django_db(transaction=True)
def test_r5_fifty_tills_at_once_redeem_a_code_once(anna: Customer) -> None:
    code = code_of(anna)
    gate = threading.Barrier(50)
    won: list[str] = []
    lost: list[str] = []

    def till(n: int) -> None:
        gate.wait()
        try:
            ask = {"amount": Decimal(50), "currency": "EUR", "at": timezone.now(), "customer_id": anna.pk}
            codes.redeem(code.value, order_id=f"o{n}", **ask)
            won.append(f"o{n}")
        except AlreadyUsed:
            lost.append(f"o{n}")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=till, args=(n,)) for n in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 49)
    assert Redemption.objects.get().order_id == won[0]
    assert Offer.objects.get().discount_given == Decimal(5)


def test_the_same_person_has_the_same_code_everywhere(anna: Customer) -> None:
    first = code_of(anna)
    again = codes.assign(first.offer, [anna.pk], at=timezone.now())[anna.pk]
    assert first.pk == again.pk
    assert set(first.value.replace("-", "")) <= set(codes.ALPHABET)


def test_a_profile_tells_what_is_inferred_while_it_is_allowed(
    server: Caller, browser, anna: Customer
) -> None:
    assert server("GET", "customers/anna/profile").body["scores"] is None
    model = ModelVersion.objects.create(
        task="propensity", algorithm="futures", parameters={"churn_days": 60.0}, state="live", file="f",
        sha256="0" * 64, people=1, interactions=1, trained_until=NOW,
    )  # fmt: skip
    Score.objects.create(customer=anna, purchase=0.4, lifetime_value=120.5, model=model)
    told = server("GET", "customers/anna/profile").body
    scores = told["scores"]
    assert (told["personalized"], scores["purchase"], scores["churn"]) == (True, 0.4, None)
    assert (scores["lifetime_value"], scores["expected_at"]) == (120.5, None)
    assert (scores["rests_on"]["version"], scores["rests_on"]["churn_days"]) == (model.pk, 60.0)
    assert browser("anna")("GET", "customers/anna/profile").status == 403
    assert server("GET", "customers/nobody/profile").status == 404
    consent.withdraw(anna.pk, "personalization", method="m", source="s", actor="a", at=NOW)
    told = server("GET", "customers/anna/profile").body
    assert (told["personalized"], told["interests"], told["scores"]) == (False, [], None)
