"""Whose law holds, changed on the desk: C1, C4."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from customers import consent, policies, purposes
from customers.countries import COUNTRIES
from customers.models import Customer, Jurisdiction, SilentYes, SoftOptIn
from customers.policies import Terms, Widened
from tests import desk
from tests.conftest import NOW, person

pytestmark = pytest.mark.django_db


def address(page: str, *args: object) -> str:
    return reverse(f"admin:customers_jurisdiction_{page}", args=args)


def form_of(code: str, **changes: object) -> dict[str, object]:
    row = Jurisdiction.objects.get(code=code)
    return {
        "name": row.name,
        "countries": " ".join(row.countries),
        "silent": list(row.silent.values_list("purpose", flat=True)),
        "answer_days": row.answer_days,
        "source": row.source,
        **({"soft_opt_in": "on"} if row.soft_opt_in else {}),
        **changes,
    }


def save(client: Client, code: str, **changes: object):
    row = Jurisdiction.objects.get(code=code)
    return client.post(address("change", row.pk), form_of(code, **changes))


def ask_first(client: Client, code: str) -> list[tuple[str, str]]:
    """Let nobody's silence mean yes, confirmed; whom the page said it would leave."""
    asked = save(client, code, silent=[])
    assert asked.status_code == 200
    assert asked.context["found"] == []
    assert save(client, code, silent=[], confirmed=asked.context["confirmed"]).status_code == 302
    told: list[tuple[str, str]] = asked.context["lost"]
    return told


def may(customer: Customer, purpose: str = "analytics") -> bool:
    answers = {
        customer.pk in consent.Permission.of_many([customer.pk], purpose, at=NOW),
        consent.decide(customer.pk, purpose, at=NOW).allowed,
        consent.permitted(purpose).filter(pk=customer.pk).exists(),
    }
    assert len(answers) == 1, "the three forms of the question agree"
    return answers.pop()


@pytest.fixture
def client(db: None) -> Client:
    client = Client()
    client.force_login(desk.staff())
    return client


def test_the_built_in_ones_name_real_countries_once_and_their_law() -> None:
    named = [country for policy in purposes.POLICIES.values() for country in policy.countries.split()]
    assert len(named) == len(set(named))
    assert set(named) <= COUNTRIES
    assert len(COUNTRIES) == 249
    for policy in purposes.POLICIES.values():
        assert 40 < len(policy.source) <= 300
        assert set(policy.silence_means_yes) <= set(purposes.PURPOSES)
    assert Jurisdiction.objects.count() == len(purposes.POLICIES)


def test_c4_under_every_built_in_law_but_california_s_everything_is_off() -> None:
    for code, policy in purposes.POLICIES.items():
        somebody = person(f"p{code.lower()}", country=policy.countries.split()[0])
        on = {purpose for purpose in purposes.PURPOSES if may(somebody, purpose)}
        assert on == set(policy.silence_means_yes), code
        assert (code == "US-CA") is bool(on)


def test_c4_silence_becomes_a_yes_only_after_it_was_confirmed_for_so_many_people(
    client: Client, boris: Customer, clara: Customer, anna: Customer
) -> None:
    dora = person("dora")
    asked = save(client, "EU", silent=["analytics"])
    assert asked.status_code == 200
    assert asked.context["found"] == [("Remember what I look at in the shop (analytics)", "fewer than 20")]
    assert not SilentYes.objects.filter(jurisdiction__code="EU").exists()
    assert not may(boris)
    assert not LogEntry.objects.exists()
    Customer.objects.filter(pk=dora.pk).update(erased_at=NOW)
    other = save(client, "EU", silent=["analytics"]).context["confirmed"]
    Customer.objects.filter(pk=dora.pk).update(erased_at=None)
    stale = save(client, "EU", silent=["analytics"], confirmed=other)
    assert stale.status_code == 200, "confirmed for other people than those it is about"
    assert not may(boris)
    assert save(client, "EU", silent=["analytics"], confirmed=asked.context["confirmed"]).status_code == 302
    assert may(boris)
    assert may(dora)
    assert not may(clara), "who said no is not asked by silence"
    assert ask_first(client, "EU") == [("Remember what I look at in the shop (analytics)", "fewer than 20")]
    assert not may(boris)


def test_who_changed_what_is_written_down_with_before_and_after(client: Client) -> None:
    save(client, "AU", answer_days=45)
    entry = LogEntry.objects.get()
    assert (entry.user.username, entry.get_change_message()) == ("marta", "answer_days: 30 → 45")


