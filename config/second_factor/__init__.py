"""The second factor of whoever works at the desk (S5): a code of their phone, or one of ten kept for when it is lost.

django-otp counts the seconds (RFC 6238), takes each code once and makes whoever guesses wait; what is here is who must
have one, the recovery codes and their doors.
"""

import base64
import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

import segno
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django_otp import verify_token
from django_otp.plugins.otp_totp.models import TOTPDevice

from config.models import RecoveryCode

# These may act for others or let numbers and people out.
ROLES_THAT_NEED_ONE = ("Approver", "Privacy officer", "Administrator")
CODES = 10
ISSUER = "Tact"


class Wait(Exception):
    """Too many wrong codes: none is looked at before `until`."""

    def __init__(self, until: datetime) -> None:
        super().__init__(str(until))
        self.until = until


@dataclass(frozen=True)
class Offered:
    """What a phone is told: as a picture, and as letters for whoever cannot scan it."""

    device: TOTPDevice
    picture: str
    """SVG: a drawing of bits, nothing of which was typed by anybody."""
    letters: str


def is_demanded_of(user: Any) -> bool:
    """Whether this person may do nothing without one. One query, and none for a superuser."""
    if not settings.REQUIRE_SECOND_FACTOR:
        return False
    return bool(user.is_superuser) or user.groups.filter(name__in=ROLES_THAT_NEED_ONE).exists()


def device_of(user: Any) -> TOTPDevice | None:
    """The phone that this person has confirmed."""
    return TOTPDevice.objects.filter(user_id=user.pk, confirmed=True).first()


def offer(user: User) -> Offered:
    """A key for a phone, the same until it is confirmed: a reloaded page shows no other."""
    device, _new = TOTPDevice.objects.get_or_create(user=user, confirmed=False, defaults={"name": "phone"})
    device.name = user.get_username()  # stands in the phone's list of accounts
    letters = base64.b32encode(device.bin_key).decode().rstrip("=")
    picture = segno.make(address_for(device), error="m").svg_inline(omitsize=True, border=4, light="#fff")
    return Offered(device, picture, " ".join(letters[n : n + 4] for n in range(0, len(letters), 4)))


def address_for(device: TOTPDevice) -> str:
    letters = base64.b32encode(device.bin_key).decode().rstrip("=")
    label = quote(f"{ISSUER}:{device.name}")
    asked = urlencode({"secret": letters, "issuer": ISSUER, "digits": device.digits, "period": device.step})
    return f"otpauth://totp/{label}?{asked}"


def confirm(user: User, code: str) -> tuple[TOTPDevice, list[str]] | None:
    """Take the offered phone for this person's, if the code is its own; and ten codes for when it is lost.

    None where the code is wrong. Raises Wait.
    """
    with transaction.atomic():
        device = TOTPDevice.objects.select_for_update().filter(user=user, confirmed=False).first()
        if device is None or not _takes(device, code):
            return None
        TOTPDevice.objects.filter(user=user, confirmed=True).delete()
        device.confirmed = True
        device.save(update_fields=["confirmed"])
        return device, new_recovery_codes(user)


def check(user: Any, device: TOTPDevice, code: str, *, at: datetime) -> bool:
    """Whether the code opens the desk now; each does once. Raises Wait."""
    typed = "".join(code.split()).replace("-", "").upper()
    if typed.isdigit():
        return _takes(device, typed)
    with transaction.atomic():
        held = TOTPDevice.objects.select_for_update().get(pk=device.pk)
        _must_not_wait(held)
        used = RecoveryCode.objects.filter(user_id=user.pk, code_hash=_hashed(typed), used_at=None)
        if used.update(used_at=at):
            held.throttle_reset()
            return True
        held.throttle_increment()
    return False


def new_recovery_codes(user: User) -> list[str]:
    """Ten new ones, told this once; the old ones open nothing any more."""
    # Sixteen letters of base32 are 80 bits: a plain hash of them cannot be searched.
    values = [base64.b32encode(secrets.token_bytes(10)).decode() for _n in range(CODES)]
    with transaction.atomic():
        RecoveryCode.objects.filter(user=user).delete()
        RecoveryCode.objects.bulk_create(
            RecoveryCode(user=user, code_hash=_hashed(value)) for value in values
        )
    return ["-".join(value[n : n + 4] for n in range(0, 16, 4)) for value in values]


def recovery_codes_left(user: Any) -> int:
    return RecoveryCode.objects.filter(user_id=user.pk, used_at=None).count()


@transaction.atomic
def turn_off(user: Any) -> bool:
    """No phone and no recovery code is known of this person any more. False if none was."""
    RecoveryCode.objects.filter(user_id=user.pk).delete()
    return bool(TOTPDevice.objects.filter(user_id=user.pk).delete()[0])


def with_one(users: Iterable[int]) -> set[int]:
    """Which of these people have one. One query."""
    return set(
        TOTPDevice.objects.filter(user_id__in=list(users), confirmed=True).values_list("user_id", flat=True)
    )


def _hashed(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


def _must_not_wait(device: TOTPDevice) -> None:
    allowed, said = device.verify_is_allowed()
    if not allowed:
        raise Wait(said["locked_until"])


def _takes(device: TOTPDevice, code: str) -> bool:
    _must_not_wait(device)
    return verify_token(device.user, device.persistent_id, code) is not None
