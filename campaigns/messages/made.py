"""A message made ready once a version: framed, its styles inlined, its MJML compiled. Each person's words are filled
in afterwards.
"""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import css_inline
import mjml
from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from markupsafe import Markup

from campaigns import liquid_templates
from campaigns.liquid_templates import Aborted, TemplateFailed
from campaigns.messages import blocks
from campaigns.messages.held import hold
from campaigns.messages.plain import text_of, text_source, tidy
from campaigns.messages.samples import sample_contexts
from campaigns.messages.wording import translated
from campaigns.models import Message

_INLINER = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=True)
# Where each person's own things go in the frame; words that stand in no message.
_SUBJECT, _PREHEADER, _TEXT, _UNSUBSCRIBE, _PREFERENCES = (
    f"frame{n}slot" for n in ("subject", "preheader", "text", "unsubscribe", "preferences")
)
_BEGIN, _END, _PIXEL = (f"<!--frame{n}slot-->" for n in ("begin", "end", "pixel"))


@dataclass(frozen=True)
class Made:
    """A version of a message: what is left for each person is to fill in."""

    before: str
    body: str
    """HTML with Liquid"""
    after: str
    text: str | None
    """Liquid; None where the text part is taken from the finished body"""
    text_frame: str
    is_inlined: bool
    blocks: tuple[str, ...]


@dataclass(frozen=True)
class Words:
    """What a person reads; links are not counted yet."""

    subject: str
    html: str
    text: str


def made(message: Message, language: str) -> Made:
    """The message's version in this language. Raises TemplateFailed where it cannot be made."""
    return _made(
        translated(message, language, "body"),
        translated(message, language, "text"),
        message.format,
        language,
        bool(translated(message, language, "preheader")),
        settings.POSTAL_ADDRESS,
    )


@lru_cache(maxsize=128)
def _made(body: str, text: str, kind: str, language: str, has_preheader: bool, postal: str) -> Made:
    frame = {
        "language": language,
        "subject": _SUBJECT,
        "preheader": _PREHEADER if has_preheader else "",
        "links": {"unsubscribe": _UNSUBSCRIBE, "preferences": _PREFERENCES},
        "postal_address": postal,
        "pixel": Markup(_PIXEL),
        "text": _TEXT,
    }
    with translation.override(language):
        before, inner, after, is_inlined = (_of_mjml if kind == Message.Format.MJML else _of_html)(
            body, frame
        )
        text_frame = render_to_string("email/message.txt", frame)
    used = tuple(name for name in blocks.NAMES if name in body or name in text)
    return Made(before, inner, after, text or text_source(inner), text_frame, is_inlined, used)


def _of_html(body: str, frame: Mapping[str, Any]) -> tuple[str, str, str, bool]:
    held = hold(body, as_comments=True)
    whole: str = render_to_string(
        "email/message.html", {**frame, "body": Markup(f"{_BEGIN}{held.markup}{_END}")}
    )
    is_inlined = held.is_simple
    if is_inlined:
        inlined = inline(whole)
        is_inlined = not held.lost(inlined)
        whole = inlined if is_inlined else whole
    before, _begin, rest = whole.partition(_BEGIN)
    inner, end, after = rest.partition(_END)
    if not end:
        raise TemplateFailed("a comment (<!--) or a style sheet is opened and not closed")
    return before, held.put_back(inner), after, is_inlined


