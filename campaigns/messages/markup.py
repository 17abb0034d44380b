"""A message's markup as a reader with an eye for trouble sees it: every fault, link and picture with its line.

The engines say too little: MJML drops an unknown tag in silence and names no line, and what a mailbox throws away is
found out by the customer.
"""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

from django.utils.translation import gettext as _

from campaigns.messages.held import hold

MARK = re.compile(r"liq\d+uid")
# A rule of a style sheet for the frame's own lines, which could hide them.
_LAST_LINES = re.compile(r"(?s)\.legal\b[^<]*\{")
# Closed by whatever comes next.
_CLOSED_BY_THEMSELVES = frozenset(["p", "li", "td", "th", "tr", "tbody", "thead", "tfoot", "dt", "dd"])
# What mailboxes throw away or warn of, and what could act in somebody's name.
REFUSED = frozenset(
    [
        "script",
        "iframe",
        "frame",
        "frameset",
        "form",
        "input",
        "textarea",
        "select",
        "object",
        "embed",
        "applet",
        "base",
        "link",
        "meta",
        "video",
        "audio",
    ]
)
_VOID = frozenset(["area", "br", "col", "hr", "img", "wbr"])
_HEAD = "mj-title mj-preview mj-style mj-attributes mj-breakpoint mj-html-attributes mj-raw"
_CONTENT = "mj-text mj-image mj-button mj-divider mj-spacer mj-table mj-social mj-navbar mj-accordion mj-carousel mj-raw"
# What may stand directly in what; a tag that is not here has words and plain HTML inside.
INSIDE = {
    name: frozenset(inside.split())
    for name, inside in {
        "mjml": "mj-head mj-body",
        "mj-head": _HEAD,
        "mj-body": "mj-section mj-wrapper mj-hero mj-raw",
        "mj-wrapper": "mj-section mj-hero mj-raw",
        "mj-section": "mj-column mj-group mj-raw",
        "mj-group": "mj-column mj-raw",
        "mj-column": _CONTENT,
        "mj-hero": _CONTENT,
        "mj-social": "mj-social-element mj-raw",
        "mj-navbar": "mj-navbar-link mj-raw",
        "mj-accordion": "mj-accordion-element mj-raw",
        "mj-accordion-element": "mj-accordion-title mj-accordion-text mj-raw",
        "mj-carousel": "mj-carousel-image",
    }.items()
}
KNOWN = frozenset(INSIDE).union(*INSIDE.values()) | {"mj-all", "mj-class"}


@dataclass(frozen=True)
class Fault:
    line: int
    text: str


@dataclass
class Link:
    """An address and the words one presses; marks stand for Liquid in both."""

    line: int
    address: str
    words: str = ""


@dataclass(frozen=True)
class Picture:
    line: int
    address: str
    alt: str | None


@dataclass
class Reading:
    faults: list[Fault] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    words: str = ""


def read(source: str, *, is_mjml: bool) -> Reading:
    """Read the markup; its Liquid is passed over."""
    held = hold(source, as_comments=False, keep_lines=True)
    reader = _Reader(is_mjml=is_mjml)
    reader.feed(held.markup)
    reader.close()
    found = reader.reading
    cut = held.markup.rfind("<!--")
    if cut >= 0 and "-->" not in held.markup[cut:]:
        line = held.markup.count("\n", 0, cut) + 1
        found.faults.append(Fault(line, _("A comment is opened with <!-- and not closed with -->.")))
    if is_mjml:
        found.faults += reader.left_open()
    if (styled := _LAST_LINES.search(held.markup)) is not None:
        line = held.markup.count("\n", 0, styled.start()) + 1
        found.faults.append(Fault(line, _("The last lines with the way out are not for a message to style.")))
    found.faults.sort(key=lambda fault: fault.line)
    return found


