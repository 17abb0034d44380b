"""Logs without people: what a line says of a request, of an exception, and of an address.

Tact's own lines name rows by their numbers. The libraries' do not know what is personal: a path may hold a token or a
shop's id, the text of an exception whatever it failed at (a database quotes the row), an SMTP error an address. So a
request is told by its route, an exception by its class and where it was, and addresses are taken out of what is left.
"""

import logging
import re
import sys
import traceback
from types import TracebackType
from typing import Any

import structlog

_ADDRESS = re.compile(r"[^\s<>\"'(),;:=]+@[^\s<>\"'(),;:]+")
_TOKEN = re.compile(r"/(preferences|unsubscribe|confirm|privacy|c|o)/[\w.~-]{20,}")
_LONGEST = 2000


def write_to_standard_error() -> None:
    """Our own lines, as JSON. Standard output belongs to commands and their --json."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def logging_of(level: str) -> dict[str, Any]:
    """The libraries' lines from `level` on, as Django's LOGGING."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"plain": {"()": "config.logs.WithoutPeople"}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
        "root": {"handlers": ["console"], "level": level},
        # A 4xx is the caller's affair, and its path may hold a person's token.
        "loggers": {"django.request": {"level": "ERROR"}},
    }


class WithoutPeople(logging.Formatter):
    """`LEVEL logger words`, and below it the stack of an exception: files, lines and classes, no values."""

    def format(self, record: logging.LogRecord) -> str:
        told = f"{record.levelname} {record.name} {self._words(record)}"[:_LONGEST]
        if record.exc_info and record.exc_info[1] is not None:
            told = f"{told}\n{stack(record.exc_info[1])}"
        return told

    def _words(self, record: logging.LogRecord) -> str:
        request = getattr(record, "request", None)
        if request is not None:
            match = getattr(request, "resolver_match", None)
            route = f"/{match.route}" if match is not None else "(no route)"
            return f"{getattr(record, 'status_code', 500)} {request.method} {route}"
        words = record.getMessage()
        error = record.exc_info[1] if record.exc_info else None
        while error is not None:
            for text in (repr(error), str(error)):
                words = words.replace(text, type(error).__name__) if text else words
            error = error.__cause__ or error.__context__
        return hidden(words)


def hidden(text: str) -> str:
    """The text without e-mail addresses and people's tokens."""
    return _TOKEN.sub(r"/\1/…", _ADDRESS.sub("<address>", text))


def stack(error: BaseException) -> str:
    """Where an exception came from, its causes first, without a word of what it says."""
    chain: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in chain:
        chain.append(one)
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    return "\nthen\n".join(_one(link) for link in reversed(chain))


def _one(error: BaseException) -> str:
    trace: TracebackType | None = error.__traceback__
    frames = [
        f"  {frame.filename}:{frame.lineno} in {frame.name}"
        for frame in traceback.extract_tb(trace, limit=-15)
    ]
    return "\n".join([*frames, f"{type(error).__module__}.{type(error).__qualname__}"])
