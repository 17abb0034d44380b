"""What a reader with an eye for trouble says of a message: faults in links with their line, and hints."""

from typing import Any

import pytest

from campaigns import messages
from campaigns.messages import addresses, default_message
from campaigns.messages.markup import read
from campaigns.models import Message

pytestmark = pytest.mark.once


def written(**fields: Any) -> Message:
    return Message(**{"subject": "Hello", "preheader": "p", "body": "<p>Hello you</p>", **fields})


# --- links ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "https://shop.example/?a=1&b=2",
        "http://shop.example",
        "mailto:hello@shop.example",
        "tel:+4930",
        "#",
        "liq0uid",
        "liq0uid/liq1uid?x=1",
        "https://shop.example/liq0uid",
        "https://liq0uid/x",
        "https://shop.example:8443/x",
    ],
)
def test_a_link_that_can_work_has_no_fault(address: str) -> None:
    assert addresses.fault(address) == ""


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("", "leads nowhere"),
        ("/products/1", "leads nowhere in a mail"),
        ("products", "leads nowhere in a mail"),
        ("shop.example/x", "needs https://"),
        ("https://shop.example/a b", "a space in it"),
        ("https://", "names no server"),
        ("https:///x", "names no server"),
        ("https://shop/x", "names no server"),
        ("https://[x", "is no address"),
        ("https://shop.example:99999/", "is no address"),
        ("ftp://shop.example/x", "cannot be opened"),
        ("file:///etc/passwd", "cannot be opened"),
    ],
)
def test_a_link_that_cannot_work_says_why(address: str, words: str) -> None:
    assert words in addresses.fault(address)


@pytest.mark.parametrize(
    ("address", "words", "why"),
    [
        ("#", "x", "leads to “#”"),
        ("https://example.com/", "x", "a placeholder"),
        ("https://bit.ly/abc", "x", "hides where"),
        ("https://t.cn/abc", "x", "hides where"),
        ("https://192.0.2.1/", "x", "a number"),
        ("http://shop.example/", "x", "not encrypted"),
        ("https://shop.example/", "www.bank.example", "as a fraud would"),
        ("https://shop.example/", "https://bank.example/login?a=1", "as a fraud would"),
    ],
)
def test_a_link_that_looks_like_a_mistake_is_doubted(address: str, words: str, why: str) -> None:
    doubt = addresses.doubt(address, words)
    assert doubt is not None
    assert why in doubt[0]
    assert doubt[1]


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("https://shop.example/x", "Look around"),
        ("https://shop.example/x", "www.shop.example"),
        ("https://www.shop.example/x", "https://shop.example"),
        ("https://shop.example/x", "Version 2.0"),
        ("liq0uid", "liq1uid"),
    ],
)
def test_an_honest_link_is_not_doubted(address: str, words: str) -> None:
    assert addresses.doubt(address, words) is None


# --- markup ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "line", "words"),
    [
        ("a\n<script>x</script>", 2, "<script>"),
        ("a\n\n<iframe src='https://x.example'></iframe>", 3, "<iframe>"),
        ("<form action='https://x.example'>", 1, "<form>"),
        ("<p>\n<img src='https://x.example/a.png' alt='' onerror='x'>", 2, "onerror="),
        ("<a href='java\nscript:x'>x</a>", 1, "script in it"),
        ("<a href='  JavaScript:x'>x</a>", 1, "script in it"),
        ("<a href='data:text/html,x'>x</a>", 1, "script in it"),
        ("a\n<!-- never closed", 2, "<!--"),
        ("<link rel=stylesheet href='https://x.example/a.css'>", 1, "<link>"),
        ("<mj-text>x</mj-text>", 1, "is MJML"),
        ("{% if true\n %}\n<object></object>{% endif %}", 3, "<object>"),
        ("a\n<a href='/x'>x</a>", 2, "leads nowhere in a mail"),
    ],
)
def test_what_no_mail_may_carry_is_refused_with_its_line(body: str, line: int, words: str) -> None:
    found = messages.check(written(body=body))
    assert any(problem.line == line and words in problem.text for problem in found), found
    assert all(problem.part == "body" for problem in found)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('<div style="display:none">x', "<div> is not closed"),
        ('</div><div style="display:none"><div>x', "<div> is not closed"),
        ("<table><tr><td>x", "<table> is not closed"),
        ("<p>x</p><title>x", "opened and not closed"),
        ("<style>\n.legal { display: none }</style>", "not for a message to style"),
        ("<style>.a, .legal a { font-size: 0 }</style>", "not for a message to style"),
    ],
)
def test_u1_the_way_out_cannot_be_hidden(body: str, words: str) -> None:
    found = messages.check(written(body=body))
    assert any(words in problem.text for problem in found), found