class _Reader(HTMLParser):
    def __init__(self, *, is_mjml: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.reading = Reading()
        self._is_mjml = is_mjml
        self._open: list[tuple[str, int]] = []
        self._link: Link | None = None

    def _fault(self, text: str) -> None:
        self.reading.faults.append(Fault(self.getpos()[0], text))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._look_at(tag, dict(attrs))
        if tag not in _VOID:
            self._open.append((tag, self.getpos()[0]))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._look_at(tag, dict(attrs))
        if tag in ("a", "mj-button"):
            self._link = None

    def handle_endtag(self, tag: str) -> None:
        if tag in ("a", "mj-button", "mj-navbar-link"):
            self._link = None
        names = [name for name, _line in self._open]
        if tag not in names:
            if self._is_mjml and tag not in _VOID:
                self._fault(_("</%s> closes what was not opened.") % tag)
            return
        while self._open:
            name, line = self._open.pop()
            if name == tag:
                break
            if self._is_mjml:
                self._fault(
                    _("</%(tag)s> comes before </%(inner)s>, opened in line %(line)s.")
                    % {"tag": tag, "inner": name, "line": line}
                )

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1][0] in (
            "style",
            "script",
            "mj-style",
            "mj-title",
            "mj-preview",
            "title",
        ):
            return
        self.reading.words += data
        if self._link is not None:
            self._link.words += data
        if self._is_mjml and not self._open and MARK.sub("", data).strip():
            self._fault(_("Words stand outside <mjml>."))

    def left_open(self) -> list[Fault]:
        found = [Fault(line, _("<%s> is not closed.") % tag) for tag, line in self._open]
        return (
            found if self._saw_mjml else [Fault(1, _("MJML begins with <mjml> and has a <mj-body>.")), *found]
        )

    _saw_mjml = False

    def _look_at(self, tag: str, attributes: dict[str, str | None]) -> None:
        if tag in REFUSED:
            self._fault(_("<%s> does not work in a mail: take it out.") % tag)
        self._saw_mjml = self._saw_mjml or tag == "mj-body"
        if self._is_mjml:
            self._place(tag)
        elif tag.startswith("mj"):
            self._fault(_("<%s> is MJML: change the message's format, or write HTML.") % tag)
        for name, value in attributes.items():
            if name.startswith("on"):
                self._fault(_("%s= does not work in a mail: take it out.") % name)
            if name in ("href", "src", "action", "background", "background-url") and _acts(value or ""):
                self._fault(_("%s= with a script in it: a link begins with https://.") % name)
        if (
            tag in ("a", "mj-button", "mj-navbar-link", "mj-image", "mj-social-element")
            and "href" in attributes
        ):
            self._link = Link(self.getpos()[0], (attributes["href"] or "").strip())
            self.reading.links.append(self._link)
            if tag in ("mj-image", "mj-social-element"):
                self._link = None
        # In <mj-attributes> a tag says how its like look, and is none itself.
        is_sample = bool(self._open) and self._open[-1][0] == "mj-attributes"
        if tag in ("img", "mj-image", "mj-carousel-image") and not is_sample:
            picture = Picture(self.getpos()[0], (attributes.get("src") or "").strip(), attributes.get("alt"))
            self.reading.pictures.append(picture)

    def _place(self, tag: str) -> None:
        """Whether the tag is known and may stand where it does."""
        if tag == "mj-include":
            self._fault(_("<mj-include> is not allowed: a message stands by itself."))
            return
        if tag == "mj-font":
            self._fault(_("<mj-font> would load from another server whenever the mail is read: take it out."))
            return
        parent = self._open[-1][0] if self._open else ""
        if tag.startswith("mj") and tag not in KNOWN:
            self._fault(_("<%s> is no tag of MJML.") % tag)
        elif parent == "mj-attributes" or (not self._open and tag == "mjml"):
            return
        elif parent in INSIDE and tag not in INSIDE[parent]:
            self._fault(
                _("<%(tag)s> may not stand in <%(parent)s>: there go %(inside)s.")
                % {"tag": tag, "parent": parent, "inside": ", ".join(sorted(INSIDE[parent]))}
            )
        elif not self._open:
            self._fault(_("<%s> stands outside <mjml>.") % tag)
        elif tag.startswith("mj-") and parent not in INSIDE:
            self._fault(_("<%(tag)s> may not stand in <%(parent)s>.") % {"tag": tag, "parent": parent})


def _acts(address: str) -> bool:
    told = re.sub(r"[\x00-\x20]", "", address).lower()
    return told.startswith(("javascript:", "vbscript:")) or (
        told.startswith("data:") and not told.startswith("data:image/")
    )


def around_the_way_out(whole: str) -> list[str]:
    """The elements of a finished page that its last lines stand in, which should be none: what is around them can
    hide them.
    """
    reader = _Around()
    reader.feed(whole)
    return reader.found


class _Around(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if ("class", "legal") in attrs:
            self.found = [name for name in self._open if name not in _CLOSED_BY_THEMSELVES]
        if tag not in _VOID and tag not in ("html", "body", "meta", "link"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass
