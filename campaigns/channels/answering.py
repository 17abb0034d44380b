"""The mails that answer what a person demands by law. They may go without leave, and cannot be made to advertise.

Their words stand here and in `templates/people/rights_letter.*`; the only thing that comes in is a `Letter`, which has no
room for an offer. `Channel.send` keeps its lock: this mail's purpose is none that a Permission can be made for.
"""

import secrets

from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from campaigns.channels.apart import Apart, frame, host, mail
from campaigns.channels.base import WrongPermission
from campaigns.messages import Finished
from customers.letters import Letter

PURPOSE = "privacy_request"


class Answering(Apart):
    """`call` an address, then `answer` with the letter made for it, or `drop`."""

    purpose = PURPOSE

    def answer(self, letter: Letter) -> None:
        """The point of no return. Raises WrongPermission, TryLater, Refused, LineBroken."""
        if type(letter) is not Letter or letter.address != self._called:
            self.drop()
            raise WrongPermission("a letter is made by asking whether it is due, for the address called")
        with translation.override(letter.language):
            self._transmit(_words(letter))


def _subject(kind: str) -> str:
    match kind:
        case "identity":
            return _("Was it you who asked?")
        case "extended":
            return _("Your request takes longer")
        case "refused":
            return _("Your request was refused")
        case "lifting":
            return _("We are about to use your data again")
        case _:
            return _("Your request is done")


def _words(letter: Letter) -> Finished:
    subject = _subject(letter.contents.kind)
    context = {
        "language": letter.language,
        "subject": subject,
        "told": letter.contents,
        **frame(),
    }
    return mail(
        letter.address,
        purpose=PURPOSE,
        subject=subject,
        html=render_to_string("people/rights_letter.html", context),
        text=render_to_string("people/rights_letter.txt", context),
        message_id=f"<tact-answer-{secrets.token_hex(16)}@{host()}>",
    )
