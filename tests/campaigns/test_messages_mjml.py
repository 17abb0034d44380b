"""MJML with Liquid inside: compiled once, responsive, bounded by the same frame, its faults found with their line."""

from decimal import Decimal
from typing import Any

import pytest

from campaigns import messages
from campaigns.messages import default_message, mjml_example
from campaigns.messages.held import hold
from campaigns.messages.made import made
from campaigns.models import Message
from customers import identities
from customers.models import Customer
from tests.campaigns.conftest import offer
from tests.campaigns.test_messages import EVIL, Make, tags_of, text_above
from tests.campaigns.test_messages import finished as finished
from tests.conftest import person

COLUMN = "<mjml><mj-body><mj-section><mj-column>{}</mj-column></mj-section></mj-body></mjml>"


def in_column(inside: str) -> dict[str, Any]:
    return {"format": "mjml", "body": COLUMN.format(inside)}


def test_the_example_is_responsive_and_carries_its_products_its_offer_and_the_way_out(
    finished: Make, anna: Customer
) -> None:
    given = offer("ten", title="Spring offer", minimum_amount=Decimal(20))
    found = finished(
        {"format": "mjml", "body": mjml_example(), "preheader": "For {{ customer.name | default: 'you' }}"},
        anna,
        given=given,
        code="TEN-1",
        skus=("rose", "mug"),
    )
    assert text_above(found).splitlines()[0] == "Hello Anna,"
    for part in (found.html, found.text):
        for told in ("Spring offer", "TEN-1", "Red rose bush", "Blue mug", "€12.50", "/unsubscribe/"):
            assert told in part
    assert "mj-" not in found.html.replace("mj-column", "").replace("mj-outlook", "").replace("mj-full", "")
    assert "@media only screen and (min-width:480px)" in found.html
    assert ">For Anna</div>" in found.html
    assert "For Anna" not in found.text, "the preview line is for the mailbox's list"
    assert "fonts.googleapis.com" not in found.html
    assert found.html.count("</body>") == found.html.count("</html>") == 1
    assert found.html.index("/unsubscribe/") < found.html.index("</body>")
    assert 'content="light dark"' in found.html
    assert 'lang="en"' in found.html


def test_a_loop_stands_between_components_and_a_condition_may_compare(finished: Make, anna: Customer) -> None:
    inside = (
        "{% for product in products %}<mj-text>{% if forloop.index < 2 %}first{% else %}then{% endif %} "
        '<a href="{{ product.url }}">{{ product.sku }}</a></mj-text>{% endfor %}'
    )
    found = finished(in_column(inside), anna, skus=("rose", "mug"))
    assert text_above(found).split() == [
        "first", "rose", "(https://testserver/shop/rose)", "then", "mug", "(https://testserver/shop/mug)",
    ]  # fmt: skip
    assert found.html.count("/c/") == 2, "its links are counted for who allows it"


def test_what_people_call_themselves_never_becomes_markup(finished: Make) -> None:
    person("evil")
    identities.save_profiles([identities.Profile(id="evil", name=EVIL)])
    found = finished(
        in_column("<mj-text>{{ customer.name }}</mj-text>"), Customer.objects.get(external_id="evil")
    )
    assert tags_of(found.html).isdisjoint({"script", "img"})


@pytest.mark.parametrize(
    ("body", "line", "words"),
    [
        ("<mjml>\n<mj-body>\n<mj-secton></mj-secton>\n</mj-body></mjml>", 3, "<mj-secton> is no tag of MJML"),
        ("<mjml><mj-body>\n<mj-text>x</mj-text></mj-body></mjml>", 2, "<mj-text> may not stand in <mj-body>"),
        ("<mjml><mj-body>\n\n<mj-include path='x' /></mj-body></mjml>", 3, "<mj-include> is not allowed"),
        ("<mjml><mj-head>\n<mj-font name='x' href='https://f.example/x' /></mj-head><mj-body></mj-body></mjml>", 2, "another server"),
        ("<mjml><mj-body>\n<mj-raw>\n<script>x</script></mj-raw></mj-body></mjml>", 3, "<script> does not work"),
        ("<mjml><mj-body>\n<mj-section>\n</mj-body></mjml>", 3, "</mj-body> comes before </mj-section>, opened in line 2"),
        ("<mjml>\n<mj-body>", 1, "<mjml> is not closed"),
        ("<p>Hello</p>", 1, "MJML begins with <mjml>"),
        (COLUMN.format("\n<mj-text>\n<a href='/x'>x</a></mj-text>"), 3, "leads nowhere in a mail"),
        (COLUMN.format("\n<mj-button href='javascript:x'>x</mj-button>"), 2, "with a script in it"),
        (COLUMN.format("\n{% if true\n%}\n<mj-txt>x</mj-txt>{% endif %}"), 4, "<mj-txt> is no tag"),
        (COLUMN.format("\n<mj-text>{{ customer.name }}</mj-text>"), 2, "customer"),
    ],
)  # fmt: skip
def test_a_fault_is_found_with_its_line(body: str, line: int, words: str) -> None:
    found = messages.check(Message(subject="S", format="mjml", body=body))
    assert any(problem.line == line and words in problem.text for problem in found), found


