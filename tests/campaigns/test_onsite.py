"""What a placement shows, decided anew with few statements and many at once: what is limited stays exact."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection, connections, transaction
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns import codes, experiments, onsite
from campaigns.models import Campaign, CapCount, Code, Decision, Offer, OfferCap, Placement, Segment
from campaigns.offers import rooms
from catalog import together
from catalog.models import Product
from customers import consent
from customers.models import Customer, Event, SensitiveAttribute
from recommender.algorithms.frequency import Frequency
from recommender.models import RefusedInterest
from recommender.serving import affinity as suited
from tests.campaigns.conftest import offer, people
from tests.conftest import NOW, Caller
from tests.recommender.live import go_live

Make = Callable[..., Campaign]
OPENING = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")
RULE = {"attribute": "country", "is": "DE"}
IS_POSTGRESQL = connection.vendor == "postgresql"


def statements(ask: Callable[[], object]) -> list[str]:
    """The statements it takes, those that open and close a transaction apart."""
    with CaptureQueriesContext(connection) as queries:
        ask()
    said = [row["sql"].strip() for row in queries.captured_queries]
    return [sql for sql in said if sql.split()[0] not in OPENING]


def shop(campaign: Make, *, offers: int, ranking: str = "priority", **more: object) -> None:
    """A home page with two slots: offers with every kind of cap, a budget, a rule, and a pool of codes."""
    lines = [{"when": RULE, "value": {"fit": 1}}, {"when": None, "value": {"works": 1}}]
    home = Placement.objects.create(
        slug="home",
        name="Home",
        slots=2,
        ranking=ranking,
        formula=lines if ranking == "formula" else [],
        **more,
    )
    rows = [
        offer(f"o{n:02}", value=5 + n, max_total=90, budget=1000, max_discount=9, eligibility=RULE)
        for n in range(offers)
    ]
    for row in rows:
        OfferCap.objects.create(offer=row, most=5)
        OfferCap.objects.create(offer=row, most=80, scope="total", every_days=7)
        OfferCap.objects.create(offer=row, most=80, scope="total", event="clicked")
    pool = offer("pool", value=99, code_kind="pool", priority=9)
    codes.generate(pool, 20, by="tests", at=NOW)
    campaign(*rows, pool, channel="onsite", placement="home")
    names = [row.slug for row in (*rows, pool)]
    weights = dict.fromkeys(
        ("recency", "orders", "spent", "spent_lately", "basket", "products", "known_for"), 0.1
    )
    arms: dict[str, dict[str, object]] = {
        "bandit": {"share": 0.5, "people": 9, "successes": 1},
        "personal": {"people": 9, "successes": 1, "intercept": -1.0, "slope": 0.5},
        "uplift": {"people": 9, "effect": 1.0, "level": 1.0, "weights": weights},
    }
    if ranking in arms:
        known = dict.fromkeys(names, arms[ranking])
        if ranking == "bandit":  # drawn by chance: the pool's as good as always
            known |= {row.slug: arms[ranking] | {"share": 1e-12} for row in rows}
        home.states.create(at=NOW, method=ranking, arms=known)


def bought(ids: list[int], product: Product) -> None:
    """Each has bought it, and a model of what they buy again is live."""
    Event.objects.bulk_create(
        Event(
            customer_id=pk, product=product, type="ordered", order_id=f"o{pk}", quantity=1, value=9, currency="EUR",
            occurred_at=NOW - timedelta(days=3), received_at=NOW, message_id=f"m{pk}", source="tests",
            basis="contract",
        )
        for pk in ids
    )  # fmt: skip
    go_live(Frequency())


@pytest.mark.django_db
@pytest.mark.parametrize("ranking", ["priority", "formula", "bandit", "personal", "uplift"])
def test_deciding_anew_takes_six_statements_at_most(
    ranking: str, server: Caller, campaign: Make, products: dict[str, Product]
) -> None:
    """docs/decisions/0019 says which."""
    ids = people(2)
    bought(ids, products["rose"])
    shop(campaign, offers=20, ranking=ranking)
    server("GET", "offers?customer=c000&placement=home")  # the catalogue is read
    said = statements(lambda: server("GET", "offers?customer=c001&placement=home"))
    first, second = Decision.objects.filter(customer=ids[1]).order_by("slot")
    assert {first.offer.code_kind, second.offer.code_kind} == {"pool", "unique"}
    assert first.candidates[0]["verdict"] in ("eligible", "chosen")
    assert {one["by"] for one in first.candidates if one["verdict"] == "chosen"} == {ranking}
    assert (first.personalized, first.model.task, len(first.candidates)) == (True, "recommend", 21)
    assert first.consent_record_id == first.personalization_record_id is not None
    if IS_POSTGRESQL:
        # key, person, leave and what stands; programme; hold; the person's facts; all changes
        assert len(said) == 5
    else:
        # key, person, leave, what stands and the programme; the person's facts; offers, counts, codes, decisions
        assert [sql.split()[0] for sql in said] == ["WITH", "WITH", "UPDATE", "INSERT", "INSERT", "INSERT"]


@pytest.mark.django_db
def test_nor_does_what_a_rule_names_a_refusal_or_a_new_period_take_one_more(
    server: Caller, campaign: Make, products: dict[str, Product]
) -> None:
    """All at once: segments within segments, a product's circle, a refused interest, and caps that begin to count."""
    ids = people(2)
    bought(ids, products["rose"])
    Segment.objects.create(slug="inner", name="Inner", rule=RULE)
    Segment.objects.create(slug="outer", name="Outer", rule={"all": [{"segment": "inner"}, RULE]})
    shop(campaign, offers=20)
    circle = {"affinity": {"sku": "rose"}, "top": 500}
    for n, row in enumerate(Offer.objects.exclude(slug="pool").order_by("pk")):
        row.eligibility = {"any": [{"segment": "outer"}, circle]} if n % 2 else {"segment": "inner"}
        row.save()
    Segment.objects.filter(campaigns__isnull=False).update(rule={"any": [{"segment": "outer"}, circle]})
    asked = "offers?customer={}&placement=home"
    server("GET", asked.format("c000"))  # the catalogue is read
    CapCount.objects.all().delete()
    RefusedInterest.objects.create(customer_id=ids[1], category=products["rose"].category, at=NOW)
    server("GET", "offers?customer=nobody&placement=home")
    suited.ids_for([products["rose"].pk], top=500, at=NOW)
    said = statements(lambda: server("GET", asked.format("c001")))
    decisions = Decision.objects.filter(customer=ids[1])
    assert [row.offer is not None for row in decisions] == [True, True]
    assert "not_eligible" not in {one["verdict"] for row in decisions for one in row.candidates}
    assert CapCount.objects.count() == decisions.exclude(offer__code_kind="pool").count() == 1
    assert len(said) == (5 if IS_POSTGRESQL else 6), said


