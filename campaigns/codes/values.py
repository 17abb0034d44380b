"""What a code looks like."""

import re
import secrets

# No 0 and O, 1, I and L: a code is read aloud and typed.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
LENGTH = 10
LONGEST = 40
_READABLE = re.compile(r"[!-~]+")
# A random byte is a sign of the alphabet; those beyond its last whole round are left out, so that all are as likely.
_ROUNDS = 256 - 256 % len(ALPHABET)
_SIGNS = bytes(ord(ALPHABET[byte % len(ALPHABET)]) for byte in range(256))
_BEYOND = bytes(range(_ROUNDS, 256))


def new_value(prefix: str) -> str:
    return new_values(prefix, 1)[0]


def new_values(prefix: str, n: int) -> list[str]:
    """So many at once: of two alike nobody is told, whoever keeps them finds out."""
    signs = ""
    while len(signs) < n * LENGTH:
        signs += secrets.token_bytes(n * LENGTH).translate(_SIGNS, _BEYOND).decode("ascii")
    ahead = f"{prefix.upper()}-" if prefix else ""
    return [f"{ahead}{signs[i : i + 5]}-{signs[i + 5 : i + 10]}" for i in range(0, n * LENGTH, LENGTH)]


def normalised(value: str) -> str:
    """As it is stored, however it was typed."""
    return value.strip().upper()


def is_readable(value: str) -> bool:
    """Letters, digits and signs of ASCII without a space, at most 40."""
    return len(value) <= LONGEST and _READABLE.fullmatch(value) is not None