@pytest.mark.parametrize(
    "body",
    [
        mjml_example(),
        mjml_example().replace("\n", "\r\n"),
        COLUMN.format(
            "<mj-text>a &amp; b<br>c&nbsp;<b>d</b></mj-text><mj-divider /><mj-spacer height='20px' />"
        ),
        COLUMN.format("<mj-table><tr><td>{{ products_block }}</td></tr></mj-table>"),
        COLUMN.format("<mj-raw>{% if true %}</mj-raw><mj-text>x</mj-text><mj-raw>{% endif %}</mj-raw>"),
    ],
)
def test_sound_mjml_is_sound(body: str) -> None:
    assert messages.check(Message(subject="S", format="mjml", body=body)) == []


def test_what_the_engine_cannot_read_is_a_problem_and_never_a_mail() -> None:
    body = COLUMN.format("<mj-text a=b>x</mj-text>")
    (problem,) = messages.check(Message(subject="S", format="mjml", body=body))
    assert str(problem).startswith("body: MJML: ")


def test_without_dark_colours_of_its_own_it_says_so() -> None:
    body = COLUMN.format("<mj-text>x</mj-text>")
    version = made(Message(subject="S", format="mjml", body=body), "en")
    assert '<meta name="color-scheme" content="light only">' in version.before


# --- Liquid held aside ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "marked", "is_simple"),
    [
        ("<p>{{ a }}</p>", "<p><!--liq0uid--></p>", True),
        ('<a href="{{ a }}">{% if b > c %}', '<a href="liq0uid"><!--liq1uid-->', True),
        ("<td {% if a %}class='b'{% endif %}>", "<td liq0uid class='b' liq1uid>".replace(" c", "c").replace("' l", "'l"), False),
        ('<a title="x > y">{{ a }}', '<a title="x > y"><!--liq0uid-->', True),
        ("5 < 6 {{ a }}", "5 < 6 <!--liq0uid-->", True),
        ("<style>p { color: {{ a }} }</style>", "<style>p { color: {{ a }} }</style>", False),
        ("<!-- {{ a }} -->{{ b }}", "<!-- {{ a }} --><!--liq0uid-->", True),
    ],
)  # fmt: skip
def test_liquid_is_held_aside_and_put_back(source: str, marked: str, is_simple: bool) -> None:
    held = hold(source, as_comments=True)
    assert (held.markup, held.is_simple) == (marked, is_simple)
    assert held.put_back(held.markup) == source


def test_rows_of_a_table_stay_in_it(finished: Make, anna: Customer) -> None:
    body = "<table>{% for product in products %}<tr><td>{{ product.sku }}</td></tr>{% endfor %}</table><p>after</p>"
    found = finished({"body": body}, anna, skus=("rose", "mug"))
    table = found.html[found.html.index("<table>") : found.html.index("</table>")]
    assert [table.count(sku) for sku in ("rose", "mug")] == [1, 1]
    assert text_above(found) == "rose\nmug\n\nafter"


def test_liquid_that_makes_up_attributes_has_its_styles_inlined_all_the_same(
    finished: Make, anna: Customer
) -> None:
    body = "<style>.a { color: red }</style><p {% if true %}class='a'{% else %}class='b'{% endif %}>x</p>"
    assert '<p class="a" style="' in finished({"body": body}, anna).html
    assert messages.check(Message(**{**default_message(), "body": body})) == []
