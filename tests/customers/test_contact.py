"""The page of how often, about what, in which language, what we think they like, why, and receipts: C6, C14, U2, S1."""

import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns.messages.context import language_of
from catalog.models import Category, Product
from customers import contact, identities, ledger, links, preferences
from customers.models import ConsentRecord, ContactChoice, Customer, Topic
from recommender.algorithms.item_knn import ItemKNN
from recommender.models import Interest, RefusedInterest, Shown
from recommender.serving import recommend
from recommender.serving import shown as keeping
from tests import desk
from tests.conftest import NOW, person
from tests.customers.test_preferences import address, learnt
from tests.recommender.live import go_live
from tests.recommender.test_training_and_serving import customer, shop

__all__ = ["shop"]
pytestmark = pytest.mark.django_db


def topics() -> tuple[Topic, Topic]:
    return (
        Topic.objects.create(slug="garden", title="Garden", translations={"zh-hans": "园艺"}),
        Topic.objects.create(slug="kitchen", title="Kitchen"),
    )


def post(client: Client, who: Customer, **data: object) -> str:
    answer = client.post(address(who) + "?language=en", data)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_pause_says_until_when_and_can_be_ended(anna: Customer, client: Client) -> None:
    assert "Pause for 30 days" in client.get(address(anna)).content.decode()
    page = post(client, anna, action="pause")
    assert "Paused. It holds from this moment on." in page
    until = contact.wish(anna.pk).paused_until
    assert until is not None
    assert timedelta(days=29, hours=23) < until - timezone.now() <= timedelta(days=30)
    day = timezone.localtime(until)
    assert f"{day.day} {day:%b} {day.year}" in page
    assert "Pause for 30 days" not in page
    page = post(client, anna, action="resume")
    assert "The pause is over." in page
    assert not contact.wish(anna.pk).is_paused(timezone.now())


def test_c6_a_pause_is_one_click_and_touches_no_answer(anna: Customer, client: Client) -> None:
    before = ConsentRecord.objects.count()
    post(client, anna, action="pause")
    assert ConsentRecord.objects.count() == before
    assert contact.wish(anna.pk).is_paused(timezone.now())


def test_one_topic_is_left_and_the_others_are_kept(anna: Customer, client: Client) -> None:
    garden, kitchen = topics()
    both = [garden.pk, kitchen.pk]
    page = post(client, anna, action="save", topic_shown=both, topic=[kitchen.pk], frequency="all")
    assert "Saved." in page
    assert contact.wish(anna.pk).left == {garden.pk}
    page = post(client, anna, action="save", topic_shown=both, topic=both, frequency="all")
    assert contact.wish(anna.pk).left == frozenset()
    assert "Nothing was changed." in post(client, anna, action="save", topic_shown=both, topic=both)


def test_a_topic_that_is_new_since_the_page_was_opened_is_not_left(anna: Customer, client: Client) -> None:
    garden, kitchen = topics()
    post(client, anna, action="save", topic_shown=[garden.pk])
    assert contact.wish(anna.pk).left == {garden.pk}
    assert kitchen.pk not in contact.wish(anna.pk).left


def test_topics_stand_in_the_reader_s_language(anna: Customer, client: Client) -> None:
    topics()
    assert "园艺" in client.get(address(anna) + "?language=zh-hans").content.decode()
    assert "园艺" not in client.get(address(anna) + "?language=en").content.decode()


def test_at_the_desk_a_topic_has_its_words_in_both_languages(anna: Customer, client: Client) -> None:
    client.force_login(desk.staff())
    garden, _kitchen = topics()
    page = reverse("admin:customers_topic_change", args=[garden.pk])
    assert client.get(page).context["adminform"].form["zh_title"].value() == "园艺"
    said = {"title": "Garden", "slug": garden.slug, "zh_title": "花园"}
    assert client.post(page, said).status_code == 302
    assert "花园" in client.get(address(anna) + "?language=zh-hans").content.decode()
    assert client.post(page, {**said, "zh_title": ""}).status_code == 302
    garden.refresh_from_db()
    assert garden.translations == {}


def test_once_a_week_is_kept_and_taken_back(anna: Customer, client: Client) -> None:
    page = post(client, anna, action="save", frequency=["all", "weekly"])
    assert contact.wish(anna.pk).is_weekly
    assert re.search(r'value="weekly" checked', page)
    post(client, anna, action="save", frequency="all")
    assert not contact.wish(anna.pk).is_weekly


