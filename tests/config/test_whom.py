"""No page shows a figure without saying of whom and since when.

A figure is a cell of numbers, a chart, a bar or a number in large; in the same part of the page stands what `{% whom %}`
writes. Each page that the desk registers is opened with figures in it, and each template that draws one is read.
"""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings
from django.template import Context, Template, TemplateSyntaxError
from django.test import Client
from django.utils import timezone

from campaigns import figures
from campaigns.models import Campaign
from tests import desk
from tests.config import test_few

pytestmark = pytest.mark.once
FIGURES = {
    "desk-n", "desk-big", "desk-waterfall", "desk-chart", "desk-dots", "desk-progress", "way-counts",
}  # fmt: skip
TEMPLATES = Path(settings.BASE_DIR) / "templates/admin"
# Parts of other templates, in which the sentence stands.
PARTS = {
    "chart.html", "counts.html", "dots.html", "journey_graph.html", "results_drawing.html", "waterfall.html",
}  # fmt: skip
# Pages that say it in words of their own: the template, what it is called here, and the words.
OWN_WORDS = {
    "campaign_check_reach.html": ("campaigns_campaign_check_part reach", "people can be reached now"),
    "campaign_weigh.html": ("campaigns_campaign_weigh", "people who can be written to and allow measuring"),
    "size.html": (
        "campaigns_campaign_size counted",
        "people of its audience who may be written to and measured",
    ),
    "segment_after.html": ("campaigns.segment form", "Counted each night, to the nearest ten."),
    "segment_rule.html": ("campaigns.segment form", "people match now"),
    "segment_overlap.html": ("overlap", "As of now"),
    "journey_edit.html": ("campaigns_journeyversion_steps", "came in"),
}
# How far a machine is with its work is of nobody.
OF_WORK = {"progress.html"}
VOID = {"area", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}


@dataclass
class Part:
    """A section of a page, or the page around them."""

    figures: set[str] = field(default_factory=set)
    told: dict[str, str] = field(default_factory=dict)

    @property
    def says(self) -> bool:
        return all(self.told.get(name, "").strip() for name in ("of", "since"))


class Reader(HTMLParser):
    """Which part of a page shows figures, and which says of whom and since when."""

    def __init__(self) -> None:
        super().__init__()
        self.page = Part()
        self.parts = [self.page]
        self.open: list[tuple[str, Part, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        part, whom = (self.open[-1][1], self.open[-1][2]) if self.open else (self.page, "")
        if tag == "section":
            part = Part()
            self.parts.append(part)
        part.figures |= FIGURES & set((given.get("class") or "").split())
        if tag not in VOID:
            self.open.append((tag, part, given.get("data-whom") or whom))

    def handle_endtag(self, tag: str) -> None:
        names = [name for name, _part, _whom in self.open]
        if tag in names:
            del self.open[len(names) - 1 - names[::-1].index(tag) :]

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1][2]:
            _tag, part, whom = self.open[-1]
            part.told[whom] = part.told.get(whom, "") + data


def read(page: bytes | str) -> Reader:
    reader = Reader()
    reader.feed(page if isinstance(page, str) else page.decode())
    return reader


def silent(page: bytes | str) -> set[str]:
    """The figures of a page that are of nobody knows whom."""
    reader = read(page)
    if reader.page.says:
        return set()
    return {name for part in reader.parts if not part.says for name in part.figures}


def test_a_figure_without_of_whom_and_since_when_is_found() -> None:
    card = '<section><p class="desk-big">7</p>{}</section>'
    said = '<p><span data-whom="of">{}</span> <span data-whom="since">{}</span></p>'
    assert silent(card.format("")) == {"desk-big"}
    assert silent(card.format(said.format("Of all,", " "))) == {"desk-big"}
    assert silent(card.format("") + "<section>" + said.format("Of all,", "now") + "</section>") == {
        "desk-big"
    }
    assert silent(card.format(said.format("Of all,", "now"))) == set()
    assert silent("<section><br><section></section>" + card.format("") + "</section>") == {"desk-big"}


def test_both_are_asked_for() -> None:
    with pytest.raises(TemplateSyntaxError):
        Template('{% load whom %}{% whom "Of all," %}')
    assert silent(Template('{% load whom %}<section class="desk-n">{% whom "Of all," "now" %}</section>').render(Context())) == set()  # fmt: skip


def draws(text: str) -> bool:
    classes = {name for found in re.findall(r'class="([^"]*)"', text) for name in re.split(r"[^\w-]+", found)}
    parts = re.findall(r'include "admin/desk/(\w+\.html)"', text)
    return bool(FIGURES & classes or set(parts) & PARTS)


def test_no_template_draws_a_figure_without_it() -> None:
    drawing = {path.name: path.read_text() for path in TEMPLATES.rglob("*.html") if draws(path.read_text())}
    assert len(drawing) > 30
    lacking = {name for name, text in drawing.items() if "{% whom " not in text}
    assert lacking == PARTS | OWN_WORDS.keys() | OF_WORK


@pytest.mark.django_db
def test_no_page_shows_a_figure_without_it(settings) -> None:
    settings.POSTAL_ADDRESS = "Shop, 1 Example Street, 10115 Berlin"
    settings.UNFOLD = desk.short_menu()
    client, row = Client(), shop()
    client.force_login(desk.staff())
    pages = dict(test_few.addresses(row))
    Campaign.objects.filter(pk=row.pk).update(kind="once")
    found = {name: client.get(address).content for name, address in pages.items() if "journey" not in name}
    Campaign.objects.filter(pk=row.pk).update(kind="journey")
    found |= {name: client.get(address).content for name, address in pages.items() if "journey" in name}
    for name, words in OWN_WORDS.values():
        if name in found:
            assert words in test_few.told(found.pop(name)), name
    shown = {name for name, page in found.items() if any(part.figures for part in read(page).parts)}
    assert shown >= {
        "home", "campaigns.campaign form", "campaigns_campaign_report", "campaigns_campaign_step launch counted",
        "campaigns_headline_experiments", "campaigns_journeyversion_of",
    }  # fmt: skip
    apart = {name: lacking for name, page in found.items() if (lacking := silent(page))}
    assert not apart, apart


def shop() -> Campaign:
    """Sixty people, their campaign over, and its figures counted."""
    row = desk.measured(desk.shop(60, control=40))
    for _day in range(3):
        figures.note_due(at=timezone.now())
    return row
