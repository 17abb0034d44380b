"""What makes a mail look like junk or read badly: hints, each with why and what to do. None of them stops anything."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.liquid_templates import Aborted, TemplateFailed
from campaigns.messages import addresses
from campaigns.messages.made import Words, fill_in, made
from campaigns.messages.markup import MARK, Picture, Reading, read
from campaigns.messages.plain import text_of
from campaigns.messages.samples import sample_contexts
from campaigns.messages.wording import translated
from campaigns.models import Message

LONGEST_SUBJECT, MOST_LINKS, FEWEST_WORDS_A_PICTURE = 60, 20, 40
# Gmail shows no more of a mail than this and hides the rest, with its way out, behind a link.
CLIPPED_AT_BYTES = 102 * 1024
# Few on purpose: words alone rarely decide, and a long list would cry wolf.
LOUD = {
    "en": ("act now", "100% free", "risk free", "winner", "cash bonus", "guaranteed", "click here", "urgent"),
    "zh-hans": ("免费领取", "立即抢购", "恭喜您中奖", "点击这里", "稳赚", "最后机会", "发票", "百分百"),
}


@dataclass(frozen=True)
class Hint:
    """Where, why it matters, and what to do. `line` is 0 where it is about the whole."""

    part: str
    line: int
    why: str
    mend: str

    def __str__(self) -> str:
        return f"{self.why} {self.mend}"


def hints(message: Message) -> list[Hint]:
    """For the original and each translation; a message with problems may have none yet."""
    found: list[Hint] = []
    for language in dict.fromkeys(("en", *message.translations)):
        own = message.translations.get(language, {})
        end = f" ({language})" if own else ""
        body = own.get("body") or ("" if own else message.body)
        reading = read(body, is_mjml=message.format == Message.Format.MJML)
        words = _as_anna(message, language)
        subject = words.subject if words else ""
        found += [Hint(f"subject{end}", 0, why, mend) for why, mend in _about_subject(subject)]
        if not translated(message, language, "preheader"):
            why = _("Without a preview line a mailbox shows the first words of the body after the subject.")
            found.append(Hint(f"preheader{end}", 0, why, _("Write what the subject leaves open.")))
        found += [Hint(f"body{end}", line, why, mend) for line, why, mend in _about_body(reading)]
        found += [Hint(f"body{end}", 0, why, mend) for why, mend in _about_whole(words, reading)]
        said = f"{subject} {reading.words}".lower()
        for loud in LOUD.get(language, ()):
            if loud in said:
                why = _("“%s” stands in much junk.") % loud
                found.append(Hint(f"body{end}", 0, why, _("Say plainly what there is.")))
    if message.format == Message.Format.MJML and "prefers-color-scheme" not in message.body:
        why = _("This MJML has no dark colours, so mailboxes in the dark are asked to show it light.")
        found.append(
            Hint(
                "body", 0, why, _("Add <mj-style> with @media (prefers-color-scheme: dark) to give it some.")
            )
        )
    return found


def _as_anna(message: Message, language: str) -> Words | None:
    """The message for the made-up person of whom all is known; None where it cannot be rendered."""
    with translation.override(language):
        try:
            return fill_in(message, made(message, language), dict(sample_contexts()[0]), language)
        except (TemplateFailed, Aborted):
            return None


def _about_subject(subject: str) -> Iterator[tuple[str, str]]:
    letters = [letter for letter in subject if letter.isalpha() and letter.isascii()]
    if len(letters) >= 8 and sum(letter.isupper() for letter in letters) > 0.6 * len(letters):
        yield _("The subject is in capitals, as junk is."), _("Write it as one writes to a person.")
    if subject.count("!") + subject.count("！") > 1:
        yield (
            _("The subject has several exclamation marks, as junk has."),
            _("One is enough; none is better."),
        )
    if len(subject) > LONGEST_SUBJECT:
        told = {"length": len(subject), "most": LONGEST_SUBJECT}
        yield (
            _(
                "The subject has %(length)s characters; a phone shows about 40, few mailboxes more than %(most)s."
            )
            % told,
            _("Put what matters first and leave out the rest."),
        )


def _about_body(reading: Reading) -> Iterator[tuple[int, str, str]]:
    for picture in reading.pictures:
        yield from ((picture.line, *told) for told in _about_picture(picture))
    for link in reading.links:
        if doubt := addresses.doubt(link.address, link.words):
            yield link.line, *doubt


def _about_picture(picture: Picture) -> Iterator[tuple[str, str]]:
    if picture.alt is None:
        yield (
            _("A picture has no words (alt): who sees no pictures learns nothing of it."),
            _('Say what it shows; alt="" if it only decorates.'),
        )
    if picture.address.startswith("data:"):
        yield _("A picture stands in the mail itself, which many mailboxes do not show."), _("Link it.")
    elif picture.address.startswith("http:"):
        yield _("A picture is not encrypted (http); mailboxes may not show it."), _("Use https://.")


def _about_whole(words: Words | None, reading: Reading) -> Iterator[tuple[str, str]]:
    letters = len("".join(MARK.sub("", reading.words).split()))
    if reading.pictures and letters < FEWEST_WORDS_A_PICTURE * len(reading.pictures):
        yield (
            _("There is much picture and little text; filters cannot read pictures, nor can all people."),
            _("Say in words what the pictures say."),
        )
    if len(reading.links) > MOST_LINKS:
        told = ngettext("There is %s link.", "There are %s links.", len(reading.links)) % len(reading.links)
        yield told, _("Keep those that the message is for.")
    if words is None:
        return
    if (size := len(words.html.encode())) > CLIPPED_AT_BYTES:
        yield (
            _("The mail has about %s KB; Gmail cuts it at 102 and hides the way out.") % (size // 1024),
            _("Leave out what is not read, above all styles that are not used."),
        )
    if reading.words and not text_of(reading.words):
        yield _("There are no words for a mailbox that shows only text."), _("Write a text part.")
