"""A message of blocks: what they make, that it is escaped, that the footer stays, and whether a translation still fits."""

from typing import Any

import pytest
from django.utils import timezone

from campaigns import contents, messages, previews
from campaigns.messages import READY_MADE, Block, Layout
from campaigns.messages.layout import FOOTER, KINDS, MOST_BLOCKS, read, sealed, sound, standing, stored
from campaigns.messages.marks import inline, paragraphs
from campaigns.models import Message
from tests import desk


def block(key: str, kind: str, zh: dict[str, str] | None = None, **words: str) -> Block:
    return Block(key, kind, {"en": words, "zh-hans": zh or {}})


def made(*blocks: Block, language: str = "en") -> list[str]:
    """The lines between the frame's first and last ones."""
    text = messages.source(sound(Layout(blocks)), language).text
    return text.split('css-class="whole">\n')[1].removesuffix("</mj-body>\n</mjml>\n").splitlines()


def of_blocks(*blocks: Block, **fields: Any) -> Message:
    message = Message(slug="m", name="M", subject="Hi", preheader="Line", **fields)
    messages.put(message, Layout(blocks))
    return message


SECTION = ['<mj-section background-color="#ffffff" css-class="sheet">']
COLUMN, END = ["<mj-column>"], ["</mj-column>", "</mj-section>"]


def test_each_block_is_made_into_the_mjml_it_stands_for() -> None:
    assert made(
        block("b1", "heading", text="Hello {{ customer.name | default: 'there' }}"),
        block("b2", "heading", text="Then"),
        block("b3", "button", text="Look", address="{{ shop.url }}/new?a=1&b=2"),
        block("b4", "picture", source="https://shop.example/x.png", alt='A "red" rose'),
        block("b5", "divider"),
        block(FOOTER, FOOTER, text="You said yes."),
    ) == [
        *SECTION,
        *COLUMN,
        """<mj-text><h1 style="margin:0;font-size:24px;line-height:1.3;font-weight:600">Hello {{ customer.name | default: 'there' }}</h1></mj-text>""",
        '<mj-text><h2 style="margin:0;font-size:19px;line-height:1.3;font-weight:600">Then</h2></mj-text>',
        '<mj-button href="{{ shop.url }}/new?a=1&amp;b=2" background-color="#1f5fbf" color="#ffffff" border-radius="6px" font-size="16px">Look</mj-button>',
        '<mj-image src="https://shop.example/x.png" alt="A &quot;red&quot; rose" />',
        "<mj-divider />",
        '<mj-text font-size="14px" color="#5c6066"><p style="margin:0 0 16px">You said yes.</p></mj-text>',
        *END,
    ]


def test_products_and_offers_stand_there_only_for_whom_there_are_some() -> None:
    lines = made(
        block("b1", "products", text="For you"),
        block("b2", "products", list="cause"),
        block("b3", "offer", list="all", text="Nothing today"),
        block("b4", "offer"),
    )
    above = '<h2 style="margin:0 0 8px;font-size:19px;line-height:1.3;font-weight:600">For you</h2>'
    assert lines[2:-2] == [
        f"{{% if products.size > 0 %}}<mj-text>{above}{{{{ products_block }}}}</mj-text>{{% endif %}}",
        "{% if cause.products.size > 0 %}<mj-text>{{ cause_block }}</mj-text>{% endif %}",
        "{% if offers.size > 0 %}<mj-text>{{ offers_block }}</mj-text>{% else %}<mj-text>Nothing today</mj-text>{% endif %}",
        "{% if offers.size > 0 %}<mj-text>{{ offer_block }}</mj-text>{% endif %}",
    ]


def test_columns_stand_in_a_section_of_their_own() -> None:
    lines = made(block("b1", "divider"), block("b2", "columns", left="a", right="b"), block("b3", "divider"))
    side = '<mj-column><mj-text><p style="margin:0 0 16px">{}</p></mj-text></mj-column>'
    assert lines == [
        *SECTION, *COLUMN, "<mj-divider />", *END,
        *SECTION, side.format("a"), side.format("b"), "</mj-section>",
        *SECTION, *COLUMN, "<mj-divider />", *END,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("written", "made_of_it"),
    [
        ("one\ntwo", "<p>one<br>\ntwo</p>"),
        ("one\n\ntwo", "<p>one</p>\n\n<p>two</p>"),
        ("- a\n- b\nc", "<ul><li>a</li>\n<li>b</li></ul>\n<p>c</p>"),
        ("{% if offer %}\nyes\n{% endif %}", "{% if offer %}\n<p>yes</p>\n{% endif %}"),
        ("**a** *b* 3 * 4 * 5", "<p><strong>a</strong> <em>b</em> 3 * 4 * 5</p>"),
        ("[a](https://x.example/?a=1&b=2)", '<p><a href="https://x.example/?a=1&amp;b=2">a</a></p>'),
        ("<script>x</script> & {{ a | default: 'b' }}", "<p>&lt;script&gt;x&lt;/script&gt; &amp; {{ a | default: 'b' }}</p>"),
    ],
)  # fmt: skip
def test_words_with_a_few_marks_become_paragraphs_line_by_line(written: str, made_of_it: str) -> None:
    bare = (
        paragraphs(written)
        .replace(' style="margin:0 0 16px"', "")
        .replace(' style="margin:0 0 16px;padding-left:20px"', "")
    )
    assert bare == made_of_it
    assert bare.count("\n") == written.count("\n")


