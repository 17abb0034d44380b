"""Pictures as numbers by hand, and items that look alike."""

import numpy as np
import pytest

from recommender.algorithms.base import Recommender
from recommender.algorithms.visual import ORIENTATIONS, Visual, colours, edges, looks, nearest, seen
from tests.recommender.algorithms.contract import AT, Contract, past, shop

pytestmark = pytest.mark.once


def stripes(direction: str, width: int, colour: tuple[int, int, int] = (255, 255, 255)) -> np.ndarray:
    """(16, 16, 3): stripes of a colour on black."""
    line = np.arange(16) // width % 2
    mask = np.tile(line, (16, 1)) if direction == "upright" else np.tile(line[:, np.newaxis], (1, 16))
    return np.asarray(mask[..., np.newaxis] * np.array(colour), dtype=np.uint8)


PICTURES = np.stack(
    [stripes(way, width) for way in ("upright", "level") for width in (2, 3, 4)]
)  # items 10, 20, 30 upright; 40, 50, 60 level; 70 has none


class TestVisual(Contract):
    def make(self) -> Recommender:
        return Visual(neighbours=3, half_life=60.0).see(
            np.array([60, 50, 40, 30, 20, 10]), seen(PICTURES[::-1])
        )

    def test_what_looks_alike_is_near(self) -> None:
        model = self.fitted()
        for item, alike in ((10, {20, 30}), (50, {40, 60})):
            (ranking,) = model.recommend([past(item)], 2, at=AT, mode="new")
            assert set(ranking.items.tolist()) == alike
            assert ranking.scores.min() > 0

    def test_an_item_without_a_picture_says_nothing(self) -> None:
        scores = self.fitted().scores([past(70), past(10)], at=AT)
        assert not scores[0].any()
        assert scores[1, 6] == 0


def test_edges_point_across_the_stripes() -> None:
    upright, level = edges(np.stack([stripes("upright", 4), stripes("level", 4)])).reshape(
        2, -1, ORIENTATIONS
    )
    # A gradient of angle 0 lies on the border of the first and the last direction, one of 90° in the middle one.
    assert np.flatnonzero(upright.sum(axis=0) > 1e-9).tolist() == [0, 8]
    assert upright.sum(axis=0)[0] == pytest.approx(upright.sum(axis=0)[8])
    assert np.flatnonzero(level.sum(axis=0) > 1e-9).tolist() == [4]


def test_edges_have_length_one_and_a_plain_picture_none() -> None:
    plain = np.full((1, 16, 16, 3), 77, dtype=np.uint8)
    assert np.linalg.norm(edges(PICTURES), axis=1) == pytest.approx(np.ones(6))
    assert not edges(plain).any()


def test_colours_are_shares_of_sixty_four_and_overlap_by_hand() -> None:
    half = np.zeros((1, 16, 16, 3), dtype=np.uint8)
    half[:, :8] = (255, 0, 0)
    red = np.full((1, 16, 16, 3), (200, 10, 63), dtype=np.uint8)  # the same bin: 3, 0, 0
    found = colours(np.vstack([half, red]))
    assert {int(place): round(float(value), 6) for place, value in enumerate(found[0]) if value} == {
        0: 0.707107,
        48: 0.707107,
    }
    assert found[0] @ found[1] == pytest.approx(np.sqrt(0.5))


def test_a_look_weighs_edges_and_colours_by_their_shares() -> None:
    pictures = np.stack([stripes("upright", 4), stripes("upright", 4, (255, 0, 0)), stripes("level", 4)])
    what = seen(pictures)
    nothing = np.zeros(what.shape[1], dtype=np.float32)
    cosines = {
        share: looks(what, nothing, colour=share) @ looks(what, nothing, colour=share).T
        for share in (0, 0.4, 1)
    }
    assert cosines[0][0, 1] == pytest.approx(1.0, abs=1e-6)  # the same stripes
    assert cosines[1][0, 1] == pytest.approx(0.5, abs=1e-6)  # black is half of each
    assert cosines[0.4] == pytest.approx(0.6 * cosines[0] + 0.4 * cosines[1], abs=1e-6)


def test_nearest_is_by_cosine_then_place_without_oneself() -> None:
    vectors = np.array([[1, 0], [0, 1], [1, 0], [0.6, 0.8], [1, 0]], dtype=np.float32)
    places, values = nearest(vectors, 3)
    assert places.tolist() == [[2, 4, 3], [3, 0, 2], [0, 4, 3], [1, 0, 2], [0, 2, 3]]
    assert values[0].tolist() == pytest.approx([1, 1, 0.6])
    assert nearest(vectors[:1], 3)[0].shape == (1, 0)
    assert nearest(vectors[:1], 2, among=vectors)[0].tolist() == [[0, 2]]


def test_pictures_of_a_wrong_shape_and_two_of_one_item_are_refused() -> None:
    for wrong in (PICTURES[0], PICTURES[..., :1], PICTURES.astype(float), PICTURES[:, :12]):
        with pytest.raises(ValueError, match="picture"):
            seen(wrong)
    with pytest.raises(ValueError, match="one item a picture"):
        Visual().see(np.array([1, 1]), seen(PICTURES[:2]))


def test_nothing_seen_is_no_error() -> None:
    (ranking,) = Visual().fit(shop(), at=AT).recommend([past(10)], 3, at=AT)
    assert len(ranking.items) == 3