@pytest.mark.parametrize(
    "body",
    [
        "<p>one<p>two",
        "<ul><li>a<li>b</ul>",
        "{% if products.size > 0 %}<div>{% else %}<div class='b'>{% endif %}x</div>",
        "<style>.mine { color: red }</style><p class='mine'>a legal matter { here }</p>",
    ],
)
def test_u1_what_closes_is_sound(body: str) -> None:
    assert messages.check(written(body=body)) == []


def test_a_translation_is_read_as_closely() -> None:
    row = written(translations={"zh-hans": {"body": "<p>\n<script>x</script>"}})
    (problem,) = messages.check(row)
    assert str(problem) == "body (zh-hans), line 2: <script> does not work in a mail: take it out."


def test_links_words_and_pictures_are_read_with_their_lines() -> None:
    found = read(
        "<p>Look\n<a href='https://shop.example/{{ x }}'>here <b>now</b></a>\n<img src='https://s.example/a.png'></p>",
        is_mjml=False,
    )
    assert [(link.line, link.words) for link in found.links] == [(2, "here now")]
    assert [(picture.line, picture.alt) for picture in found.pictures] == [(3, None)]
    assert found.faults == []


# --- hints ----------------------------------------------------------------------------------------------------------


def test_the_default_message_needs_no_hint() -> None:
    assert messages.hints(Message(**default_message())) == []


@pytest.mark.parametrize(
    ("fields", "part", "line", "why"),
    [
        ({"subject": "GREAT OFFERS FOR YOU"}, "subject", 0, "capitals"),
        ({"subject": "Now! Really!"}, "subject", 0, "exclamation"),
        ({"subject": "好消息！快来！"}, "subject", 0, "exclamation"),
        ({"subject": "a" * 61}, "subject", 0, "61 characters"),
        ({"preheader": ""}, "preheader", 0, "preview line"),
        ({"body": "<p>x</p>\n<img src='https://s.example/a.png'>" + "<p>words</p>" * 30}, "body", 2, "alt"),
        ({"body": "<img src='https://s.example/a.png' alt=''><p>x</p>"}, "body", 0, "much picture"),
        ({"body": "<p>x</p>\n<img src='data:image/png;base64,x' alt=''>" + "<p>words</p>" * 30}, "body", 2, "itself"),
        ({"body": "<p>a</p>" * 5_000}, "body", 0, "Gmail"),
        ({"body": "<p>Click here</p>"}, "body", 0, "junk"),
        ({"body": "<a href='https://s.example/'>x</a>" * 21}, "body", 0, "21 links"),
        ({"body": "\n<a href='https://bit.ly/x'>x</a>"}, "body", 2, "hides where"),
        ({"translations": {"zh-hans": {"subject": "发票", "preheader": "p"}}}, "body (zh-hans)", 0, "发票"),
        ({"format": "mjml", "body": "<mjml><mj-body></mj-body></mjml>"}, "body", 0, "no dark colours"),
    ],
)  # fmt: skip
def test_what_looks_like_junk_or_reads_badly_is_hinted_at(
    fields: dict[str, Any], part: str, line: int, why: str
) -> None:
    found = messages.hints(written(**fields))
    assert [(hint.part, hint.line) for hint in found if why in hint.why] == [(part, line)], found
    assert all(hint.mend for hint in found)


def test_a_hint_stops_nothing() -> None:
    assert messages.check(written(subject="FREE!!! NOW!!!", body="<p>Click here</p>")) == []
