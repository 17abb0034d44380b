"""Questions that are put into words once and kept: the ORM takes longer to write SQL than the database to answer it.

recent = Question(lambda person, at: Event.objects.filter(customer__in=person, occurred_at__lt=at),
                  person=BigIntegerField(), at=DateTimeField())
recent(person=7, at=now)      # a query set to be read, alone or with others (`catalog.together`)
"""

import copy
from collections.abc import Callable, Hashable, Iterator, Sequence
from datetime import timedelta
from functools import lru_cache, partial
from typing import Any, NoReturn, Self

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import Expression, Field, QuerySet

Rows = QuerySet[Any, Any]
NOTHING = timedelta()


class Given(Expression):
    """Stands in a question for one value that is told when it is asked, also as the one member of an `__in`.

    Whoever takes it for the value itself fails when the question is written, rather than keep what it came to then:
    it has no order, no number and no date in it. Only a time less or more a fixed span is worked out each time anew.
    """

    def __init__(self, name: str, field: "Field[Any, Any]", shift: timedelta = NOTHING) -> None:
        super().__init__(output_field=field)
        self.name, self.shift = name, shift

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return "%s", [self]

    def bound(self, told: Any) -> Any:
        """As the driver takes it."""
        value = told + self.shift if self.shift else told
        return self.output_field.get_db_prep_value(value, connection)

    def __sub__(self, other: Any) -> Any:
        return self + -other

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, timedelta):
            raise TypeError(f"{self.name} is not known yet: nothing but a fixed span can be added to it")
        return Given(self.name, self.output_field, self.shift + other)

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[Self]:
        yield self

    def __bool__(self) -> bool:
        return True


class Question:
    """A query set with places for what is told later, by name and kind of field.

    `write` makes it from those names; it is called once for each kind of database, so it may look at nothing that
    changes while the process lives. What is asked can be read and not be changed: no filter, no count on top.
    """

    def __init__(self, write: Callable[..., Rows], **given: "Field[Any, Any]") -> None:
        self._write, self._given = write, given
        self._words: dict[str, _Words] = {}

    def __call__(self, **told: Any) -> Rows:
        words = self._words.get(connection.vendor)
        if words is None:
            places = {name: Given(name, field) for name, field in self._given.items()}
            words = self._words[connection.vendor] = _Words(self._write(**places))
        return words.ask(told)


class Questions:
    """Questions that are alike but for what is fixed in them, such as a shop's offers: `asked(fixed, …, given=…)`.

    What is fixed comes first, is all that `write` looks at beside what is given, and must hash. The newest are kept.
    """

    def __init__(self, write: Callable[..., Rows], **given: "Field[Any, Any]") -> None:
        def one(*fixed: Hashable) -> Question:
            return Question(partial(write, *fixed), **given)

        self._one = lru_cache(maxsize=500)(one)

    def __call__(self, *fixed: Hashable, **told: Any) -> Rows:
        return self._one(*fixed)(**told)


class _Words:
    """A query set put into words."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.compiler: Any = rows.query.get_compiler(using=rows.db)
        self.sql: str = ""
        self.places: Sequence[Any] = ()
        try:
            self.sql, self.places = self.compiler.as_sql()
        except EmptyResultSet:
            self.rows = rows.none()
        else:
            self.rows.query = _InWords()  # type: ignore[assignment]

    def ask(self, told: dict[str, Any]) -> Rows:
        asked = self.rows.all()
        if self.sql:
            params = [
                part.bound(told[part.name]) if isinstance(part, Given) else part for part in self.places
            ]
            asked.query = _Asked(self, params)  # type: ignore[assignment]
        return asked


class _InWords:
    """Stands for the query of a query set that is in words: to copy the set, nothing of it has to be copied."""

    values_select, combinator, is_sliced = (), None, False

    def chain(self) -> Self:
        return self


class _Asked(_InWords):
    """The same with what was told: it can be read."""

    def __init__(self, words: _Words, params: list[Any]) -> None:
        self._words, self._params = words, params

    def get_compiler(self, using: str | None = None, connection: Any = None, elide_empty: bool = True) -> Any:
        """The compiler that wrote it, with this thread's own connection."""
        compiler = copy.copy(self._words.compiler)
        compiler.connection = connections[using or DEFAULT_DB_ALIAS]
        compiler.as_sql = lambda *_asked, **_how: (self._words.sql, self._params)
        return compiler

    def chain(self, *_asked: Any, **_how: Any) -> NoReturn:
        raise TypeError("A question that is in words can only be read.")

    clone = exists = get_count = get_aggregation = has_results = chain
