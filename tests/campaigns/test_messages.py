"""From a template to a finished message: translated, escaped, bounded, and checked when it is saved."""

import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import pytest

from campaigns import delivery, liquid_templates, messages
from campaigns.liquid_templates import Aborted, TemplateFailed, render
from campaigns.messages import Finished, default_message
from campaigns.models import Campaign, CampaignRun, Code, Decision, Delivery, Message, Offer
from catalog.models import Product
from customers import identities
from customers.models import Customer
from tests.campaigns.conftest import offer
from tests.conftest import NOW, person

Make = Callable[..., Finished]


@pytest.fixture
def finished(settings, products: dict[str, Product]) -> Make:
    """A message to a person, finished: `message` its fields, `offer` and `skus` what was decided."""
    settings.POSTAL_ADDRESS = "Shop & Sons, 1 Example Street"

    def make(
        message: Mapping[str, Any],
        to: Customer,
        *,
        given: Offer | None = None,
        code: str = "",
        skus: tuple[str, ...] = (),
    ) -> Finished:
        row = Message.objects.create(
            slug=f"m{Message.objects.count()}", **{"name": "M", "subject": "S", **message}
        )
        campaign = Campaign.objects.create(slug=f"c{Campaign.objects.count()}", name="C", message=row)
        run = CampaignRun.objects.create(campaign=campaign, due_at=NOW)
        made = Code.objects.create(offer=given, value=code, customer=to, state="assigned") if code else None
        decision = Decision.objects.create(
            campaign=campaign, run=run, customer=to, placement="email", purpose="marketing_email", basis="default",
            decided_at=NOW, offer=given, code=made, skus=list(skus),
            expires_at=NOW + timedelta(days=30) if code else None,
        )  # fmt: skip
        pk = Delivery.objects.create(
            decision=decision, run=run, customer=to, channel="email", content=row, not_before=NOW
        ).pk  # fmt: skip
        (loaded,) = delivery.load([pk])
        return messages.finish(loaded, loaded.content, messages.page_of([loaded], at=NOW))

    return make


def text_above(message: Finished) -> str:
    """The text part without its footer."""
    return message.text.partition("\n--\n")[0].strip()


# --- default and translated -------------------------------------------------------------------------------------


def test_the_default_message_has_its_offer_its_products_and_the_way_out(
    finished: Make, anna: Customer
) -> None:
    given = offer("ten", title="Spring offer", description="On <everything>", minimum_amount=Decimal(20))
    found = finished(default_message(), anna, given=given, code="TEN-1", skus=("rose", "mug"))
    assert found.subject == "10 % off for you, Anna"
    assert text_above(found) == "\n".join(
        [
            "Hello Anna,",
            "",
            "we picked a few things that go with what you like.",
            "",
            "10 % off",
            "",
            "Spring offer",
            "On <everything>",
            "",
            "TEN-1",
            "",
            "Valid until December 24, 2026. From €20.00.",
            "",
            "Red rose bush (https://testserver/shop/rose) €12.50",
            "Blue mug (https://testserver/shop/mug) €8.00",
            "",
            "You get this because you said yes to offers by e-mail. One click below ends that.",
        ]
    )
    assert "On &lt;everything&gt;" in found.html
    for part in (found.html, found.text):
        assert "/unsubscribe/" in part
        assert "/preferences/" in part
    assert "Shop &amp; Sons, 1 Example Street" in found.html
    assert "Shop & Sons, 1 Example Street" in found.text
    assert (found.customer_id, found.purpose, found.address) == (
        anna.pk,
        "marketing_email",
        "anna@mail.example",
    )
    assert found.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert found.headers["List-Unsubscribe"].strip("<>") in found.text


def test_a_chinese_reader_gets_the_translation_and_the_original_where_there_is_none(finished: Make) -> None:
    person("li")
    identities.save_profiles([identities.Profile(id="li", locale="zh-CN")])
    li = Customer.objects.get(external_id="li")
    given = offer("ten", title="Spring offer", translations={"zh-hans": {"title": "春季优惠"}})
    found = finished(default_message(), li, given=given, skus=("tea",))
    assert found.subject.startswith("为您精选：")
    assert "10 %" in found.subject
    assert "<h1" in found.html
    assert "Li" in found.html
    assert "春季优惠" in found.html
    assert "Spring offer" not in found.html
    half = {"subject": "Hello", "body": "<p>Body</p>", "translations": {"zh-hans": {"subject": "你好"}}}
    found = finished(half, li)
    assert (found.subject, text_above(found)) == ("你好", "Body")


