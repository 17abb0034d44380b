"""A report read back from JSON, as it was shown."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def restored(kind: type[T], stored: Mapping[str, Any]) -> T:
    """The inverse of `as_dict`. Raises KeyError and TypeError where it was written by another version.

    What was added since with a value of its own may be missing.
    """
    hints = get_type_hints(kind)
    return kind(**{
        one.name: _read(hints[one.name], stored[one.name])
        for one in fields(kind)  # type: ignore[arg-type]
        if one.name in stored or (one.default is MISSING and one.default_factory is MISSING)
    })  # fmt: skip


def _read(hint: Any, value: Any) -> Any:
    if value is None or hint is Any:
        return value
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return _read(next(part for part in inner if part is not type(None)), value)
    if origin is list:
        return [_read(inner[0], part) for part in value]
    if origin is tuple:
        hints = inner[:1] * len(value) if inner[-1] is Ellipsis else inner
        return tuple(_read(part, one) for part, one in zip(hints, value, strict=True))
    if isinstance(value, dict) and origin is not None:
        return {key: _read(inner[1], part) for key, part in value.items()}
    if hint is datetime:
        return datetime.fromisoformat(value)
    if hint is Decimal:
        return Decimal(value)
    if is_dataclass(hint) and isinstance(hint, type):
        return restored(hint, value)
    return value
