"""The marketers' language: Liquid, escaped, bounded, and with a default for whatever a person may lack."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache, wraps
from typing import Any

from babel.numbers import format_currency, format_decimal
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from liquid import BoundTemplate, DictLoader, Environment, StrictDefaultUndefined
from liquid.exceptions import FilterError, LiquidError


class Aborted(Exception):
    """The template itself decided that this person gets no message."""


class TemplateFailed(Exception):
    """The template cannot be rendered; `line` is where, 0 if unknown."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


MOST_TURNS, MOST_WORK = 2000, 50_000_000


class _Bounded(Environment):
    loop_iteration_limit = MOST_TURNS
    output_stream_limit = 500_000
    context_depth_limit = 10
    local_namespace_limit = 100_000


def _abort(reason: object) -> str:
    raise Aborted(str(reason)[:200])


def money(amount: Decimal, currency: str) -> str:
    """An amount in the manner of the language that is active; without a currency only the number."""
    return _told_money(amount, currency, "zh_Hans" if (get_language() or "").startswith("zh") else "en")


@lru_cache(maxsize=4096)
def _told_money(amount: Decimal, currency: str, locale: str) -> str:
    if not currency:
        return str(format_decimal(amount, format="#,##0.00", locale=locale))
    return str(format_currency(amount, currency, locale=locale)).replace("\xa0", " ")


def _money(value: object, currency: object = "") -> str:
    return money(Decimal(str(value)), str(currency))


def _within_bounds(filter_: Callable[..., Any]) -> Callable[..., Any]:
    """Refuses to begin what the limits above see too late: (1..99999999) | join, or a replace of a replace."""

    @wraps(filter_)
    def bounded(value: Any, *arguments: Any, **options: Any) -> Any:
        # By their type, not by asking them: a strict undefined value answers no question.
        parts = [part for part in (value, *arguments) if issubclass(type(part), str | list | range)]
        too_long = any(isinstance(part, range) and len(part) > MOST_TURNS for part in parts)
        if too_long or math.prod(max(len(part), 1) for part in parts) > MOST_WORK:
            raise FilterError("more than a message can hold", token=None)
        return filter_(value, *arguments, **options)

    return bounded


@lru_cache(maxsize=2)
def _environment(escape: bool) -> Environment:
    environment = _Bounded(autoescape=escape, undefined=StrictDefaultUndefined, loader=DictLoader({}))
    environment.add_filter("abort", _abort)
    environment.add_filter("money", _money)
    del environment.filters["safe"]  # it would undo the escaping of what people call themselves
    for name, filter_ in environment.filters.items():
        environment.filters[name] = _within_bounds(filter_)
    return environment


@lru_cache(maxsize=256)
def _compiled(source: str, escape: bool) -> BoundTemplate:
    return _environment(escape).from_string(source)


def _failure(error: Exception, source: str) -> TemplateFailed:
    token = getattr(error, "token", None)
    line = 0
    if token is not None and token.start_index < 0:  # something was still missing at the end
        line = source.count("\n") + 1
    elif token is not None:
        line = token.source.count("\n", 0, token.start_index) + 1
    return TemplateFailed(str(error).splitlines()[0] if str(error) else type(error).__name__, line)


def render(source: str, context: Mapping[str, Any], *, escape: bool = True) -> str:
    """The template with the context filled in. Raises TemplateFailed, Aborted."""
    try:
        return _compiled(source, escape).render(**context)
    except LiquidError as error:
        raise _failure(error, source) from error
    except (ArithmeticError, ValueError, TypeError) as error:
        raise TemplateFailed(str(error)) from error


@dataclass(frozen=True)
class Problem:
    """What is wrong with a template, and in which line of which part."""

    part: str
    line: int
    text: str

    def __str__(self) -> str:
        if not self.line:
            return f"{self.part}: {self.text}"
        told = {"part": self.part, "line": self.line, "text": self.text}
        return _("%(part)s, line %(line)s: %(text)s") % told


def problems(
    part: str, source: str, contexts: list[Mapping[str, Any]], *, escape: bool = True
) -> list[Problem]:
    """The first thing that fails for any of the contexts, of which one lacks all that a person may lack."""
    for context in contexts:
        try:
            render(source, context, escape=escape)
        except TemplateFailed as failed:
            return [Problem(part, failed.line, str(failed))]
        except Aborted:
            continue
    return []