@pytest.mark.parametrize(
    "data",
    [
        {"frequency": "hourly"},
        {"topic_shown": ["x", "-1", "9" * 30, "٣"]},
        {"speak": "xx"},
        {"refuse": "x"},
        {"refuse": str(10**18)},
        {"take_back": "9" * 40},
        {"action": "nonsense"},
    ],
)
def test_nonsense_changes_nothing(anna: Customer, client: Client, data: dict) -> None:
    before = ConsentRecord.objects.count()
    post(client, anna, **data)
    assert (ConsentRecord.objects.count(), ContactChoice.objects.count()) == (before, 0)
    assert RefusedInterest.objects.count() == 0
    assert Customer.objects.get(pk=anna.pk).locale == ""


def test_the_language_chosen_is_that_of_the_page_and_of_mails(anna: Customer, client: Client) -> None:
    answer = client.post(address(anna) + "?language=en", {"action": "save", "speak": "zh-hans"})
    assert answer.headers["Content-Language"] == "zh-hans"
    assert '<html lang="zh-hans">' in answer.content.decode()
    assert language_of(Customer.objects.get(pk=anna.pk)) == "zh-hans"


def test_a_locale_that_is_finer_than_the_choice_is_not_written_over(anna: Customer, client: Client) -> None:
    Customer.objects.filter(pk=anna.pk).update(locale="zh_TW")
    post(client, anna, action="save", speak="zh-hans")
    assert Customer.objects.get(pk=anna.pk).locale == "zh_TW"


def test_s1_a_choice_is_its_own_person_s(anna: Customer, boris: Customer, client: Client) -> None:
    post(client, boris, action="pause")
    post(client, boris, action="save", frequency="weekly")
    assert contact.wish(anna.pk) == contact.Wish()


def test_c10_of_two_who_are_one_the_stricter_wish_holds(anna: Customer, boris: Customer) -> None:
    garden, kitchen = topics()
    contact.choose(anna.pk, shown=[garden.pk])
    contact.choose(boris.pk, frequency="weekly", shown=[kitchen.pk])
    contact.pause(boris.pk, at=NOW)
    identities.merge(anna.pk, boris.pk, actor="tests", at=NOW)
    assert contact.wish(anna.pk) == contact.Wish(
        is_weekly=True, paused_until=NOW + timedelta(days=30), left=frozenset({garden.pk, kitchen.pk})
    )
    assert ContactChoice.objects.count() == 1


# --- what we think they like -------------------------------------------------------------------------------------


def test_c14_one_interest_is_deleted_and_taken_back(anna: Customer, client: Client) -> None:
    learnt(anna)
    garden = Category.objects.get(name="Garden")
    assert f'name="refuse" value="{garden.pk}"' in client.get(address(anna)).content.decode()
    page = post(client, anna, refuse=garden.pk)
    assert not Interest.objects.filter(customer=anna).exists()
    assert RefusedInterest.objects.filter(customer=anna, category=garden).exists()
    assert "You said this is not true of you" in page
    assert f'name="refuse" value="{garden.pk}"' not in page
    page = post(client, anna, take_back=garden.pk)
    assert not RefusedInterest.objects.exists()
    assert "You said this is not true of you" not in page


def test_c14_what_was_refused_is_not_shown_though_a_training_wrote_it_again(
    anna: Customer, client: Client
) -> None:
    learnt(anna)
    garden = Category.objects.get(name="Garden")
    RefusedInterest.objects.create(customer=anna, category=garden, at=NOW)
    assert f'name="refuse" value="{garden.pk}"' not in client.get(address(anna)).content.decode()


def test_c14_the_switch_that_chooses_for_them_is_one_click_each_way(anna: Customer, client: Client) -> None:
    learnt(anna)
    page = client.get(address(anna)).content.decode()
    assert "Choose for me from what I did" in page
    assert 'aria-checked="true"' in page
    page = post(client, anna, action="forget_interests")
    assert not preferences.is_allowed(anna.pk, "personalization")
    assert 'aria-checked="false"' in page
    # What the browser sends when the switch is pressed: the words that stood beside it.
    form = page[page.index('class="choosing"') :]
    (line, *_others) = re.findall(r'name="shown" value="([^"]+)"', form)
    page = post(client, anna, action="choose", shown=line, on="personalization")
    assert preferences.is_allowed(anna.pk, "personalization")
    record = ConsentRecord.objects.filter(customer_id=anna.pk).latest("sequence")
    assert (record.granted, record.notice, record.language) == (True, "personalization@1", "en")


