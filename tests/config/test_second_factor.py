"""The second factor of whoever works at the desk: who must have one, what opens, what does so once (S5)."""

import re
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from config import second_factor
from config.models import Change, RecoveryCode
from tests import desk
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
HOME, CODE, SET_UP = (
    "admin:index",
    "admin:second_factor_code",
    "admin:second_factor_set_up",
)


@pytest.fixture(autouse=True)
def _demanded(settings) -> Iterator[None]:
    settings.REQUIRE_SECOND_FACTOR = True
    settings.POSTAL_ADDRESS = "Shop, 1 Example Street, 10115 Berlin"
    with time_machine.travel(NOW, tick=False):
        yield


def person(role: str = "", name: str = "olga") -> User:
    user = User.objects.create_user(name, password=desk.PASSWORD, is_staff=True)
    if role:
        user.groups.add(Group.objects.get(name=role))
    return user


def inside(user: User) -> Client:
    """Whoever has given the password, and no more."""
    client = Client()
    client.force_login(user)
    return client


def shown(device: TOTPDevice) -> str:
    """What the phone shows now."""
    totp = TOTP(device.bin_key, device.step, device.t0, device.digits)
    totp.time = time.time()
    return f"{totp.token():06d}"


def with_phone(user: User) -> tuple[TOTPDevice, list[str]]:
    device = second_factor.offer(user).device
    found = second_factor.confirm(user, shown(device))
    assert found is not None
    return found


def opens(client: Client) -> bool:
    return client.get(reverse(HOME)).status_code == 200


@pytest.mark.parametrize(
    ("role", "must"),
    [
        ("Viewer", False),
        ("Marketer", False),
        ("Approver", True),
        ("Privacy officer", True),
        ("Administrator", True),
    ],
)
def test_s5_whoever_may_act_for_others_sets_one_up_before_anything_else(role, must):
    client = inside(person(role))
    for page in (HOME, "admin:campaigns_campaign_changelist", "admin:password_change"):
        answer = client.get(reverse(page))
        assert (answer.status_code == 302) is must, page
        if must:
            assert answer["Location"].startswith(reverse(SET_UP))


def test_s5_what_is_sent_before_it_is_shown_changes_nothing():
    user = person("Administrator")
    client = inside(user)
    client.post(reverse("admin:auth_group_add"), {"name": "Ours"})
    with_phone(user)
    answer = client.post(reverse("admin:auth_group_add"), {"name": "Ours"})
    assert answer["Location"].startswith(reverse(CODE))
    assert not Group.objects.filter(name="Ours").exists()


def test_it_is_set_up_by_the_code_that_the_phone_shows():
    user = person("Approver")
    client = inside(user)
    page = client.get(reverse(SET_UP)).content.decode()
    device = TOTPDevice.objects.get(user=user, confirmed=False)
    assert "<svg" in page
    assert client.get(reverse(SET_UP)).content.decode().count("<svg") == 1
    assert TOTPDevice.objects.count() == 1  # a reloaded page shows no other key
    wrong = client.post(reverse(SET_UP), {"code": f"{(int(shown(device)) + 1) % 10**6:06d}"})
    assert "not the code that the phone shows" in wrong.content.decode()
    assert not opens(client)
    with time_machine.travel(NOW + timedelta(seconds=5), tick=False):
        told = client.post(reverse(SET_UP), {"code": shown(device)}).content.decode()
        codes = re.findall(r"<li>([A-Z2-7]{4}(?:-[A-Z2-7]{4}){3})</li>", told)
        assert len(codes) == 10
        assert opens(client)
    held = {*RecoveryCode.objects.values_list("code_hash", flat=True)}
    assert len(held) == 10
    assert not any(code in str(held) or code.replace("-", "") in str(held) for code in codes)


def test_the_code_opens_once():
    user = person("Approver")
    device, _codes = with_phone(user)
    with time_machine.travel(NOW + timedelta(minutes=2), tick=False):
        code = shown(device)
        client = inside(user)
        assert not opens(client)
        asked = f"{reverse(CODE)}?next=/admin/campaigns/offer/"
        answer = client.post(asked, {"code": code})
        assert answer["Location"] == "/admin/campaigns/offer/"
        assert opens(client)
        other = inside(user)
        again = other.post(reverse(CODE), {"code": code})
        assert "opens nothing" in again.content.decode()
        assert not opens(other)


def test_a_recovery_code_opens_once_however_it_is_typed():
    user = person("Approver")
    _device, codes = with_phone(user)
    client = inside(user)
    client.post(reverse(CODE), {"code": codes[3].lower().replace("-", " ")})
    assert opens(client)
    other = inside(user)
    other.post(reverse(CODE), {"code": codes[3]})
    assert not opens(other)
    assert second_factor.recovery_codes_left(user) == 9