def test_what_a_person_lacks_has_its_default(finished: Make) -> None:
    person("nameless")
    identities.save_profiles([identities.Profile(id="nameless", name="")])
    nameless = Customer.objects.get(external_id="nameless")
    found = finished(default_message(), nameless)
    assert found.subject == "Picked for you, and your taste"
    assert text_above(found).startswith("Hello there,\n")


def test_the_message_id_is_the_same_for_every_attempt(finished: Make, anna: Customer) -> None:
    first = finished({"body": "x"}, anna)
    (again,) = delivery.load([Delivery.objects.get().pk])
    assert messages.new_message_id(again) == first.message_id
    assert first.message_id == f"<tact-{again.decision_id.hex}@shop.example>"
    assert first.payload == {
        "customer": "anna",
        "decision": str(again.decision_id),
        "offer": None,
        "code": None,
        "skus": [],
    }


# --- the text part -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<h1>Hello</h1><p>one</p><p>two</p>", "Hello\n\none\n\ntwo"),
        ("one<br>two<br/>three", "one\ntwo\nthree"),
        ('<a class="b" href="https://shop.example/?a=1&amp;b=2">Look <b>here</b></a>', "Look here (https://shop.example/?a=1&b=2)"),
        ("<ul><li>one</li><li>two</li></ul>", "one\ntwo"),
        ("<table><tr><td>Mug</td><td>8.00</td></tr>\n<tr><td>Pan</td></tr></table>", "Mug 8.00\nPan"),
        ("<style>p { color: red }</style><p>5 &lt; 6 &amp; 7</p><script>alert(1)</script>", "5 < 6 & 7"),
        ("<p>a</p>\n\n\n\n<p>b</p>", "a\n\nb"),
        ("", ""),
    ],
)  # fmt: skip
def test_the_text_part_is_made_from_the_body(body: str, text: str) -> None:
    assert messages.text_of(body) == text


def test_an_own_text_part_is_used_and_says_names_as_they_are(finished: Make) -> None:
    odd = person("odd")
    identities.save_profiles([identities.Profile(id="odd", name="O'Neil & <Sons>")])
    odd.refresh_from_db()
    message = {
        "subject": "For {{ customer.name }}",
        "body": "<p>{{ customer.name }}</p>",
        "text": "Dear {{ customer.name }}",
    }
    found = finished(message, odd)
    assert text_above(found) == "Dear O'Neil & <Sons>"
    assert found.subject == "For O'Neil & <Sons>"
    assert "O'Neil &amp; &lt;Sons&gt;" in found.html.replace("&#39;", "'").replace("&#x27;", "'")


# --- blocks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"benefit": "percent", "value": Decimal("12.50")}, "12.5 % off"),
        ({"benefit": "percent", "value": Decimal("100.00")}, "100 % off"),
        ({"benefit": "amount", "value": Decimal("5.00")}, "€5.00 off"),
        ({"benefit": "free_shipping", "value": Decimal(0)}, "Free shipping"),
    ],
)
def test_a_benefit_in_words(finished: Make, anna: Customer, fields: dict[str, Any], words: str) -> None:
    found = finished({"body": "{{ offer_block }}"}, anna, given=offer("o", title="T", **fields))
    assert text_above(found).splitlines() == [words, "", "T"]  # neither code nor date, as neither was given


def test_without_an_offer_and_products_their_blocks_are_empty(finished: Make, anna: Customer) -> None:
    found = finished({"body": "<p>a</p>{{ offer_block }}{{ products_block }}<p>b</p>"}, anna)
    assert text_above(found) == "a\n\nb"


