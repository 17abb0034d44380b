"""`{% whom of since %}`: what stands under every figure of the desk. tests/config/test_whom.py holds that it does."""

from django import template

register = template.Library()


@register.inclusion_tag("admin/desk/whom.html")
def whom(of: str, since: str) -> dict[str, str]:
    """Of which people (or messages, or products) a figure is, and since when, as of when or over which days."""
    return {"of": of, "since": since}
