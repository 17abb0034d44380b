"""The blocks of a message in its form: read from what was sent, changed by a button, drawn with their faults."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from campaigns.messages.layout import COLOUR as FIRST_COLOUR
from campaigns.messages.layout import (
    FOOTER,
    KINDS,
    MOST_BLOCKS,
    ORIGINAL,
    Block,
    Layout,
    Part,
    sound,
)
from campaigns.messages.layout_faults import Fault

# The language a message is translated into, and how its fields' names begin.
OTHER, PREFIX = "zh-hans", "zh_"
_KEY = re.compile(r"[a-z0-9]{1,12}")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True)
class Pair:
    """A field and its translation beside it, as they are drawn."""

    name: str
    label: str | Promise
    value: str
    help: str | Promise = ""
    errors: Sequence[str] = ()
    rows: int = 0
    """How many lines its box is high; 0 is a single line."""
    choices: Sequence[tuple[str, str | Promise]] = ()
    other_name: str = ""
    """Empty where it says the same in every language."""
    other_value: str = ""
    other_errors: Sequence[str] = ()
    standing: str = ""
    seal: str = ""
    is_code: bool = False
    is_needed: bool = True
    is_address: bool = False
    begins: bool = False
    """Writing begins here."""

    @property
    def seal_name(self) -> str:
        return f"{self.name}-seal"

    @property
    def fits_name(self) -> str:
        return f"{self.name}-fits"


@dataclass(frozen=True)
class Drawn:
    """A block as a part of the form."""

    key: str
    kind: str
    label: str | Promise
    about: str | Promise
    place: int
    pairs: Sequence[Pair]
    is_first: bool
    is_last: bool

    @property
    def is_footer(self) -> bool:
        return self.kind == FOOTER

    @property
    def told(self) -> str:
        """Its name for who hears it: the kind and how its words begin."""
        first = next((pair.value for pair in self.pairs if pair.value and not pair.choices), "")
        return f"{self.label}: {first[:40]}" if first else str(self.label)


# --- read ------------------------------------------------------------------------------------------------------


def layout_from(data: QueryDict | Mapping[str, Any]) -> Layout:
    """The blocks in the order in which they were sent; whatever is none of ours is left out."""
    keys = data.getlist("block") if isinstance(data, QueryDict) else data.get("block", [])
    blocks = [_block(key, data) for key in keys[: MOST_BLOCKS + 1] if _KEY.fullmatch(key)]
    colour = data.get("colour", "")
    return sound(
        Layout(
            [block for block in blocks if block is not None],
            colour if _COLOUR.fullmatch(colour) else FIRST_COLOUR,
        )
    )


def _block(key: str, data: Mapping[str, Any]) -> Block | None:
    kind = KINDS.get(data.get(f"{key}-kind", ""))
    if kind is None:
        return None
    words: dict[str, dict[str, str]] = {ORIGINAL: {}, OTHER: {}}
    seals: dict[str, str] = {}
    for part in kind.parts:
        name = f"{key}-{part.name}"
        words[ORIGINAL][part.name] = _clean(data.get(name, ""), part)
        if not part.choices:
            words[OTHER][part.name] = _clean(data.get(f"{PREFIX}{name}", ""), part)
        if f"{name}-fits" not in data:
            seals[part.name] = str(data.get(f"{name}-seal", ""))[:32]
    return Block(key, kind.name, words, {OTHER: seals})


def _clean(told: str, part: Part) -> str:
    told = told.replace("\r\n", "\n").replace("\x00", "")
    if part.choices:
        return told if told in dict(part.choices) else part.choices[0][0]
    return told if part.is_long else " ".join(told.split())


# --- changed -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Changed:
    """What a button has made of the blocks; `removed` is what can be put back, and `begins` where writing goes on."""

    layout: Layout
    said: str
    removed: str = ""
    begins: str = ""


def changed(layout: Layout, do: str, *, removed: str = "") -> Changed:
    """`add:text:b2` (after b2), `up:b2`, `down:b2`, `to:b2:b5` (to the place of b5), `twice:b2`, `remove:b2`, `undo`.

    The footer stays where it is, whatever is asked.
    """
    verb, _colon, rest = do.partition(":")
    key, _colon, further = rest.partition(":")
    blocks = [block for block in layout.blocks if block.kind != FOOTER]
    footer = [block for block in layout.blocks if block.kind == FOOTER]
    keys = [block.key for block in blocks]

    def made(said: str, **more: str) -> Changed:
        return Changed(sound(replace(layout, blocks=[*blocks, *footer])), said, **more)

    if verb == "add" and key in KINDS and key != FOOTER:
        return _added(layout, blocks, Block(layout.new_key(), key), after=further, made=made)
    if verb == "undo" and (block := _put_back(removed)) is not None:
        if block.key in keys:
            block = replace(block, key=layout.new_key())
        place = json.loads(removed).get("place", len(blocks))
        blocks.insert(place if isinstance(place, int) and place >= 0 else len(blocks), block)
        return made(_("%s is back.") % _label(block))
    if key not in keys:
        return Changed(layout, "")
    at = keys.index(key)
    block = blocks[at]
    match verb:
        case "up" | "down":
            to = max(at - 1, 0) if verb == "up" else min(at + 1, len(blocks) - 1)
            blocks.insert(to, blocks.pop(at))
            return made(_moved(block, to, len(blocks)))
        case "to":
            # Into the place of the one it is dropped on, which makes room to where it came from.
            to = keys.index(further) if further in keys else len(blocks) - 1
            blocks.insert(to, blocks.pop(at))
            return made(_moved(block, to, len(blocks)))
        case "twice":
            return _added(layout, blocks, replace(block, key=layout.new_key()), after=key, made=made)
        case "remove":
            blocks.pop(at)
            kept = {"key": key, "kind": block.kind, "words": block.words, "seals": block.seals, "place": at}
            return made(_("%s is taken out.") % _label(block), removed=json.dumps(kept))
    return Changed(layout, "")


def _added(layout: Layout, blocks: list[Block], block: Block, *, after: str, made: Any) -> Changed:
    if len(blocks) >= MOST_BLOCKS:
        return Changed(layout, _("A message holds %s blocks: take one out first.") % MOST_BLOCKS)
    place = next((n + 1 for n, one in enumerate(blocks) if one.key == after), len(blocks))
    blocks.insert(place, block)
    told: Changed = made(
        _("%(block)s is added at place %(place)s.") % {"block": _label(block), "place": place + 1},
        begins=block.key,
    )
    return told


def _moved(block: Block, to: int, count: int) -> str:
    told = {"block": _label(block), "place": to + 1, "count": count}
    return _("%(block)s is at place %(place)s of %(count)s.") % told


def _label(block: Block) -> str:
    return str(KINDS[block.kind].label)


def _put_back(removed: str) -> Block | None:
    """What was taken out, as the page has kept it; None where that is no block."""
    try:
        told = json.loads(removed)
        kind = KINDS[told["kind"]]
        words = {
            language: {
                part.name: _clean(str(told["words"].get(language, {}).get(part.name, "")), part)
                for part in kind.parts
                if language == ORIGINAL or not part.choices
            }
            for language in (ORIGINAL, OTHER)
        }
        seals = {name: str(seal)[:32] for name, seal in told["seals"].get(OTHER, {}).items()}
        key = told["key"] if _KEY.fullmatch(told["key"]) else "b0"
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return Block(key, kind.name, words, {OTHER: seals}) if kind.name != FOOTER else None


# --- drawn ---------------------------------------------------------------------------------------------------------


def drawn(layout: Layout, faults: Iterable[Fault] = (), *, begins: str = "") -> list[Drawn]:
    found: dict[tuple[str, str, str], list[str]] = {}
    for fault in faults:
        found.setdefault((fault.key, fault.part, fault.language), []).append(str(fault))
    last = len(layout.blocks) - 2  # the footer is behind it
    return [
        Drawn(
            block.key,
            block.kind,
            KINDS[block.kind].label,
            KINDS[block.kind].about,
            n + 1,
            [
                _pair(block, part, found, begins=block.key == begins and part is block.parts[0])
                for part in block.parts
            ],
            is_first=n == 0,
            is_last=n == last,
        )
        for n, block in enumerate(layout.blocks)
    ]


def _pair(
    block: Block, part: Part, faults: Mapping[tuple[str, str, str], list[str]], *, begins: bool
) -> Pair:
    name = f"{block.key}-{part.name}"
    own, other = block.own(part.name), block.own(part.name, OTHER)
    return Pair(
        name,
        part.label,
        own,
        help=part.help,
        errors=faults.get((block.key, part.name, ORIGINAL), ()),
        rows=min(12, max(3, own.count("\n") + 2, other.count("\n") + 2)) if part.is_long else 0,
        choices=part.choices,
        other_name="" if part.choices else f"{PREFIX}{name}",
        other_value=other,
        other_errors=faults.get((block.key, part.name, OTHER), ()),
        standing=block.standing(part.name, OTHER) if part.is_translated else "",
        seal=block.seal(part.name, OTHER),
        is_needed=part.is_needed,
        is_address=part.is_address,
        begins=begins,
    )
