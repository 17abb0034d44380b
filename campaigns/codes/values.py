"""What a code looks like."""

import re
import secrets

# No 0 and O, 1, I and L: a code is read aloud and typed.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
LENGTH = 10
LONGEST = 40
_READABLE = re.compile(r"[!-~]+")


def new_value(prefix: str) -> str:
    body = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return f"{prefix.upper()}{'-' if prefix else ''}{body[:5]}-{body[5:]}"


def normalised(value: str) -> str:
    """As it is stored, however it was typed."""
    return value.strip().upper()


def is_readable(value: str) -> bool:
    """Letters, digits and signs of ASCII without a space, at most 40."""
    return len(value) <= LONGEST and _READABLE.fullmatch(value) is not None