def _of_mjml(body: str, frame: Mapping[str, Any]) -> tuple[str, str, str, bool]:
    """Compiled as it stands; the frame's lines go around what is in its body."""
    held = hold(body, as_comments=False)
    compiled = compile_mjml(held.markup)
    if lost := held.lost(compiled):
        raise TemplateFailed(f"MJML leaves no place for {lost[0]}: put it into a text or between components")
    head, tag, rest = _opened(compiled)
    inner, _closing, end = rest.rpartition("</body>")
    # Without dark colours of its own a message says that it has none, so that a mailbox does not mix the two.
    schemes = "light dark" if "prefers-color-scheme" in body else "light only"
    mine = render_to_string("email/mjml_head.html", {**frame, "schemes": schemes})
    head = head.replace('lang="und"', f'lang="{frame["language"]}"').replace("</head>", f"{mine}</head>")
    top = render_to_string("email/preheader.html", frame) if frame["preheader"] else ""
    legal = css_inline.inline_fragment(
        render_to_string("email/legal.html", frame),
        render_to_string("email/blocks.css"),
        load_remote_stylesheets=False,
    )
    inner = inner.replace('lang="und"', f'lang="{frame["language"]}"')
    return f"{held.put_back(head)}{tag}{top}", held.put_back(inner), f"{legal}</body>{end}", True


def _opened(compiled: str) -> tuple[str, str, str]:
    """What stands before the body's tag, the tag, and the rest."""
    found = re.search(r"<body\b[^>]*>", compiled)
    if found is None:
        raise TemplateFailed("MJML without a body: it begins with <mjml><mj-body>")
    return compiled[: found.start()], found.group(), compiled[found.end() :]


def compile_mjml(markup: str) -> str:
    """HTML of MJML, loading nothing. Raises TemplateFailed; the engine names no line, `markup.read` does."""
    try:
        # A browser's form sends CRLF, at which the engine stumbles.
        return mjml.mjml2html(markup.replace("\r\n", "\n"), fonts={})
    except ValueError as error:
        raise TemplateFailed(f"MJML: {error}") from error


def inline(whole: str) -> str:
    """A page with its styles at its elements. Raises TemplateFailed."""
    try:
        return _INLINER.inline(whole)
    except css_inline.InlineError as error:
        raise TemplateFailed(f"a style sheet cannot be read: {error}") from error


def fill_in(message: Message, version: Made, context: dict[str, Any], language: str) -> Words:
    """The message with one person's context. Call it under their language. Raises TemplateFailed, Aborted."""
    written = dict(context)
    for name in version.blocks:
        written[name] = Markup(blocks.block(name, context))
    subject = one_line(translated(message, language, "subject"), context)
    body = liquid_templates.render(version.body, written)
    if version.text is None:
        text = text_of(body)
    else:
        for name in version.blocks:
            written[name] = blocks.block(name, context, as_text=True)
        text = tidy(liquid_templates.render(version.text, written, escape=False))
    before = version.before.replace(_SUBJECT, html.escape(subject))
    if line := translated(message, language, "preheader"):
        before = before.replace(_PREHEADER, html.escape(one_line(line, context)))
    whole = before + body + version.after
    return Words(
        subject, whole if version.is_inlined else inline(whole), version.text_frame.replace(_TEXT, text)
    )


def one_line(source: str, context: Mapping[str, Any]) -> str:
    """A subject or a preview line: without line breaks, whatever people are called."""
    if "{" not in source:
        return " ".join(source.split())
    return " ".join(liquid_templates.render(source, context, escape=False).split())


def with_ways_out(words: Words, links: Mapping[str, str], *, pixel: str = "") -> Words:
    """The words with the person's own addresses in their last lines, and the picture that is counted."""
    whole, text = words.html, words.text
    for slot, address in ((_UNSUBSCRIBE, links["unsubscribe"]), (_PREFERENCES, links["preferences"])):
        whole, text = whole.replace(slot, html.escape(address)), text.replace(slot, address)
    picture = f'<img src="{html.escape(pixel)}" width="1" height="1" alt="">' if pixel else ""
    return Words(words.subject, whole.replace(_PIXEL, picture), text)


def subject_of(message: Message) -> str:
    """The subject as someone made up would read it; as it is written where it cannot be rendered."""
    try:
        return one_line(message.subject, sample_contexts()[0])
    except (TemplateFailed, Aborted):
        return message.subject
