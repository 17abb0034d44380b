"""The preference page: C6, C12, C14, C4, U2, U4, U6, S1, S6."""

import re
from urllib.parse import urlsplit

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.models import Decision
from catalog.models import Category, Product
from customers import consent, events, histories, identities, ledger, links, preferences
from customers.events import Incoming
from customers.models import ConsentRecord, ConsentState, Customer, Notice
from customers.purposes import PURPOSES
from recommender.models import ClusterMembership, Interest, ModelVersion
from tests.conftest import NOW, person

pytestmark = pytest.mark.django_db
PROBE = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def address(customer: Customer) -> str:
    return urlsplit(links.preferences_url(customer)).path


def shown(language: str = "en") -> list[str]:
    return [f"{purpose} {purpose}@1 {language}" for purpose in PURPOSES]


def allowed(customer: Customer) -> set[str]:
    return set(ConsentState.objects.filter(customer=customer, granted=True).values_list("purpose", flat=True))


def save(client: Client, customer: Customer, *on: str, language: str = "en"):
    return client.post(
        f"{address(customer)}?language={language}",
        {"action": "save", "shown": shown(language), "on": list(on)},
    )


def learnt(customer: Customer) -> None:
    model = ModelVersion.objects.create(
        task="interests",
        algorithm="interest",
        state="live",
        file="f",
        sha256="0",
        people=1,
        interactions=1,
        trained_until=NOW,
    )
    category, _new = Category.objects.get_or_create(name="Garden", defaults={"slug": "garden"})
    Interest.objects.create(customer=customer, category=category, probability=0.834, model=model)
    ClusterMembership.objects.create(customer=customer, cluster=3, model=model)


def test_the_page_says_what_stands_and_how(anna: Customer, client: Client) -> None:
    page = client.get(address(anna))
    assert page.status_code == 200
    text = page.content.decode()
    assert len(re.findall(r'role="switch" id="on-[^>]* checked>', text)) == len(PURPOSES)
    assert "a…@mail.example" in text
    assert "anna@mail.example" not in text
    for purpose in PURPOSES.values():
        assert str(purpose.title) in text


def test_c5_a_yes_is_written_with_the_words_that_were_shown(boris: Customer, client: Client) -> None:
    page = save(client, boris, "analytics", language="zh-hans")
    assert page.status_code == 200
    record = ConsentRecord.objects.get(customer_id=boris.pk)
    assert (record.purpose, record.granted, record.notice) == ("analytics", True, "analytics@1")
    assert (record.language, record.method, record.source, record.actor) == (
        "zh-hans",
        "preference page",
        "preferences",
        "customer",
    )


def test_what_was_not_changed_is_not_written_again(anna: Customer, client: Client) -> None:
    before = ConsentRecord.objects.count()
    save(client, anna, *PURPOSES)
    assert ConsentRecord.objects.count() == before


def test_c6_a_no_takes_the_same_two_steps_as_a_yes_and_all_of_them_take_one(
    anna: Customer, client: Client
) -> None:
    save(client, anna, *(set(PURPOSES) - {"marketing_email"}))
    assert allowed(anna) == set(PURPOSES) - {"marketing_email"}
    page = client.post(address(anna), {"action": "stop"})
    assert page.status_code == 200
    assert allowed(anna) == set()
    assert b"Everything is stopped" in page.content


def test_stopping_twice_writes_once(anna: Customer, client: Client) -> None:
    client.post(address(anna), {"action": "stop"})
    before = ConsentRecord.objects.count()
    client.post(address(anna), {"action": "stop"})
    assert ConsentRecord.objects.count() == before


def test_c12_stopping_everything_takes_a_person_out_of_every_use(
    anna: Customer, products: dict[str, Product], client: Client
) -> None:
    viewed = Incoming(message_id="v", type="viewed", customer="anna", sku="rose", occurred_at=NOW)
    events.take_in([viewed], source="tests", at=NOW)
    assert histories.behaviour("personalization").exists()
    client.post(address(anna), {"action": "stop"})
    for purpose in PURPOSES:
        assert not consent.permitted(purpose).filter(pk=anna.pk).exists()
    assert not histories.behaviour("personalization").exists()