def test_a_quote_ends_no_attribute() -> None:
    assert (
        inline('[a](https://x.example/"onclick="y)')
        == '<a href="https://x.example/&quot;onclick=&quot;y">a</a>'
    )
    button = made(block("b1", "button", text="x", address='https://x.example/"><script>'))[2]
    assert button.startswith('<mj-button href="https://x.example/&quot;&gt;&lt;script&gt;" ')


@pytest.mark.django_db
def test_a_script_in_a_block_is_shown_as_it_is_written(settings) -> None:
    settings.POSTAL_ADDRESS = "Shop, 1 Example Street"
    message = of_blocks(
        block("b1", "heading", text="<script>alert(1)</script>"),
        block("b2", "text", text="<img src=x onerror=y> <iframe>"),
    )
    assert messages.check(message) == []
    found = previews.made_up(message, language="en", at=timezone.now())
    assert "<script" not in found.html
    assert "<iframe" not in found.html
    assert "onerror=y&gt;" in found.html
    assert "<script>alert(1)</script>" in found.text, "in a text it is only words"


def test_markup_that_liquid_would_bring_in_is_refused_where_it_stands() -> None:
    bad = block("b1", "text", text="one\n{{ '<script>x</script>' }}")
    worse = block("b2", "text", text="{% assign a = '<b' %}{{ a }}")
    fine = block("b3", "text", text="{% if products.size < 3 %}few{% endif %}")
    assert [(fault.key, fault.line) for fault in messages.faults(sound(Layout([bad, worse, fine])))] == [
        ("b1", 2),
        ("b2", 1),
    ]


def test_a_fault_stands_at_its_block_field_language_and_line() -> None:
    layout = sound(
        Layout(
            [
                block("b1", "heading", text="{{ customer.name"),
                block("b2", "text", text="one\ntwo {{ customer.name }}", zh={"text": "{{ nobody }}"}),
                block("b3", "button", text="x", address="shop.example"),
                block("b4", "button", text="x", address="javascript:alert(1)"),
                block("b5", "picture"),
            ]
        )
    )
    found = [(f.key, f.part, f.language, f.line, f.text) for f in messages.faults(layout)]
    assert found == [
        ("b1", "text", "en", 1, "A variable is opened and not closed with }}."),
        ("b2", "text", "en", 2, "Not everybody has “customer.name”: give it a default, as in {{ customer.name | default: '…' }}."),
        ("b2", "text", "zh-hans", 1, "Not everybody has “nobody”: give it a default, as in {{ nobody | default: '…' }}."),
        ("b3", "address", "en", 0, "“shop.example” needs https:// before it."),
        ("b4", "address", "en", 0, "“javascript:alert(1)” cannot be opened from a mail: a link begins with https://."),
        ("b5", "source", "en", 0, "Give it an address that begins with https://."),
        ("b5", "alt", "en", 0, "Write it, or take the block out."),
    ]  # fmt: skip


def test_the_line_of_a_source_leads_back_to_the_line_of_a_block() -> None:
    layout = sound(
        Layout(
            [block("b1", "divider"), block("b2", "text", text="one\n\n- two\nthree"), block("b3", "divider")]
        )
    )
    text = messages.source(layout, "en")
    for n, line in enumerate(text.text.splitlines(), 1):
        found = text.at(n)
        if "two" in line:
            assert found is not None
            assert (found[0].key, found[0].part, found[1]) == ("b2", "text", 3)
        if "mj-divider /" in line:
            assert found is not None
            assert found[0].key in ("b1", "b3")
    assert text.at(1) is None


def test_the_footer_is_there_once_and_last_whatever_is_told() -> None:
    for blocks in (
        [],
        [block("b1", "text", text="x")],
        [block(FOOTER, FOOTER, text="why"), block("b1", "text", text="x"), block("f2", FOOTER, text="again")],
    ):
        kinds = [one.kind for one in sound(Layout(blocks)).blocks]
        assert kinds.count(FOOTER) == 1
        assert kinds[-1] == FOOTER
    assert sound(Layout(blocks)).blocks[-1].own("text") == "why"


@pytest.mark.django_db
def test_the_way_out_and_the_address_stand_under_every_message_of_blocks(settings) -> None:
    settings.POSTAL_ADDRESS = "Shop, 1 Example Street"
    message = of_blocks(block("b1", "text", text="x"))
    found = previews.made_up(message, language="en", at=timezone.now())
    for part in (found.html, found.text):
        assert "/unsubscribe/" in part
        assert "/preferences/" in part
        assert "Shop, 1 Example Street" in part