@pytest.mark.django_db
def test_a_cap_set_on_an_offer_that_is_out_begins_with_what_was_given(server: Caller, campaign: Make) -> None:
    people(4)
    row = offer("ten")
    campaign(row, channel="onsite", placement="home")
    ask = "offers?customer={}&placement=home"
    for name in ("c000", "c001"):
        server("GET", ask.format(name))
    OfferCap.objects.create(offer=row, most=3, scope="total")
    assert server("GET", ask.format("c002")).body["offers"]
    assert CapCount.objects.get().used == 3
    assert server("GET", ask.format("c003")).body["offers"] == []
    assert CapCount.objects.get().used == 3


@pytest.mark.django_db
@pytest.mark.parametrize("meanwhile", ["begun", "given", "released"])
def test_r5_a_count_that_begins_is_missed_if_anything_was_given_since(meanwhile: str) -> None:
    (pk,) = people(1)
    row = offer("ten", given=2)
    cap = OfferCap.objects.create(offer=row, most=4, scope="total")
    supply = rooms.Supply([row], [pk], [cap], at=NOW, spare=1)
    found = rooms.rooms([row], supply)
    assert found[row.pk].take(pk) == ""
    if meanwhile == "begun":
        CapCount.objects.create(cap=cap, used=1)
    else:
        Offer.objects.update(given=3 if meanwhile == "given" else 1)
    with pytest.raises(together.Missed), transaction.atomic():
        together.write(*rooms.taken(found, at=NOW))
    assert list(CapCount.objects.values_list("used", flat=True)) == ([1] if meanwhile == "begun" else [])


@pytest.mark.django_db
def test_the_number_of_offers_and_audiences_changes_nothing(server: Caller, campaign: Make) -> None:
    people(4)
    shop(campaign, offers=2)
    server("GET", "offers?customer=c000&placement=home")
    few = statements(lambda: server("GET", "offers?customer=c001&placement=home"))
    later = [offer(f"later-{n:02}", value=50 + n, max_total=9, max_per_customer=2) for n in range(20)]
    for n in range(45):  # in none of these is anybody, and more are asked than one part of a question holds
        campaign(*later[:9], channel="onsite", placement="home", rule={"attribute": "country", "is": f"X{n}"})
    campaign(*later, channel="onsite", placement="home", priority=0)
    Campaign.objects.filter(audiences__segment__rule={"attribute": "country", "is": "X0"}).update(priority=9)
    assert len(statements(lambda: server("GET", "offers?customer=c002&placement=home"))) <= len(few)


