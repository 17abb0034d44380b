"""Papers for the privacy officer, made from the code and the database: nobody keeps them up by hand.

`register`: of processing (GDPR 30). `retention`: how long things are kept. `data-map`: what lies where. `dpia`: a text
to begin an impact assessment with (GDPR 35).
"""

from collections.abc import Callable
from datetime import datetime

from django.template.loader import render_to_string
from django.utils import translation

from config.papers import datamap, dpia, kept, register
from config.papers.page import Paper

MAKERS: dict[str, Callable[..., Paper]] = {
    "register": register.paper,
    "retention": kept.paper,
    "data-map": datamap.paper,
    "dpia": dpia.paper,
}


def make(slug: str, *, at: datetime) -> Paper:
    """A paper in the language that is active. Raises KeyError."""
    return MAKERS[slug](at=at)


def as_file(paper: Paper) -> str:
    """A page of HTML that stands alone: it loads nothing, prints well and reads on a phone."""
    return render_to_string(
        "papers/file.html", {"paper": paper, "language": translation.get_language() or "en"}
    )
