"""Small stories of hand-made people, one a recipe: who does what at which hour, and what the shop changes meanwhile.

Hours count from the launch, a Tuesday at noon UTC; everyone lives in Berlin, an hour ahead. Nothing here knows what
the platform makes of it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

DAY = 24


@dataclass(frozen=True)
class Act:
    """What happens at an hour: by a person (an event's name), or by the shop (`price`, `stock`) or its models (`told`)."""

    hour: float
    who: str
    what: str
    sku: str = ""
    value: str = ""


@dataclass(frozen=True)
class Story:
    """A recipe's people and what happens, up to an hour."""

    recipe: str
    people: Mapping[str, str]
    """name -> what is to be seen of them"""
    acts: tuple[Act, ...]
    until: float

    def hours(self) -> Iterator[float]:
        yield from sorted({act.hour for act in self.acts})


STORIES = (
    Story(
        "welcome",
        {
            "ada": "says yes",
            "ben": "says yes and orders the next day",
            "cem": "says yes and takes it back the next day",
            "dora": "said yes long ago",
        },
        (
            Act(1, "ada", "says_yes"),
            Act(1, "ben", "says_yes"),
            Act(1, "cem", "says_yes"),
            Act(25, "ben", "ordered", "rose"),
            Act(26, "cem", "says_no"),
        ),
        6 * DAY,
    ),
    Story(
        "abandoned-basket",
        {
            "ada": "fills a basket and goes",
            "ben": "orders two hours later",
            "cem": "orders after the first message",
            "dora": "empties the basket again",
            "eva": "goes on filling it for three hours",
            "finn": "fills another basket two days later",
        },
        (
            Act(0, "ada", "added", "rose"),
            Act(0, "ben", "added", "rose"),
            Act(0, "cem", "added", "mug"),
            Act(0, "dora", "added", "mug"),
            Act(0, "eva", "added", "rose"),
            Act(0, "finn", "added", "pan"),
            Act(1, "dora", "removed", "mug"),
            Act(2, "ben", "ordered", "rose"),
            Act(3, "eva", "added", "spade"),
            Act(6, "cem", "ordered", "mug"),
            Act(48, "finn", "added", "tea"),
        ),
        5 * DAY,
    ),
    Story(
        "browse-reminder",
        {
            "ada": "looks at the same pan twice",
            "ben": "looks at two products once",
            "cem": "looks twice and puts it into the basket",
        },
        (
            Act(0, "ada", "viewed", "pan"),
            Act(1, "ben", "viewed", "pan"),
            Act(1, "cem", "viewed", "mug"),
            Act(3, "ada", "viewed", "pan"),
            Act(3, "ben", "viewed", "tea"),
            Act(3, "cem", "viewed", "mug"),
            Act(5, "cem", "added", "mug"),
        ),
        4 * DAY,
    ),
    Story(
        "win-back",
        {
            "ada": "will probably stay away",
            "ben": "the same, and clicks in the message",
            "cem": "the same, and orders before it",
            "dora": "will probably come by herself",
        },
        (
            Act(2, "ada", "told", "churn", "0.8"),
            Act(2, "ben", "told", "churn", "0.75"),
            Act(2, "cem", "told", "churn", "0.9"),
            Act(2, "dora", "told", "churn", "0.4"),
            Act(4, "cem", "ordered", "tea"),
            Act(30, "ben", "clicked"),
        ),
        12 * DAY,
    ),
    Story(
        "replenishment",
        {
            "ada": "is expected to order tea in five days",
            "ben": "the same, and orders before",
            "cem": "is expected in a month",
        },
        (
            Act(-60 * DAY, "ada", "ordered", "tea"),
            Act(-30 * DAY, "ada", "ordered", "tea"),
            Act(1, "ada", "told", "expected", "2026-11-29"),
            Act(1, "ben", "told", "expected", "2026-11-29"),
            Act(1, "cem", "told", "expected", "2026-12-24"),
            Act(50, "ben", "ordered", "tea"),
        ),
        6 * DAY,
    ),
    Story(
        "price-drop",
        {
            "ada": "looked at the rose",
            "ben": "looked at it and bought it",
            "cem": "looked at the mug",
        },
        (
            Act(-72, "ada", "viewed", "rose"),
            Act(-72, "ben", "viewed", "rose"),
            Act(-48, "cem", "viewed", "mug"),
            Act(-24, "ben", "ordered", "rose"),
            Act(5, "", "price", "rose", "10.00"),
            Act(6, "", "price", "mug", "7.90"),
        ),
        2 * DAY,
    ),
    Story(
        "back-in-stock",
        {
            "ada": "wished for the pan",
            "ben": "wished for the mug, which was there all the time",
        },
        (
            Act(-72, "", "stock", "pan", "no"),
            Act(-48, "ada", "wished", "pan"),
            Act(-48, "ben", "wished", "mug"),
            Act(5, "", "stock", "pan", "yes"),
        ),
        2 * DAY,
    ),
    Story(
        "post-purchase",
        {
            "ada": "orders",
            "ben": "orders and rates it after the question",
            "cem": "orders and rates it before",
            "dora": "orders twice within a week",
        },
        (
            Act(1, "ada", "ordered", "rose"),
            Act(1, "ben", "ordered", "rose"),
            Act(1, "cem", "ordered", "rose"),
            Act(1, "dora", "ordered", "rose"),
            Act(100, "dora", "ordered", "tea"),
            Act(120, "cem", "rated", "rose"),
            Act(300, "ben", "rated", "rose"),
        ),
        20 * DAY,
    ),
)