def test_u6_orders_go_on_after_everything_was_stopped(anna: Customer, client: Client) -> None:
    client.post(address(anna), {"action": "stop"})
    order = Incoming(message_id="o", type="ordered", customer="anna", sku="rose", occurred_at=NOW)
    assert events.take_in([order], source="tests", at=NOW).accepted == 1


def test_silence_where_it_means_yes_can_be_ended_by_the_switch(client: Client) -> None:
    joe = person("joe", country="US")
    assert b"On where you live until you say no." in client.get(address(joe)).content
    save(client, joe)
    assert not any(preferences.is_allowed(joe.pk, purpose) for purpose in PURPOSES)
    assert ConsentRecord.objects.filter(customer_id=joe.pk, granted=True).count() == 0


@pytest.mark.parametrize(
    "line",
    ["analytics analytics@2 en", "analytics public-file@1 en", "analytics analytics@1 de", "analytics", ""],
)
def test_c7_a_yes_to_other_words_than_those_that_hold_is_not_taken(
    boris: Customer, client: Client, line: str
) -> None:
    page = client.post(address(boris), {"action": "save", "shown": [line], "on": ["analytics"]})
    assert page.status_code == 200
    assert not ConsentRecord.objects.filter(customer_id=boris.pk).exists()


def test_c7_words_changed_while_the_page_was_open_ask_again_but_let_a_no_pass(
    boris: Customer, clara: Customer, anna: Customer, client: Client
) -> None:
    for language, text in (("en", "New words"), ("zh-hans", "新文本")):
        Notice.objects.create(
            slug="shop", version=1, language=language, purpose="analytics", text=text, sha256="0" * 64
        )
    page = save(client, boris, "analytics")
    assert b"The words of one answer changed" in page.content
    assert allowed(boris) == set()
    save(client, anna, *(set(PURPOSES) - {"analytics"}))
    assert allowed(anna) == set(PURPOSES) - {"analytics"}


@pytest.mark.parametrize(
    "data", [{}, {"action": "save"}, {"on": ["analytics"]}, {"shown": ["world_domination x en"]}]
)
def test_a_post_that_shows_nothing_changes_nothing(anna: Customer, client: Client, data: dict) -> None:
    before = ConsentRecord.objects.count()
    assert client.post(address(anna), data).status_code == 200
    assert ConsentRecord.objects.count() == before


@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_u2_looking_changes_nothing(anna: Customer, client: Client, method: str) -> None:
    before = ConsentRecord.objects.count()
    for _again in range(3):
        assert getattr(client, method)(address(anna) + "?action=stop").status_code == 200
    assert ConsentRecord.objects.count() == before


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_nothing_else_is_understood(anna: Customer, client: Client, method: str) -> None:
    assert getattr(client, method)(address(anna)).status_code == 405


def test_u4_a_flipped_character_a_stranger_s_kind_and_an_erased_person_get_the_same_404(
    anna: Customer, boris: Customer, client: Client
) -> None:
    good = address(anna)
    other_kind = urlsplit(links.unsubscribe_url(anna, "analytics")).path.replace("unsubscribe", "preferences")
    erased = address(boris)
    assert boris.key is not None
    boris.key.delete()
    flipped = good[:-5] + ("A" if good[-5] != "A" else "B") + good[-4:]
    answers = {client.get(path).content for path in (flipped, other_kind, erased, "/preferences/…/")}
    codes = {client.post(path).status_code for path in (flipped, other_kind, erased)}
    assert len(answers) == 1
    assert codes == {404}
    assert b"anna" not in answers.pop().lower()


def test_s1_a_token_changes_only_its_own_person(anna: Customer, boris: Customer, client: Client) -> None:
    client.post(address(boris), {"action": "stop"})
    assert allowed(anna) == set(PURPOSES)


