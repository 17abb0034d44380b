"""Words that several of the desk's pages of people share."""

from django.utils.translation import gettext

from customers import purposes


def words_of(slug: str) -> str:
    """A purpose as people read it, with the name that searching takes."""
    if slug == purposes.SOFT_OPT_IN:
        # Not within the f-string, where makemessages does not see it.
        title = gettext("Refuse messages about similar products, at the order")
        return f"{title} ({slug})"
    purpose = purposes.PURPOSES.get(slug)
    return f"{purpose.title} ({slug})" if purpose else slug
