"""Real files in: streamed, each row kept once, all of a file or none of it."""

from customers.imports.running import FORMATS, Imported, import_file
from customers.imports.source import BadFile
from customers.imports.waiting import drop_old
from customers.imports.working import again, ask, cancel, is_silent, may_begin_again, told, work_due
from customers.queued import TooLate

__all__ = [
    "FORMATS",
    "BadFile",
    "Imported",
    "TooLate",
    "again",
    "ask",
    "cancel",
    "drop_old",
    "import_file",
    "is_silent",
    "may_begin_again",
    "told",
    "work_due",
]