def test_s6_the_page_is_kept_by_nobody_framed_by_nobody_and_sets_no_cookie(
    anna: Customer, client: Client
) -> None:
    for page in (
        client.get(address(anna)),
        client.post(address(anna), {"action": "stop"}),
        client.get("/preferences/x/"),
    ):
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert page.headers["X-Frame-Options"] == "DENY"
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert not page.cookies
        text = page.content.decode()
        assert "<script" not in text
        assert "style=" not in text
        assert "//" not in text.replace("https://testserver/", "")


def test_the_language_of_the_address_comes_before_the_person_s_and_that_before_the_browser_s(
    anna: Customer, client: Client
) -> None:
    Customer.objects.filter(pk=anna.pk).update(locale="zh_CN")
    own = client.get(address(anna), headers={"accept-language": "en"}).content.decode()
    assert '<html lang="zh-hans">' in own
    assert "记住我在商店浏览的内容" in own
    asked = client.get(address(anna) + "?language=en", headers={"accept-language": "zh"}).content.decode()
    assert '<html lang="en">' in asked
    Customer.objects.filter(pk=anna.pk).update(locale="")
    assert (
        '<html lang="zh-hans">'
        in client.get(address(anna), headers={"accept-language": "zh-CN"}).content.decode()
    )
    assert '<html lang="en">' in client.get(address(anna) + "?language=xx").content.decode()


def test_the_language_is_kept_by_every_form_and_link(anna: Customer, client: Client) -> None:
    text = client.get(address(anna) + "?language=zh-hans").content.decode()
    assert text.count('action="?language=zh-hans"') == text.count("<form")


def test_c14_what_is_inferred_is_shown_and_can_be_deleted(anna: Customer, client: Client) -> None:
    learnt(anna)
    page = client.get(address(anna)).content.decode()
    assert "Garden" in page
    assert "83 %" in page
    after = client.post(address(anna), {"action": "forget_interests"})
    assert after.status_code == 200
    assert not Interest.objects.filter(customer=anna).exists()
    assert not ClusterMembership.objects.filter(customer=anna).exists()
    assert allowed(anna) == set(PURPOSES) - {"personalization"}


@pytest.mark.parametrize(
    "data", [{"action": "stop"}, {"action": "save", "shown": shown(), "on": ["analytics"]}]
)
def test_c14_turning_personalization_off_deletes_what_was_inferred(
    anna: Customer, client: Client, data: dict
) -> None:
    learnt(anna)
    answer = client.post(address(anna), data)
    assert not Interest.objects.filter(customer=anna).exists()
    assert "Garden" not in answer.content.decode(), "nor does the answer show it once more"


def test_c10_an_address_of_someone_merged_acts_on_who_they_turned_out_to_be(
    anna: Customer, boris: Customer, client: Client
) -> None:
    old = address(boris)
    identities.merge(anna.pk, boris.pk, actor="tests", at=NOW)
    client.post(old, {"action": "stop"})
    assert allowed(anna) == set()


def test_nothing_of_others_is_said_to_have_been_sent(anna: Customer, client: Client) -> None:
    Decision.objects.create(
        customer=anna, placement="email", purpose="marketing_email", basis="default", decided_at=NOW
    )
    assert b"Nothing yet." in client.get(address(anna)).content


@PROBE
@given(wishes=st.lists(st.sets(st.sampled_from(sorted(PURPOSES))), min_size=1, max_size=5))
def test_whatever_is_saved_is_what_stands_and_the_ledger_holds(
    anna: Customer, wishes: list[set[str]]
) -> None:
    for wish in wishes:
        preferences.save(
            anna.pk,
            wanted={purpose: purpose in wish for purpose in PURPOSES},
            shown={purpose: (f"{purpose}@1", "en") for purpose in PURPOSES},
            source="preferences",
            at=NOW,
        )
        assert allowed(anna) == wish
    assert ledger.verify(customer_id=anna.pk).faults == ()
