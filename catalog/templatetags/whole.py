"""`{{ n|whole }}`: a count as the desk's Python writes it, 1,170, in every language; "–" where none may be told."""

from django import template

register = template.Library()


@register.filter
def whole(n: int | None) -> str:
    return "–" if n is None else f"{n:,}"
