"""What every way out is. `send` is final: it holds the lock between a message and its permission."""

from abc import ABC, abstractmethod
from enum import StrEnum
from types import TracebackType
from typing import Any, Self, final

from campaigns.messages import Finished
from customers.consent import Permission


class Slows(StrEnum):
    """Whom a "later" is about."""

    NOBODY = ""
    DOMAIN = "domain"
    EVERYBODY = "everybody"
    """The server that takes all our mail."""


class TryLater(Exception):
    """Nothing was accepted; the same message may be tried again.

    `slows`: who is to be written to more slowly. `pauses`: and for a while not at all. `is_throttle`: said of our
    pace and not of this message, so it is not one of its tries.
    """

    def __init__(
        self, message: str, *, slows: Slows = Slows.NOBODY, pauses: bool = False, is_throttle: bool = False
    ) -> None:
        super().__init__(message)
        self.slows, self.pauses, self.is_throttle = slows, pauses, is_throttle


class Refused(Exception):
    """The receiver will not take this message. `is_hard_bounce`: the address itself does not exist."""

    def __init__(self, message: str, *, is_hard_bounce: bool = False) -> None:
        super().__init__(message)
        self.is_hard_bounce = is_hard_bounce


class LineBroken(Exception):
    """The line broke after the body began: whether the message arrived is unknown, and it is never sent again."""


class WrongPermission(Exception):
    """The permission is another person's, or for another purpose. A defect, never a reason to send."""


class Channel(ABC):
    """One line out, used for a page of messages: `open` each, then `send` or `drop` it. Use as a context."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "send" in vars(cls):
            raise TypeError(f"{cls.__name__} may not change `send`: it holds the lock")

    def open(self, message: Finished) -> None:
        """Everything before the point of no return. Raises TryLater, Refused."""

    @final
    def send(self, message: Finished, permission: Permission) -> None:
        """The point of no return. Raises WrongPermission, TryLater, Refused, LineBroken."""
        if type(permission) is not Permission:
            raise WrongPermission("a permission is made by asking for it")
        if (permission.customer_id, permission.purpose) != (message.customer_id, message.purpose):
            raise WrongPermission("the permission is another person's or for another purpose")
        self._transmit(message)

    @abstractmethod
    def _transmit(self, message: Finished) -> None: ...

    def drop(self) -> None:
        """Give up the message that was opened; nothing of it may arrive."""

    def close(self) -> None:
        """The page is done."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.drop()  # in the midst of a message good manners would wait for an answer that never comes
        self.close()