@pytest.mark.django_db
def test_what_stands_takes_one_statement_and_what_everybody_sees_two_at_most(
    server: Caller, campaign: Make, anna: Customer, boris: Customer
) -> None:
    shop(campaign, offers=3)
    ask = "offers?customer={}&placement=home"
    told = server("GET", ask.format("anna")).body
    said = statements(lambda: server("GET", ask.format("anna")))
    assert server("GET", ask.format("anna")).body == told
    assert len(said) == 1
    assert len(statements(lambda: server("GET", ask.format("boris")))) == (2 if IS_POSTGRESQL else 1)
    assert len(statements(lambda: server("GET", "offers?placement=home"))) == 2


@pytest.mark.django_db
def test_a_control_person_and_one_nothing_is_left_for_take_no_more(
    server: Caller, campaign: Make, anna: Customer
) -> None:
    row = campaign(
        offer("none", max_total=0), channel="onsite", placement="home", control_percent=Decimal(50)
    )
    server("GET", "offers?customer=nobody&placement=home")
    for arm in ("control", "treated"):
        Decision.objects.all().delete()
        Campaign.objects.filter(pk=row.pk).update(salt=salt_for(arm, row, anna.pk))
        server("GET", "offers?customer=anna&placement=elsewhere")
        said = statements(lambda: server("GET", "offers?customer=anna&placement=home"))
        kept = Decision.objects.get()
        assert (kept.arm, kept.offer) == (arm, None)
        assert len([sql for sql in said if "is_listed" not in sql]) <= 6


def salt_for(arm: str, row: Campaign, pk: int) -> str:
    return next(str(n) for n in range(100) if experiments.arms(str(n), row.control_percent, [pk])[pk] == arm)


@pytest.mark.django_db
def test_a_code_that_lapsed_lives_again_with_a_new_decision(
    server: Caller, campaign: Make, anna: Customer
) -> None:
    campaign(offer("ten", max_per_customer=5), channel="onsite", placement="home")
    first = server("GET", "offers?customer=anna&placement=home").body["offers"][0]
    past = timezone.now() - timedelta(hours=1)
    Code.objects.update(expires_at=past, state="expired")
    Decision.objects.update(expires_at=past)
    second = server("GET", "offers?customer=anna&placement=home").body["offers"][0]
    code = Code.objects.get()
    assert (second["code"], code.state) == (first["code"], "assigned")
    assert code.expires_at is not None
    assert code.expires_at > timezone.now() + timedelta(days=29)
    assert Decision.objects.count() == 2
    assert Offer.objects.get().given == 2


@pytest.mark.django_db
def test_a_sensitive_attribute_without_approval_chooses_nobody_here(
    server: Caller, campaign: Make, anna: Customer
) -> None:
    campaign(offer("ten", eligibility=RULE), offer("five", value=5), channel="onsite", placement="home")
    SensitiveAttribute.objects.create(name="country")
    told = server("GET", "offers?customer=anna&placement=home").body
    assert [one["offer"] for one in told["offers"]] == ["five"]
    verdicts = {one["offer"]: one["verdict"] for one in Decision.objects.get().candidates}
    assert verdicts == {"five": "chosen", "ten": "not_eligible"}


@pytest.mark.django_db
@pytest.mark.parametrize("gone", ["total", "budget", "count", "archived"])
def test_r5_what_somebody_else_took_meanwhile_is_missed_and_nothing_is_kept(gone: str) -> None:
    """What the shop reads without a lock may be old when it is taken."""
    (pk,) = people(1)
    row = offer("ten", max_total=5, benefit="amount", value=Decimal(5), budget=Decimal(20))
    cap = OfferCap.objects.create(offer=row, most=4, scope="total")
    count = CapCount.objects.create(cap=cap, used=3)
    supply = rooms.Supply([row], [pk], [cap], at=NOW, spare=1)
    found = rooms.rooms([row], supply)
    assert found[row.pk].take(pk) == ""
    if gone == "count":
        CapCount.objects.update(used=4)
    else:
        Offer.objects.update(
            **{"total": {"given": 5}, "budget": {"discount_given": 16}, "archived": {"status": "archived"}}[
                gone
            ]
        )
    row.refresh_from_db()
    count.refresh_from_db()
    with pytest.raises(together.Missed), transaction.atomic():
        together.write(*rooms.taken(found, at=NOW))
    assert list(Offer.objects.values_list("given", "discount_reserved")) == [(row.given, Decimal(0))]
    assert CapCount.objects.get().used == count.used


# --- many at once ----------------------------------------------------------------------------------------------------


