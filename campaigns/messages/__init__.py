"""From a template to a finished message, and what can be said of it beforehand. One file a noun."""

from campaigns.messages.by_blocks import (
    block_label,
    kept_layout,
    layout_of,
    part_label,
    put,
    translated,
    untranslated,
    was_changed_elsewhere,
    write_by_hand,
)
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
from campaigns.messages.layout import Block, Layout
from campaigns.messages.layout_faults import faults, without
from campaigns.messages.made import subject_of
from campaigns.messages.plain import text_of
from campaigns.messages.ready_made import READY_MADE, ReadyMade
from campaigns.messages.samples import sample_contexts
from campaigns.messages.source import Source, source
from campaigns.messages.variables import VARIABLES, Variable
from campaigns.messages.wording import LANGUAGES, benefit_words

__all__ = [
    "LANGUAGES",
    "READY_MADE",
    "SAMPLE_CODE",
    "TEST_CODE",
    "VARIABLES",
    "Block",
    "Finished",
    "Hint",
    "Layout",
    "Page",
    "ReadyMade",
    "Source",
    "Variable",
    "benefit_words",
    "block_label",
    "cause_skus",
    "check",
    "default_message",
    "faults",
    "finish",
    "hints",
    "kept_layout",
    "language_of",
    "layout_of",
    "mjml_example",
    "new_message_id",
    "page_of",
    "part_label",
    "payload_of",
    "products_of",
    "put",
    "sample_contexts",
    "source",
    "subject_of",
    "text_of",
    "translated",
    "untranslated",
    "was_changed_elsewhere",
    "without",
    "write_by_hand",
]