def test_whoever_guesses_waits_twice_as_long_each_time():
    user = person("Approver")
    device, codes = with_phone(user)
    at = NOW + timedelta(minutes=5)
    for n, seconds in enumerate((1, 2, 4, 8)):
        with time_machine.travel(at, tick=False):
            client = inside(user)
            guess = "000000" if n % 2 else "AAAA-BBBB-CCCC-DDDD"
            client.post(reverse(CODE), {"code": guess})
            told = client.post(reverse(CODE), {"code": codes[0]}).content.decode()
            assert f"Try again in {seconds} second" in told
            assert not opens(client)
        at += timedelta(seconds=seconds)
    with time_machine.travel(at, tick=False):
        client = inside(user)
        client.post(reverse(CODE), {"code": shown(device)})
        assert opens(client)


def test_it_is_turned_off_by_a_code_only():
    user = person()
    device, _codes = with_phone(user)
    client = inside(user)
    with time_machine.travel(NOW + timedelta(minutes=2), tick=False):
        client.post(reverse(CODE), {"code": shown(device)})
        client.post(reverse("admin:second_factor_off"), {"code": "123"})
        assert second_factor.device_of(user) is not None
    with time_machine.travel(NOW + timedelta(minutes=4), tick=False):
        client.post(reverse("admin:second_factor_off"), {"code": shown(device)})
    assert second_factor.device_of(user) is None
    assert RecoveryCode.objects.count() == 0
    assert opens(client)


def test_another_phone_comes_after_the_old_one_is_turned_off_by_its_code():
    """Whoever finds a desk left open cannot make it theirs."""
    user = person()
    device, _codes = with_phone(user)
    client = inside(user)
    with time_machine.travel(NOW + timedelta(minutes=2), tick=False):
        client.post(reverse(CODE), {"code": shown(device)})
        assert client.get(reverse(SET_UP))["Location"] == reverse("admin:second_factor")
        other = second_factor.offer(user).device
        client.post(reverse(SET_UP), {"code": shown(other)})
    assert second_factor.device_of(user) == device


def test_another_address_than_ours_is_not_gone_on_to():
    user = person()
    device, _codes = with_phone(user)
    with time_machine.travel(NOW + timedelta(minutes=2), tick=False):
        answer = inside(user).post(
            reverse(CODE), {"code": shown(device), "next": "https://elsewhere.example/"}
        )
    assert answer["Location"] == reverse(HOME)


def test_an_administrator_resets_anothers_and_not_a_superusers():
    administrator, other, above = person("Administrator"), person("Viewer", "vera"), desk.staff()
    device, _codes = with_phone(administrator)
    for user in (other, above):
        with_phone(user)
    client = inside(administrator)
    with time_machine.travel(NOW + timedelta(minutes=2), tick=False):
        client.post(reverse(CODE), {"code": shown(device)})
    for user, stays in ((other, False), (above, True)):
        address = reverse("admin:auth_user_reset_second_factor", args=[user.pk])
        asked = client.get(address)
        assert second_factor.device_of(user) is not None, "a GET changes nothing"
        assert asked.status_code == (403 if stays else 200)
        client.post(address)
        assert (second_factor.device_of(user) is not None) is stays
    assert Change.objects.filter(words="Reset the second factor.", object_id=str(other.pk)).count() == 1


def test_a_marketer_resets_nobodys():
    other = person("Viewer", "vera")
    with_phone(other)
    client = inside(person("Marketer"))
    assert client.post(reverse("admin:auth_user_reset_second_factor", args=[other.pk])).status_code == 403
    assert second_factor.device_of(other) is not None


def test_the_page_of_the_keys_of_all_phones_is_nowhere():
    client = inside(desk.staff())
    assert client.get("/admin/otp_totp/totpdevice/").status_code in (302, 404)


@pytest.mark.parametrize(("language", "words"), [("en", "15 minutes"), ("zh-hans", "15")])
def test_whoever_typed_five_wrong_passwords_is_told_how_long_to_wait(language, words):
    person(name="olga")
    client = Client()
    client.cookies["django_language"] = language
    for _n in range(5):
        answer = client.post(reverse("admin:login"), {"username": "olga", "password": "wrong"})
    assert answer.status_code == 429
    assert answer["Retry-After"] == "900"
    assert words in answer.content.decode()
    right = client.post(reverse("admin:login"), {"username": "olga", "password": desk.PASSWORD})
    assert right.status_code == 429
    assert not opens(client)