def test_c14_the_switch_stands_where_there_is_nothing_to_like_yet(boris: Customer, client: Client) -> None:
    page = client.get(address(boris)).content.decode()
    assert page.count("Choose for me from what I did") == 1


# --- why ----------------------------------------------------------------------------------------------------------


def test_why_a_list_was_shown_is_told_product_by_product(shop: list[str], client: Client) -> None:
    version = go_live(ItemKNN())
    who = Customer.objects.get(pk=customer("p1"))
    answer = recommend(who.pk, at=NOW, limit=4)
    Shown.objects.create(
        recommendation_id="6f1f2a3c-0000-4000-8000-000000000001",
        customer=who,
        placement="home",
        model=version,
        basis="consent",
        consent_record_id=1,
        items=[keeping._plain(item) for item in answer.items],
        at=NOW,
    )
    plain = client.get(address(who) + "?language=en").content.decode()
    assert "?language=en&amp;why=1#why" in plain
    assert "because you bought" not in plain
    page = client.get(address(who) + "?language=en&why=1").content.decode()
    told = page[page.index('class="accounts"') :]
    assert told.count("<strong>garden thing") == 4
    assert re.search(r"because you bought garden thing \d+</span> <span class=\"percent\">\d+ %", told)
    assert page.count("Choose for me from what I did") == 2, "the switch stands beside the reasons too"


def test_a_model_that_is_gone_is_said_to_be_gone(anna: Customer, client: Client, products) -> None:
    Shown.objects.create(
        recommendation_id="6f1f2a3c-0000-4000-8000-000000000002",
        customer=anna,
        placement="home",
        basis="consent",
        consent_record_id=1,
        items=[{"sku": "rose", "propensity": None, "promotion": ""}],
        at=NOW,
    )
    page = client.get(address(anna) + "?language=en&why=1").content.decode()
    assert "is not kept any more" in page
    assert "Red rose bush" in page


def test_a_list_of_somebody_else_is_not_shown(
    anna: Customer, boris: Customer, client: Client, products
) -> None:
    Shown.objects.create(
        recommendation_id="6f1f2a3c-0000-4000-8000-000000000003",
        customer=boris,
        placement="home",
        basis="default",
        items=[{"sku": "rose", "propensity": None, "promotion": ""}],
        at=NOW,
    )
    assert Product.objects.get(sku="rose").title not in client.get(address(anna) + "?why=1").content.decode()


# --- receipts -----------------------------------------------------------------------------------------------------


def receipts_of(who: Customer) -> str:
    return urlsplit(links.preferences_url(who)).path.replace("/preferences/", "/privacy/")


def test_each_answer_leads_to_its_receipt(anna: Customer, client: Client) -> None:
    preferences.leave(anna.pk, "analytics", method="m", source="s", at=NOW)
    page = client.get(receipts_of(anna)).content.decode()
    for record in ConsentRecord.objects.filter(customer_id=anna.pk):
        assert f'/receipts/{record.pk}"' in page
        answer = client.get(f"{receipts_of(anna)}receipts/{record.pk}")
        assert answer.status_code == 200
        told = answer.json()
        said = told["record"]
        assert said["hash"] == record.hash == ledger.record_hash(record)
        assert (said["granted"], said["purpose"], said["sequence"]) == (
            record.granted,
            record.purpose,
            record.sequence,
        )
        assert bool(told["text"]) == record.granted
        assert answer.headers["Cache-Control"] == "no-store"


def test_a_left_topic_is_called_by_its_name_among_what_is_held(anna: Customer, client: Client) -> None:
    contact.choose(anna.pk, shown=[topics()[0].pk])
    page = client.get(receipts_of(anna)).content.decode()
    assert "left topics" in page
    assert "relationships" not in page


def test_s1_a_receipt_of_somebody_else_is_the_same_404_as_none(
    anna: Customer, boris: Customer, client: Client
) -> None:
    other = ConsentRecord.objects.filter(customer_id=anna.pk).first()
    first = client.get(f"{receipts_of(boris)}receipts/{other.pk}")
    none = client.get(f"{receipts_of(boris)}receipts/{10**12}")
    assert (first.status_code, none.status_code) == (404, 404)
    assert first.content == none.content


def test_u2_looking_at_any_of_it_changes_nothing(client: Client) -> None:
    anna = person("anna", allows=["personalization"])
    for method in (client.get, client.head, client.options):
        for query in ("?action=pause", "?refuse=1", "?frequency=weekly&action=save", "?why=1"):
            assert method(address(anna) + query).status_code == 200
    assert not ContactChoice.objects.exists()
    assert not RefusedInterest.objects.exists()