def at_once(ids: list[int]) -> list[onsite.Shown]:
    """All ask at the same moment, each on a connection of their own."""
    gate, shown, failed = threading.Barrier(len(ids)), [], []

    def ask(pk: int) -> None:
        gate.wait()
        try:
            shown.append(onsite.decide(pk, "home", at=timezone.now()))
        except Exception as error:
            failed.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask, args=(pk,)) for pk in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    return shown


@pytest.mark.django_db(transaction=True)
def test_r5_many_who_come_at_once_share_what_there_is_and_pass_no_cap(campaign: Make) -> None:
    ids = people(24)
    Placement.objects.create(slug="home", name="Home", slots=2)
    rows = [
        offer("rare", max_total=7, priority=5),
        offer("dear", benefit="amount", value=5, budget=Decimal(33), priority=4),
        offer("weekly", priority=3),
        offer("pool", code_kind="pool", priority=2),
    ]
    OfferCap.objects.create(offer=rows[2], most=9, scope="total", every_days=7)
    codes.generate(rows[3], 5, by="tests", at=NOW)
    campaign(*rows, offer("ten"), channel="onsite", placement="home")
    at_once(ids)
    given = {row.slug: row.given for row in Offer.objects.all()}
    assert given == {"rare": 7, "dear": 6, "weekly": 9, "pool": 5, "ten": 12}
    for row in Offer.objects.all():
        kept = Decision.objects.filter(offer=row)
        assert row.given == kept.count() == kept.values("customer").distinct().count()
        assert row.discount_reserved == kept.aggregate(s=Sum("set_aside", default=0))["s"]
    assert CapCount.objects.get().used == 9
    assert Code.objects.filter(offer=rows[3], customer__isnull=False).count() == 5
    codes_of = Counter(Decision.objects.values_list("code", flat=True))
    assert set(codes_of.values()) == {1}
    assert None not in codes_of
    assert not any("not_in_force" in str(row.candidates) for row in Decision.objects.all())


@pytest.mark.django_db(transaction=True)
def test_r5_one_person_who_asks_many_times_at_once_is_decided_for_once(campaign: Make) -> None:
    (pk,) = people(1)
    campaign(offer("ten", max_total=3), channel="onsite", placement="home")
    shown = at_once([pk] * 8)
    assert {one.decision.pk for one in shown} == {Decision.objects.get().pk}
    assert (Offer.objects.get().given, Code.objects.count()) == (1, 1)


@pytest.mark.django_db
def test_c13_the_browsers_no_counts_for_the_same_answer(
    server: Caller, browser: Callable[[str], Caller], campaign: Make, anna: Customer
) -> None:
    campaign(offer("ten"), channel="onsite", placement="home")
    assert server("GET", "offers?customer=anna&placement=home").body["fallback"] is False
    assert browser("anna")("GET", "offers?placement=home").body["fallback"] is False
    assert browser("anna")("GET", "offers?placement=home", **{"Sec-GPC": "1"}).body["fallback"] is True


@pytest.mark.django_db
def test_s1_what_was_asked_with_the_key_is_shown_to_nobody_else(
    browser: Callable[[str], Caller], campaign: Make, anna: Customer, clara: Customer
) -> None:
    campaign(offer("ten"), channel="onsite", placement="home")
    assert browser("anna")("GET", "offers?placement=home").body["offers"][0]["code"]
    answer = browser("clara")("GET", "offers?placement=home&customer=anna")
    assert (answer.status, "offers" in answer.body) == (403, False)
    assert browser("clara")("GET", "offers?placement=home").body["decision_id"] is None


@pytest.mark.django_db
def test_new_codes_have_the_numbers_that_were_drawn_for_them(server: Caller, campaign: Make) -> None:
    people(2)
    campaign(offer("ten"), offer("five"), channel="onsite", placement="home")
    Placement.objects.create(slug="home", name="Home", slots=2)
    for name in ("c000", "c001"):
        server("GET", f"offers?customer={name}&placement=home")
    rows = Decision.objects.select_related("code", "offer")
    assert all((row.code.offer, row.code.customer_id) == (row.offer, row.customer_id) for row in rows)
    assert len({row.code_id for row in rows}) == len(rows) == 4
    last = Code.objects.order_by("-pk").first()
    assert codes.assign(last.offer, people(1, prefix="late"), at=NOW)  # the next number is free


@pytest.mark.django_db(transaction=True)
def test_c1_a_no_that_comes_before_the_decision_wins(campaign: Make) -> None:
    (pk,) = people(1)
    campaign(offer("ten"), channel="onsite", placement="home")
    consent.withdraw(pk, "personalization", method="m", source="s", actor="a", at=timezone.now())
    assert onsite.decide(pk, "home", at=timezone.now()).decisions == []
    assert not Decision.objects.exists()
    assert not Code.objects.exists()