def test_products_are_as_many_as_wanted_in_order_and_only_those_that_may_be_shown(
    finished: Make, anna: Customer
) -> None:
    Product.objects.filter(sku="mug").update(is_listed=False)
    Product.objects.filter(sku="pan").update(
        title="<Iron> pan", url="https://shop.example/pan?a=1&b=2", price=None
    )
    body = "{% for product in products %}{{ product.sku }}|{{ product.title }}|{{ product.price }}\n<br>{% endfor %}"
    found = finished({"body": body, "product_count": 2}, anna, skus=("mug", "pan", "gone", "rose", "tea"))
    assert text_above(found).split() == ["pan|<Iron>", "pan|", "rose|Red", "rose", "bush|€12.50"]
    block = finished({"body": "{{ products_block }}"}, anna, skus=("pan",))
    assert "&lt;Iron&gt; pan" in block.html
    assert "<Iron>" not in block.html


def test_links_are_counted_for_who_allows_it_and_leaving_never_is(finished: Make, anna: Customer) -> None:
    body = '<a href="https://shop.example/">x</a> <a href="{{ links.unsubscribe }}">out</a>'
    quiet = person("quiet", allows=["marketing_email"])
    told, untold = finished({"body": body}, anna), finished({"body": body}, quiet)
    assert told.html.count("https://testserver/c/") == 1
    assert "https://shop.example/" not in told.html
    assert told.html.count(told.headers["List-Unsubscribe"].strip("<>")) == 2
    assert "/o/" in told.html
    assert "https://shop.example/" in untold.html
    assert "/c/" not in untold.html
    assert "/o/" not in untold.html


# --- what may not leave -----------------------------------------------------------------------------------------------

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.mark.parametrize(
    "body",
    [
        "{{ customer.name }}",
        "{{ customer.name | upcase }}",
        "{{ customer.name | append: '!' }}",
        "{{ 'Dear NAME' | replace: 'NAME', customer.name }}",
        "{% assign n = customer.name %}{{ n }}",
        "{% capture n %}{{ customer.name }}{% endcapture %}{{ n }}",
        "{{ customer.nothing | default: customer.name }}",
        "{{ customer.attribute_motto }}",
        '<a title="{{ customer.name }}">x</a>',
    ],
)
def test_s2_what_people_call_themselves_never_becomes_html(finished: Make, body: str) -> None:
    person("evil")
    identities.save_profiles([identities.Profile(id="evil", name=EVIL, attributes={"motto": EVIL})])
    found = finished({"body": body}, Customer.objects.get(external_id="evil"))
    assert "script" in found.html.lower()
    assert tags_of(found.html).isdisjoint({"script", "img"})


def tags_of(page: str) -> set[str]:
    """Every element of the page, as a reader of HTML finds them: `<` may stand in a quoted attribute."""
    found: set[str] = set()
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: found.add(tag)  # type: ignore[method-assign]
    parser.feed(page)
    assert {"html", "body"} <= found
    return found


def test_s2_nothing_undoes_the_escaping() -> None:
    with pytest.raises(TemplateFailed, match="unknown filter 'safe'"):
        render("{{ name | safe }}", {"name": EVIL})


@pytest.mark.parametrize(
    "name",
    [
        "Anna\r\nBcc: all@mail.example",
        "Anna\nBcc: x",
        "Anna\rBcc: x",
        "Anna\x0b\x0c\x1c\x85\u2028\u2029Bcc: x",
    ],
)
def test_s2_a_subject_has_one_line_whatever_people_are_called(finished: Make, name: str) -> None:
    person("evil")
    identities.save_profiles([identities.Profile(id="evil", name=name)])
    message = {"subject": "For\n{{ customer.name }}\r\n", "body": "x"}
    subject = finished(message, Customer.objects.get(external_id="evil")).subject
    assert len(subject.splitlines()) == 1
    assert subject.startswith("For Anna Bcc: ")


@pytest.mark.parametrize(
    "source",
    [
        "{% for i in (1..2001) %}x{% endfor %}",
        "{% for i in (1..50) %}{% for j in (1..50) %}x{% endfor %}{% endfor %}",
        "{% tablerow i in (1..2001) %}x{% endtablerow %}",
        "{% for i in (1..1000) %}" + "x" * 501 + "{% endfor %}",
        "{% assign a = 'xxxxxxxxxx' %}{% for i in (1..40) %}{% assign a = a | append: a %}{% endfor %}",
        "{% capture a %}{% for i in (1..1900) %}" + "x" * 100 + "{% endfor %}{% endcapture %}{{ a | size }}",
        "{{ (1..99999999) | join: ',' | size }}",
        "{% assign a = (1..99999999) %}{{ a | reverse | first }}",
        "{{ 'xxxxxxxxxx'" + " | replace: 'x', 'xxxxxxxxxx'" * 12 + " | size }}",
        "{% if true %}" * 600 + "{% endif %}" * 600,
        "{% if " + "true and " * 3000 + "true %}x{% endif %}",
    ],
)
def test_s2_a_template_that_never_ends_is_stopped_at_once(source: str) -> None:
    began = time.monotonic()
    with pytest.raises(TemplateFailed):
        render(source, {})
    assert time.monotonic() - began < 2