def test_a_country_that_moves_takes_its_people_along(client: Client) -> None:
    swiss, german = person("ueli", country="CH"), person("hans", country="DE")
    Customer.objects.filter(pk=swiss.pk).update(jurisdiction="UK")
    save(client, "EU", countries=" ".join([*Jurisdiction.objects.get(code="EU").countries, "CH"]))
    swiss.refresh_from_db()
    assert swiss.jurisdiction == "EU"
    american = person("joe", country="US")
    asked = save(client, "US-CA", countries="")
    assert [people for _what, people in asked.context["lost"]] == ["fewer than 20"] * 4
    american.refresh_from_db()
    assert american.jurisdiction == "US-CA", "nothing is changed yet"
    assert save(client, "US-CA", countries="", confirmed=asked.context["confirmed"]).status_code == 302
    american.refresh_from_db()
    assert american.jurisdiction == "EU", "whom no law names comes under the default"
    assert not may(american)
    german.refresh_from_db()
    assert german.jurisdiction == "EU"


def test_a_country_that_comes_under_a_law_of_silence_is_asked_about(client: Client) -> None:
    dutch = person("jan", country="AW")
    asked = save(client, "US-CA", countries="US AW")
    assert ("Send me offers by e-mail (marketing_email)", "fewer than 20") in asked.context["found"]
    assert len(asked.context["found"]) == 4
    dutch.refresh_from_db()
    assert dutch.jurisdiction == "EU"
    save(client, "US-CA", countries="US AW", confirmed=asked.context["confirmed"])
    dutch.refresh_from_db()
    assert dutch.jurisdiction == "US-CA"
    assert may(dutch, "marketing_email")


def test_leaving_for_a_default_law_of_silence_is_asked_about_too(settings) -> None:
    settings.DEFAULT_JURISDICTION = "US-CA"
    person("kim", country="CA")
    before = Terms(frozenset({"CA"}), frozenset(), False)
    found = policies.widened("CA", before, Terms(frozenset(), frozenset(), False))
    assert Widened("analytics", 1) in found
    assert policies.widened("CA", before, before) == []


def test_c11_soft_opt_in_is_asked_about_for_those_who_bought(
    client: Client, boris: Customer, products: dict
) -> None:
    Jurisdiction.objects.filter(code="EU").update(soft_opt_in=False)
    person("dora")
    SoftOptIn.objects.create(
        customer=boris, category=products["rose"].category, order_id="o", notice="soft_opt_in@1",
        notice_sha256="0" * 64, language="en", at=NOW,
    )  # fmt: skip
    asked = save(client, "EU", soft_opt_in="on")
    assert [people for _what, people in asked.context["found"]] == ["fewer than 20"]
    assert not Jurisdiction.objects.get(code="EU").soft_opt_in


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("countries", "AU XX", "No country of ISO 3166: XX"),
        ("countries", "AU DE", "DE: stands in"),
        ("answer_days", 0, "Between a day and a year"),
        ("source", " ", ""),
        ("silent", ["world_domination"], ""),
    ],
)
def test_what_is_no_policy_is_refused(client: Client, field: str, value: object, told: str) -> None:
    before = list(Jurisdiction.objects.order_by("pk").values())
    page = save(client, "AU", **{field: value})
    assert page.status_code == 200
    assert field in page.context["adminform"].form.errors
    assert told in page.content.decode()
    assert list(Jurisdiction.objects.order_by("pk").values()) == before


def test_a_new_one_is_added_and_a_wrong_code_is_not(client: Client) -> None:
    body = {"code": "ch", "name": "Switzerland", "countries": "CH", "answer_days": 30, "source": "revFADP 25"}
    assert client.post(address("add"), {**body, "code": "Swiss!"}).status_code == 200
    assert client.post(address("add"), body).status_code == 302
    assert person("ueli", country="CH").jurisdiction == "CH"
    asked = client.post(
        address("add"), {**body, "code": "XX", "name": "X", "countries": "", "silent": ["analytics"]}
    )
    assert [people for _what, people in asked.context["found"]] == ["fewer than 20"]
    assert not Jurisdiction.objects.filter(code="XX").exists()


def test_the_built_in_ones_stay(client: Client) -> None:
    row = Jurisdiction.objects.get(code="US-CA")
    assert client.post(address("delete", row.pk), {"post": "yes"}).status_code == 403
    client.post(
        address("changelist"), {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
    )
    assert Jurisdiction.objects.filter(code="US-CA").exists()


def test_c1_who_is_under_a_law_that_nobody_wrote_down_allows_nothing(db: None) -> None:
    joe = person("joe", country="US")
    assert may(joe)
    Customer.objects.filter(pk=joe.pk).update(jurisdiction="nowhere")
    assert not any(may(joe, purpose) for purpose in purposes.PURPOSES)


def test_the_page_says_in_words_what_holds(client: Client) -> None:
    page = client.get(address("change", Jurisdiction.objects.get(code="US-CA").pk))
    section, _history = page.context["sections"]
    told = dict(section.rows)
    assert told["Remember what I look at in the shop (analytics)"] == "yes, until they object"
    assert told["Pass my data to partners (partner_sharing)"] == "no, until they say yes"
    assert told["A request is answered within"] == "45 days"
