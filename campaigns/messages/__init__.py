"""From a template to a finished message, and what can be said of it beforehand. One file a noun."""

from campaigns.messages.checking import check
from campaigns.messages.context import (
    SAMPLE_CODE,
    TEST_CODE,
    Page,
    cause_skus,
    language_of,
    page_of,
    products_of,
)
from campaigns.messages.finished import Finished, finish, new_message_id, payload_of
from campaigns.messages.first import default_message, mjml_example
from campaigns.messages.hints import Hint, hints
from campaigns.messages.plain import text_of
from campaigns.messages.samples import sample_contexts
from campaigns.messages.variables import VARIABLES, Variable
from campaigns.messages.wording import LANGUAGES, benefit_words

__all__ = [
    "LANGUAGES",
    "SAMPLE_CODE",
    "TEST_CODE",
    "VARIABLES",
    "Finished",
    "Hint",
    "Page",
    "Variable",
    "benefit_words",
    "cause_skus",
    "check",
    "default_message",
    "finish",
    "hints",
    "language_of",
    "mjml_example",
    "new_message_id",
    "page_of",
    "payload_of",
    "products_of",
    "sample_contexts",
    "text_of",
]
