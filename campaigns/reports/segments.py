"""Effect by segment, and what was seen of each segment's offers, where the cells are large enough to be shown."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from campaigns.models import Campaign, Offer
from campaigns.reports import effect, thin
from campaigns.reports.effect import Reading
from campaigns.reports.people import Flags, People


@dataclass(frozen=True)
class Cell:
    """What people of one segment who were given one offer did; None where they are too few to show.

    What they bought, not what the offer caused: offers go to whom they suit, and nobody is held out by offer.
    """

    offer: str
    people: int | None
    ordered: int | None
    revenue_per_person: float | None


@dataclass(frozen=True)
class SegmentRow:
    segment: str
    offer: str
    treated: int | None
    control: int | None
    per_person: float | None
    """The effect, adjusted by the past; the two below are plain means."""
    low: float | None
    high: float | None
    treated_per_person: float | None = None
    control_per_person: float | None = None
    """What the treated would have brought anyway."""
    cells: tuple[Cell, ...] = ()


def segments(campaign: Campaign, people: People, reading: Reading, *, is_readable: bool) -> list[SegmentRow]:
    """Effect by segment, where the whole may be read at all.

    Thin rows are blank, and a single blank row takes the next smallest with it; so do the cells of a row. Three queries.
    """
    names = dict(campaign.audiences.values_list("segment_id", "segment__name"))
    sizes = {pk: int((people.segments == pk).sum()) for pk in names}
    small = set() if is_readable else set(names)
    for pk in names:
        mask = people.segments == pk
        if reading.is_thin(people, mask & people.treated, mask & ~people.treated):
            small.add(pk)
    hidden = thin.blank(sizes, small)
    given = {pk: _given(people, people.treated & (people.segments == pk)) for pk in names}
    titles = _titles({offer for offers in given.values() for offer in offers})
    rows = []
    for pk, name in names.items():
        if pk in hidden:
            # The counts of a thin row's offers would tell its size.
            offers = ", ".join(sorted(titles[offer] for offer in given[pk] if offer))
            cells = tuple(Cell(titles[offer], None, None, None) for offer in given[pk] if offer)
            rows.append(SegmentRow(name, offers, None, None, None, None, None, cells=cells))
            continue
        mask = people.segments == pk
        found, _plain = effect.estimate(people, mask, reading)
        arms = [effect.arm(people, mask & people.treated), effect.arm(people, mask & ~people.treated)]
        cells = _cells(people, mask & people.treated, given[pk], titles, reading)
        told = ", ".join(
            cell.offer if cell.people is None else f"{cell.offer} ({cell.people})" for cell in cells
        )
        rows.append(
            SegmentRow(
                name,
                told,
                arms[0].people,
                arms[1].people,
                found.effect,
                found.low,
                found.high,
                arms[0].per_person,
                arms[1].per_person,
                cells,
            )
        )
    return rows


def _given(people: People, mask: Flags) -> Mapping[int, int]:
    """How many of these people have each offer (0: none), the most first."""
    offers, counts = np.unique(people.offers[mask], return_counts=True)
    order = np.lexsort((offers, -counts))
    return dict(zip(offers[order].tolist(), counts[order].tolist(), strict=True))


def _titles(offers: set[int]) -> dict[int, str]:
    return dict(Offer.objects.filter(pk__in=offers).values_list("pk", "title"))


def _cells(
    people: People, treated: Flags, given: Mapping[int, int], titles: Mapping[int, str], reading: Reading
) -> tuple[Cell, ...]:
    masks: dict[int, Flags] = {offer: treated & (people.offers == offer) for offer in given}
    small = {offer for offer, mask in masks.items() if reading.is_thin(people, mask)}
    hidden = thin.blank(given, small)
    return tuple(
        Cell(titles[offer], None, None, None)
        if offer in hidden
        else _cell(titles[offer], people, masks[offer])
        for offer in given
        if offer
    )


def _cell(title: str, people: People, mask: Flags) -> Cell:
    found = effect.arm(people, mask)
    return Cell(title, found.people, found.ordered, found.per_person)
