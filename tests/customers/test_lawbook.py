"""What the law said, and whose held for a person, at moments of the past: C1, C2, C4."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns import audit
from customers import consent, hindsight, identities, lawbook, policies, privacy, purposes
from customers.hindsight import Question
from customers.lawbook import BEGINNING
from customers.models import Customer, Event, FormerLaw, Jurisdiction, PolicyVersion, SilentYes, SoftOptIn
from customers.policies import Narrowed, Terms
from tests import desk
from tests.conftest import NOW, person, tampering

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def law(code: str) -> tuple[Jurisdiction, Terms]:
    row = Jurisdiction.objects.get(code=code)
    return row, policies.terms_of(row)


def say(code: str, *silent: str, at, soft: bool | None = None, countries: set[str] | None = None) -> None:
    """A jurisdiction says another thing from then on."""
    row, before = law(code)
    after = Terms(
        before.countries if countries is None else frozenset(countries),
        frozenset(silent),
        before.soft_opt_in if soft is None else soft,
    )
    policies.change(row, before, after, by="pia", at=at)


def viewed(customer: Customer, at, message_id: str = "v") -> Event:
    return Event.objects.create(
        customer=customer, type="viewed", occurred_at=at, received_at=at, source="tests", message_id=message_id,
        basis="default",
    )  # fmt: skip


def allowed(customer: Customer, *moments, purpose: str = "analytics") -> list[bool]:
    return [
        one.allowed
        for one in hindsight.answers([Question(customer.pk, purpose, moment) for moment in moments])
    ]


def test_the_built_in_laws_hold_from_the_beginning() -> None:
    versions = {row.code: row for row in PolicyVersion.objects.all()}
    assert versions.keys() == purposes.POLICIES.keys()
    for code, policy in purposes.POLICIES.items():
        assert (versions[code].since, versions[code].number, versions[code].changed_by) == (BEGINNING, 1, "")
        assert set(versions[code].silent) == set(policy.silence_means_yes)
    purposes.put_policies()
    assert PolicyVersion.objects.count() == len(purposes.POLICIES)
    assert lawbook.gaps() == []


def test_a_built_in_law_that_comes_later_holds_from_then_on() -> None:
    policies.remove(law("AU")[0], by="pia", at=NOW)
    purposes.put_policies()
    newest = PolicyVersion.objects.filter(code="AU").order_by("-number")[0]
    assert (newest.number, newest.is_removed) == (3, False)
    assert newest.since > NOW


def test_c2_c4_a_stricter_law_makes_no_violation_of_what_was_lawful() -> None:
    joe = person("joe", country="US")
    viewed(joe, NOW - DAY)
    say("US-CA", at=NOW)
    assert not consent.decide(joe.pk, "analytics", at=NOW).allowed
    assert audit.audit().violations == []
    late = viewed(joe, NOW, "late")
    assert audit.audit().violations == [
        f"event {late.pk}: analytics of customer #{joe.pk} at {NOW.isoformat()}: never asked, and US-CA asks first"
    ]


def test_c2_c4_a_laxer_law_excuses_nothing_that_was_not_allowed(boris: Customer) -> None:
    forged = viewed(boris, NOW - DAY)
    say("EU", "analytics", at=NOW)
    viewed(boris, NOW, "lawful")
    assert [line.partition(":")[0] for line in audit.audit().violations] == [f"event {forged.pk}"]


def test_c4_the_law_that_comes_and_goes_is_followed_to_the_moment(boris: Customer) -> None:
    say("EU", "analytics", at=NOW)
    say("EU", "analytics", "message_tracking", at=NOW + DAY)
    say("EU", "message_tracking", at=NOW + 2 * DAY)
    moments = [NOW - DAY, NOW, NOW + DAY, NOW + 2 * DAY - timedelta(microseconds=1), NOW + 2 * DAY]
    assert allowed(boris, *moments) == [False, True, True, True, False]
    assert allowed(boris, *moments, purpose="message_tracking") == [False, False, True, True, True]


def test_c11_soft_opt_in_is_judged_by_the_law_of_the_time(boris: Customer, products: dict) -> None:
    garden = products["rose"].category
    SoftOptIn.objects.create(
        customer=boris, category=garden, order_id="o", notice="soft_opt_in@1", notice_sha256="0" * 64,
        language="en", at=NOW - 9 * DAY,
    )  # fmt: skip
    say("EU", at=NOW, soft=False)
    say("EU", at=NOW + DAY, soft=True)
    asked = [
        Question(boris.pk, "marketing_email", NOW + n * DAY / 2, frozenset({garden.pk})) for n in range(-1, 3)
    ]
    assert [one.basis for one in hindsight.answers(asked)] == ["soft", "", "", "soft"]


def test_c2_a_person_who_moves_is_judged_by_the_law_they_were_under(settings) -> None:
    joe = person("joe", country="US")
    assert not FormerLaw.objects.exists(), "whom we did not know was under no law before"
    viewed(joe, NOW)
    identities.save_profiles([identities.Profile(id="joe", country="DE")])
    left = FormerLaw.objects.get()
    assert (left.customer_id, left.jurisdiction) == (joe.pk, "US-CA")
    assert audit.audit().violations == []
    assert allowed(joe, left.until - DAY, left.until, left.until + DAY) == [True, False, False]
    identities.save_profiles([identities.Profile(id="joe", country="AT", locale="de")])
    assert FormerLaw.objects.count() == 1, "the same law in another country"
    identities.save_profiles([identities.Profile(id="joe", country="US")])
    second = FormerLaw.objects.order_by("-pk")[0]
    assert second.jurisdiction == "EU"
    assert allowed(joe, left.until, second.until) == [False, True]


def test_a_country_that_moves_leaves_whose_law_held_for_its_people() -> None:
    people = [person(f"p{n}", country="US") for n in range(3)]
    german = person("hans", country="DE")
    with CaptureQueriesContext(connection) as three:
        say("US-CA", "analytics", at=NOW, countries=set())
    assert set(FormerLaw.objects.values_list("customer_id", "jurisdiction", "until")) == {
        (one.pk, "US-CA", NOW) for one in people
    }
    assert allowed(people[0], NOW - DAY, NOW) == [True, False]
    assert allowed(german, NOW - DAY, NOW) == [False, False]
    for n in range(20):
        person(f"q{n}", country="US")
    with CaptureQueriesContext(connection) as twenty:
        say("US-CA", "analytics", at=NOW + DAY, countries={"US"})
    assert FormerLaw.objects.filter(jurisdiction="EU", until=NOW + DAY).count() == 23
    assert len(twenty) == len(three), "as many questions whatever the people"


def test_c1_a_law_that_was_deleted_is_remembered() -> None:
    row = Jurisdiction(code="CH", name="Switzerland", source="revFADP 25")
    said = Terms(frozenset({"CH"}), frozenset({"analytics"}), False)
    policies.change(row, Terms(frozenset(), frozenset(), False), said, by="pia", at=NOW)
    ueli = person("ueli", country="CH")
    policies.remove(Jurisdiction.objects.get(code="CH"), by="pia", at=NOW + DAY)
    assert allowed(ueli, NOW - DAY, NOW, NOW + DAY) == [False, True, False]
    assert not consent.decide(ueli.pk, "analytics", at=NOW + DAY).allowed
    assert lawbook.gaps() == []


def test_c2_a_law_changed_past_the_desk_is_named() -> None:
    SilentYes.objects.create(jurisdiction=Jurisdiction.objects.get(code="EU"), purpose="analytics")
    Jurisdiction.objects.filter(code="CN").update(soft_opt_in=True)
    Jurisdiction.objects.filter(code="AU").delete()
    assert audit.audit().violations == [
        f"law {code}: what is applied now stands in no version of its history" for code in ("AU", "CN", "EU")
    ]


def test_what_says_the_same_is_no_new_version() -> None:
    say("EU", at=NOW)
    assert PolicyVersion.objects.filter(code="EU").count() == 1


def test_a_clock_that_was_put_back_makes_no_version_older_than_the_last() -> None:
    say("EU", "analytics", at=NOW)
    say("EU", at=NOW - DAY)
    assert list(
        PolicyVersion.objects.filter(code="EU").order_by("number").values_list("since", flat=True)
    ) == [
        BEGINNING,
        NOW,
        NOW,
    ]
    assert lawbook.Lawbook().silence_means_yes("EU", "analytics", at=NOW) is False


@pytest.mark.parametrize("what", ["update", "delete", "replace"])
def test_the_database_refuses_to_change_what_the_law_said(what: str) -> None:
    before = list(PolicyVersion.objects.order_by("pk").values())
    row = before[0]["id"]
    with pytest.raises(DatabaseError), transaction.atomic():
        if what == "update":
            PolicyVersion.objects.filter(pk=row).update(silent=["analytics"])
        elif what == "delete":
            PolicyVersion.objects.filter(pk=row).delete()
        else:
            PolicyVersion.objects.bulk_create(
                [PolicyVersion(**{**before[0], "silent": ["analytics"]})],
                update_conflicts=True, unique_fields=["id"], update_fields=["silent"],
            )  # fmt: skip
    assert list(PolicyVersion.objects.order_by("pk").values()) == before
    with tampering():
        PolicyVersion.objects.filter(pk=row).update(name="changed")
    assert PolicyVersion.objects.get(pk=row).name == "changed"


def test_d2_who_is_forgotten_leaves_no_former_law() -> None:
    joe = person("joe", country="US")
    identities.save_profiles([identities.Profile(id="joe", country="DE")])
    privacy.erase(joe.pk, actor="t", at=NOW)
    assert not FormerLaw.objects.exists()


# --- whom a stricter law leaves --------------------------------------------------------------------------------------


def test_those_whose_silence_ceases_to_be_a_yes_are_counted() -> None:
    names = [person(f"p{n}", country="US").pk for n in range(3)]
    consent.withdraw(names[0], "analytics", method="m", source="s", actor="customer", at=NOW)
    Customer.objects.filter(pk=names[1]).update(restricted_at=NOW)
    person("hans", country="DE")
    _row, before = law("US-CA")
    after = Terms(before.countries, before.silent - {"analytics", "personalization"}, False)
    assert policies.narrowed("US-CA", before, after) == [
        Narrowed("analytics", 1), Narrowed("personalization", 2)
    ]  # fmt: skip
    assert policies.narrowed("US-CA", before, before) == []
    assert policies.widened("US-CA", before, after) == []


def test_those_whose_country_comes_or_goes_are_counted_too(settings) -> None:
    person("joe", country="US")
    us, eu = law("US-CA")[1], law("EU")[1]
    went = policies.narrowed("US-CA", us, Terms(frozenset(), us.silent, False))
    came = policies.narrowed("EU", eu, Terms(eu.countries | {"US"}, eu.silent, True))
    assert went == came == [Narrowed(slug, 1) for slug in purposes.PURPOSES if slug in us.silent]
    settings.DEFAULT_JURISDICTION = "US-CA"
    assert policies.narrowed("US-CA", us, Terms(frozenset(), us.silent, False)) == []


def test_c11_buyers_whom_the_law_lets_be_written_to_no_more_are_counted(
    boris: Customer, products: dict
) -> None:
    SoftOptIn.objects.create(
        customer=boris, category=products["rose"].category, order_id="o", notice="soft_opt_in@1",
        notice_sha256="0" * 64, language="en", at=NOW,
    )  # fmt: skip
    _row, before = law("EU")
    after = Terms(before.countries, before.silent, False)
    assert policies.narrowed("EU", before, after) == [Narrowed("soft_opt_in", 1)]


# --- the desk --------------------------------------------------------------------------------------------------------


@pytest.fixture
def client(db: None) -> Client:
    client = Client()
    client.force_login(desk.staff())
    return client


def page_of(client: Client, code: str):
    return client.get(reverse("admin:customers_jurisdiction_change", args=[law(code)[0].pk]))


def test_the_page_shows_who_changed_what_and_when(client: Client) -> None:
    say("EU", "analytics", at=NOW, soft=False, countries={"DE", "CH"})
    row, before = law("EU")
    row.answer_days = 20
    policies.change(row, before, before, by="marta", at=NOW + DAY)
    said = page_of(client, "EU").context["sections"][1]
    newest, older, first = said.rows
    assert (newest[1], newest[2]) == ("marta", "days to answer a request: 30 → 20")
    assert older[1] == "pia"
    assert older[2].startswith("Remember what I look at in the shop (analytics): no → yes; ")
    assert "E-mail to buyers about similar products: yes → no" in older[2]
    assert "countries that came: CH; countries that left: AT BE" in older[2]
    assert (first[0], first[1]) == ("the beginning", "built in")
    assert first[2].endswith("no to everything; E-mail to buyers about similar products: yes")
    everything = client.get(said.more)
    assert [str(version) for version in everything.context["cl"].result_list] == ["EU/3", "EU/2", "EU/1"]


def test_a_law_changed_on_the_desk_names_who_did_it(client: Client) -> None:
    row, _before = law("AU")
    body = {"name": row.name, "countries": "AU", "answer_days": 45, "source": row.source}
    assert client.post(reverse("admin:customers_jurisdiction_change", args=[row.pk]), body).status_code == 302
    version = PolicyVersion.objects.get(code="AU", number=2)
    assert (version.answer_days, version.changed_by) == (45, User.objects.get().username)
    Jurisdiction.objects.create(code="CH", name="Switzerland", source="revFADP 25")
    swiss = law("CH")[0]
    client.post(reverse("admin:customers_jurisdiction_delete", args=[swiss.pk]), {"post": "yes"})
    assert not Jurisdiction.objects.filter(code="CH").exists()
    assert PolicyVersion.objects.get(code="CH").is_removed


def test_n1_how_many_a_stricter_law_leaves_is_not_told_of_fewer_than_twenty(client: Client) -> None:
    row, _before = law("US-CA")
    body = {"name": row.name, "countries": "US", "answer_days": 45, "source": row.source, "silent": []}
    for count, told in ((19, "fewer than 20"), (20, "about 20")):
        for n in range(Customer.objects.count(), count):
            person(f"p{n}", country="US")
        asked = client.post(reverse("admin:customers_jurisdiction_change", args=[row.pk]), body)
        assert {people for _what, people in asked.context["lost"]} == {told}
        assert told in asked.content.decode()
        assert re.fullmatch("[0-9a-f]{40}", asked.context["confirmed"]), "it tells no number either"
        assert SilentYes.objects.filter(jurisdiction=row).count() == 4, "nothing is changed yet"
