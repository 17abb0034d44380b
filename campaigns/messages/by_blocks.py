"""The blocks of a message and its source: written together, parted when somebody writes the source by hand."""

import hashlib
import json
from dataclasses import dataclass

from django.utils.translation import gettext as _

from campaigns.messages import layout as layouts
from campaigns.messages.layout import KINDS, ORIGINAL, OTHERS, Layout
from campaigns.messages.source import source
from campaigns.models import Message


def put(message: Message, layout: Layout) -> None:
    """Make the body, and each language's that has words of its own, of these blocks. Nothing is saved."""
    layout = layouts.sound(layout)
    message.format, message.text = Message.Format.MJML, ""
    message.body = source(layout, ORIGINAL).text
    for language in OTHERS:
        own = {
            name: told
            for name, told in message.translations.get(language, {}).items()
            if name not in ("body", "text")
        }
        if any(block.words.get(language) for block in layout.blocks):
            own["body"] = source(layout, language).text
        message.translations = {**message.translations, language: own}
    message.translations = {language: own for language, own in message.translations.items() if own}
    seals = message.layout.get("seals", {})
    message.layout = {**layouts.stored(layout), "seals": seals, "made": _made(message), "by_hand": False}


def layout_of(message: Message) -> Layout | None:
    """Its blocks; None where its source is written by hand, or was changed elsewhere since they made it."""
    return None if message.layout.get("by_hand") else kept_layout(message)


def kept_layout(message: Message) -> Layout | None:
    """The blocks that made the source as it stands, also where it is written by hand since."""
    told = message.layout
    if not told.get("blocks") or told.get("made") != _made(message):
        return None
    return layouts.read(told)


def was_changed_elsewhere(message: Message) -> bool:
    """It has blocks, and its source is no more what they made."""
    return bool(message.layout.get("blocks")) and kept_layout(message) is None


def write_by_hand(message: Message, *, is_by_hand: bool) -> None:
    """Set the blocks aside, or take them up again. Nothing is saved."""
    message.layout = {**message.layout, "by_hand": is_by_hand}


@dataclass(frozen=True)
class Untranslated:
    """Words that a language lacks, only copied, or has of an older original; `field` is theirs in the form."""

    field: str
    label: str
    state: str


def untranslated(message: Message, language: str) -> list[Untranslated]:
    """What is left to be translated, in the order of the message; what is empty needs no translation."""
    layout = layout_of(message)
    own, seals = message.translations.get(language, {}), message.layout.get("seals", {})
    names = ("subject", "preheader") if layout else ("subject", "preheader", "body", "text")
    found = [
        Untranslated(
            name,
            part_label(name),
            layouts.standing(getattr(message, name), own.get(name, ""), seals.get(name, "")),
        )
        for name in names
    ]
    for block in layout.blocks if layout else ():
        found += [
            Untranslated(
                f"{block.key}-{part.name}",
                block_label(layout, block.key),  # type: ignore[arg-type]
                block.standing(part.name, language),
            )
            for part in block.parts
            if part.is_translated
        ]
    return [one for one in found if one.state]


def translated(message: Message, language: str) -> tuple[int, int]:
    """How many of its words are still to be translated into a language, and how many are outdated."""
    states = [one.state for one in untranslated(message, language)]
    outdated = states.count("outdated")
    return len(states) - outdated, outdated


def part_label(name: str) -> str:
    return {
        "subject": _("Subject"),
        "preheader": _("Preview line"),
        "body": _("The whole"),
        "text": _("Text part"),
    }.get(name, name)


def block_label(layout: Layout, key: str) -> str:
    block = layout.block(key)
    place = next((n for n, one in enumerate(layout.blocks, 1) if one.key == key), 0)
    return f"{KINDS[block.kind].label} ({place})" if block is not None else key


def _made(message: Message) -> str:
    """What the blocks made, told by its digest: a later version may make the same blocks otherwise."""
    bodies: list[str] = [str(message.format), message.body, message.text]
    for language in OTHERS:
        own = message.translations.get(language, {})
        bodies += [own.get("body", ""), own.get("text", "")]
    # A browser sends other line ends, and a form strips the last: neither is a change.
    bodies = [told.replace("\r\n", "\n").strip() for told in bodies]
    return hashlib.sha256(json.dumps(bodies).encode()).hexdigest()
