"""Why a line of a file cannot be taken in, in words that say what to do."""

from collections.abc import Mapping, Sequence

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

REASONS: Mapping[str, Promise] = {
    "bad_number": _("a number cannot be read: write 12.50, without a currency and without a comma"),
    "bad_boolean": _("in stock is neither yes nor no"),
    "no_sku": _("there is no SKU"),
    "bad_product": _("the SKU is longer than 100 characters, or the price is below nought"),
    "no_id": _("there is no id, or it is longer than 200 characters"),
    "country_is_no_two_letters": _("the country is not its two letters, such as DE"),
    "no_address": _("this is no e-mail address"),
    "bad_reason": _(
        "the reason is none of unsubscribed, bounced and complaint: perhaps this person may be written to"
    ),
    "unknown_customer": _("nobody here has this id: bring the customers in first"),
    "unknown_purpose": _("there is no such purpose"),
    "bad_answer": _("the answer is neither yes nor no"),
    "no_proof": _("a yes without its proof: notice, language, method, source and time must all be there"),
    "long_proof": _("the method is longer than 50 characters, or the source longer than 60"),
    "unknown_notice": _(
        "there is no such notice of this purpose in this language: add it under Notices first"
    ),
    "bad_time": _("the time cannot be read: write 2024-05-31 or 2024-05-31T10:00:00Z"),
    "in_the_future": _("the time is in the future"),
    "rating_outside_1_to_5": _("the rating is none of 1, 2, 3, 4 and 5"),
    "empty": _("there is neither a text nor a rating"),
    "unknown_type": _("there is no such kind of event"),
    "no_customer": _("there is no customer"),
    "too_long": _("the customer's id is longer than 200 characters, or the SKU longer than 100"),
    "below_nought": _("the quantity is below nought: write a refund instead"),
}


def problems(counts: Mapping[str, int], lines: Mapping[str, Sequence[int]]) -> list[tuple[str, str]]:
    """(which lines, the first of them; what is wrong and what to do)"""
    return [
        (
            ", ".join(map(str, first)) + (" …" if counts[f"skipped:{reason}"] > len(first) else ""),
            str(REASONS.get(reason, reason)),
        )
        for reason, first in lines.items()
    ]
