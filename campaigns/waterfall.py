"""Everyone who matched, and where they went."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Waterfall:
    """The rows add up: see `left`."""

    matched: int = 0
    no_consent: Counter[str] = field(default_factory=Counter)
    suppressed: Counter[str] = field(default_factory=Counter)
    no_address: int = 0
    their_choice: int = 0
    holdout: int = 0
    held_out: int = 0
    capped: int = 0
    quiet_hours: int = 0
    no_offer: int = 0
    sendable: int = 0

    def as_dict(self) -> dict[str, Any]:
        return {
            name: dict(value) if isinstance(value, Counter) else value for name, value in vars(self).items()
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "Waterfall":
        found = cls()
        for name, value in stored.items():
            setattr(found, name, Counter(value) if isinstance(value, dict) else value)
        return found

    def __iadd__(self, other: "Waterfall") -> "Waterfall":
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)
        return self

    @property
    def left(self) -> int:
        """Matched less every loss and less the sendable: always nought."""
        lost = self.no_consent.total() + self.suppressed.total() + self.no_address + self.their_choice
        decided = (
            self.holdout + self.held_out + self.capped + self.quiet_hours + self.no_offer + self.sendable
        )
        return self.matched - lost - decided
