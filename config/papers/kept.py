"""How long things are kept, as a paper: the table that `customers.retention` applies."""

from datetime import datetime

from django.utils.translation import gettext as _

from config.papers import datamap
from config.papers.page import Paper, Part, Table, told_days
from customers import retention


def paper(*, at: datetime) -> Paper:
    """No query."""
    dropped = [[kept.what, told_days(kept.for_long), str(kept.why)] for kept in retention.kept()]
    rest = [[kind.name, kind.fate] for kind in datamap.kinds() if kind.kept_for is None]
    return Paper(
        "retention",
        _(
            "What is older than this is deleted every hour by the scheduler; the rest stays until its person is erased."
        ),
        at,
        [
            Part(
                _("Deleted by their age"),
                table=Table([_("What"), _("How long"), _("Why")], dropped, _("Nothing has an age.")),
            ),
            Part(
                _("Kept until the person is erased"),
                words=[_("Erasure is asked for on the person's own page, by the API, or on the desk.")],
                table=Table([_("What"), _("After erasure")], rest),
            ),
        ],
    )