def test_what_stays_within_the_bounds_is_rendered() -> None:
    assert render("{% for i in (1..2000) %}x{% endfor %}", {}) == "x" * 2000
    assert render("{{ (1..5) | join: '-' }} {{ 'a,b' | split: ',' | size }}", {}) == "1-2-3-4-5 2"
    assert render("{{ 1234.5 | money: 'EUR' }} {{ 8 | money }}", {}) == "€1,234.50 8.00"


@pytest.mark.parametrize(
    "source",
    [
        "{{ customer.__class__ }}",
        "{{ customer.name.__class__.__mro__ }}",
        "{% include 'x' %}",
        "{% render 'x' %}",
        "{{ 1 | divided_by: 0 }}",
        "{{ 'abc' | money }}",
        "{{ nothing }}",
        "{% if customer.vip %}x{% endif %}",
    ],
)
def test_what_cannot_be_rendered_fails_by_its_name(source: str) -> None:
    with pytest.raises(TemplateFailed):
        render(source, {"customer": {"name": "Anna"}})


def test_a_template_may_decide_that_there_is_no_message() -> None:
    with pytest.raises(Aborted, match="not for you"):
        render("{{ 'not for you' | abort }}", {})


# --- checked at save ----------------------------------------------------------------------------------------------------


def test_the_default_message_is_sound(db: None) -> None:
    assert messages.check(Message(**default_message())) == []


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        ({"body": "fine\n\n{{ customer.name }}"}, ["body, line 3"]),
        ({"body": "{{ customer.attribute_size }}"}, ["body, line 1"]),
        ({"body": "fine\n{{ offer.title }}"}, ["body, line 2"]),
        ({"body": "{{ products[0].title }}"}, ["body, line 1"]),
        ({"subject": "{{ customer.name }}"}, ["subject, line 1"]),
        ({"text": "one\n{{ offer.code }}"}, ["text, line 2"]),
        ({"subject": "{{ customer.nam }}", "body": "\n{{ x }}", "text": "{{ y }}"}, ["subject, line 1", "body, line 2", "text, line 1"]),
        ({"translations": {"zh-hans": {"subject": "{{ customer.name }}"}}}, ["subject (zh-hans), line 1"]),
        ({"translations": {"fr": {"subject": "Bonjour"}}}, ["translations"]),
        ({"body": "a\nb\n{% if true %}"}, ["body, line 3"]),
        ({"body": "a\n{% nosuch %}"}, ["body, line 2"]),
        ({"body": "a\n{{ 'x' | nosuch }}"}, ["body, line 2"]),
        ({"body": "{% for i in (1..5000) %}x{% endfor %}"}, ["body, line 1"]),
    ],
)  # fmt: skip
def test_r7_what_would_fail_for_someone_is_found_at_save_by_part_and_line(
    fields: dict[str, Any], problems: list[str]
) -> None:
    found = messages.check(Message(**{"subject": "S", "body": "B", **fields}))
    assert [str(problem).partition(":")[0] for problem in found] == problems


@pytest.mark.parametrize(
    "body",
    [
        "{{ customer.name | default: 'there' }}",
        "{{ offer.title | default: '' }}{% for product in products %}{{ product.title }}{% endfor %}",
        "{{ offer_block }}{{ products_block }}{{ links.unsubscribe }}{{ shop.url }}{{ language }}",
        "{% assign country = customer.country | default: '' %}{% if country == 'DE' %}{{ 'no' | abort }}{% endif %}x",
    ],
)
def test_what_works_for_everyone_is_sound(body: str) -> None:
    assert messages.check(Message(subject="S", body=body)) == []
    assert liquid_templates.problems("body", body, list(messages.sample_contexts())) == []
