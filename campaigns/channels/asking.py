"""The one mail that may go to someone who has not said yes: it asks, once, whether they do.

Its words stand here and in `templates/people/ask.*`; the only thing that comes in is a `Question`, which has no room
for an offer. `Channel.send` keeps its lock: this mail's purpose is none that a Permission can be made for.
"""

import secrets

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from campaigns.channels.apart import Apart, frame, host, mail
from campaigns.channels.base import WrongPermission
from campaigns.messages import Finished
from customers.optin import Question

PURPOSE = "double_opt_in"


class Asking(Apart):
    """`call` an address, then `ask` the question made for it, or `drop`."""

    purpose = PURPOSE

    def ask(self, question: Question) -> None:
        """The point of no return. Raises WrongPermission, TryLater, Refused, LineBroken."""
        if type(question) is not Question or question.address != self._called:
            self.drop()
            raise WrongPermission(
                "a question is made by asking whether it may be asked, for the address called"
            )
        with translation.override(question.language):
            self._transmit(_words(question))


def _words(question: Question) -> Finished:
    subject = _("Please confirm")
    context = {
        "language": question.language,
        "subject": subject,
        "words": question.notice.text,
        "link": f"{settings.PUBLIC_URL}/confirm/{question.token}/",
        **frame(),
    }
    return mail(
        question.address,
        purpose=PURPOSE,
        customer_id=question.customer_id,
        subject=subject,
        html=render_to_string("people/ask.html", context),
        text=render_to_string("people/ask.txt", context),
        message_id=f"<tact-ask-{question.pending_id}-{secrets.token_hex(8)}@{host()}>",
    )