def test_no_more_blocks_are_kept_than_a_message_holds_and_each_key_once() -> None:
    many = [block(f"b{n}", "divider") for n in range(MOST_BLOCKS + 5)]
    assert len(sound(Layout([many[0], *many])).blocks) == MOST_BLOCKS + 1


def test_a_translation_says_the_original_where_it_has_no_words_of_its_own() -> None:
    blocks = (
        block("b1", "heading", text="Hello", zh={"text": "您好"}),
        block("b2", "button", text="Look", address="https://shop.example/", zh={"text": "看看"}),
        block("b3", "text", text="more"),
    )
    chinese = "\n".join(made(*blocks, language="zh-hans"))
    assert ">您好</h1>" in chinese
    assert ">看看</mj-button>" in chinese
    assert 'href="https://shop.example/"' in chinese
    assert ">more</p>" in chinese
    message = of_blocks(*blocks)
    assert messages.translated(message, "zh-hans") == (3, 0), "the subject, the preview line and b3"
    assert message.translations["zh-hans"].keys() == {"body"}
    assert of_blocks(blocks[2]).translations == {}


def test_a_translation_is_outdated_once_its_original_changes_and_fits_once_it_is_written_anew() -> None:
    seal = sealed("Hello", "您好")
    assert standing("Hello", "您好", seal) == ""
    assert standing("Hello", "", seal) == "missing"
    assert standing("Good day", "您好", seal) == "outdated"
    assert sealed("Good day", "您好", seal) == seal, "it stays outdated however often it is saved"
    assert standing("Good day", "日安", seal) == ""
    assert standing("", "您好", seal) == ""
    for copied in ("Hello", " Hello ", "Hello {{ customer.name }}"):
        assert standing(copied.strip(), copied, sealed(copied, copied)) == "copied"
    for same_in_both in ("{{ offer.benefit }}", "50 %", "您好"):
        assert standing(same_in_both, same_in_both, sealed(same_in_both, same_in_both)) == ""
    layout = sound(Layout([block("b1", "heading", text="Hello", zh={"text": "您好"})]))
    kept = read(stored(layout))
    assert kept == layout
    changed = Block(
        "b1", "heading", {"en": {"text": "Good day"}, "zh-hans": {"text": "您好"}}, kept.blocks[0].seals
    )
    assert sound(Layout([changed])).blocks[0].standing("text", "zh-hans") == "outdated"


def test_the_blocks_count_for_as_long_as_the_source_is_what_they_made() -> None:
    message = of_blocks(block("b1", "text", text="x", zh={"text": "y"}))
    assert messages.layout_of(message) == sound(Layout([block("b1", "text", text="x", zh={"text": "y"})]))
    messages.write_by_hand(message, is_by_hand=True)
    assert messages.layout_of(message) is None
    assert messages.kept_layout(message) is not None
    assert not messages.was_changed_elsewhere(message)
    message.translations["zh-hans"]["body"] += "<!-- more -->"
    assert messages.kept_layout(message) is None
    assert messages.was_changed_elsewhere(message)


@pytest.mark.django_db
def test_an_approval_is_of_what_the_blocks_make_and_not_of_how_they_are_kept() -> None:
    row = desk.campaign(offers=[])
    assert row.message is not None
    messages.put(row.message, Layout([block("b1", "text", text="x")]))
    row.message.save()
    before = contents.fingerprint(row)
    messages.write_by_hand(row.message, is_by_hand=True)
    row.message.save()
    assert contents.fingerprint(row) == before
    messages.put(row.message, Layout([block("b1", "text", text="y")]))
    row.message.save()
    assert contents.fingerprint(row) != before


@pytest.mark.parametrize("name", [name for name in READY_MADE if name != "empty"])
def test_the_ready_made_ones_are_sound_in_both_languages_and_give_no_hint(name: str) -> None:
    ready = READY_MADE[name]
    words = {"subject": ready.subject[1], "preheader": ready.preheader[1]}
    message = Message(subject=ready.subject[0], preheader=ready.preheader[0], translations={"zh-hans": words})
    messages.put(message, ready.layout)
    assert messages.faults(ready.layout) == []
    assert messages.check(message) == []
    assert [str(hint) for hint in messages.hints(message)] == []
    assert messages.translated(message, "zh-hans") == (0, 0)


def test_every_kind_of_block_can_be_kept_and_read_again() -> None:
    blocks = [block(f"b{n}", kind.name, **{part.name: part.choices[-1][0] if part.choices else "x" for part in kind.parts}) for n, kind in enumerate(KINDS.values())]  # fmt: skip
    layout = sound(Layout(blocks))
    assert read(stored(layout)) == layout


def test_words_on_a_button_are_told_apart_from_its_colour() -> None:
    light = messages.source(
        Layout([block("b1", "button", text="x", address="https://x.example")], "#ffee88"), "en"
    ).text
    assert 'background-color="#ffee88" color="#111111"' in light
    odd = messages.source(Layout([block("b1", "divider")], 'red;}"</style>'), "en").text
    assert "a { color: #1f5fbf; }" in odd
