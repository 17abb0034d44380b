"""Real files in: streamed, each row kept once, all of a file or none of it."""

from customers.imports.running import FORMATS, Imported, import_file
from customers.imports.source import BadFile

__all__ = ["FORMATS", "BadFile", "Imported", "import_file"]
