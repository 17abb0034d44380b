"""Two shops that learn together: what leaves, what is taken in, what is refused, and how it is taken back."""

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from catalog.imports import ProductInput, save_products
from catalog.models import Product
from customers import consent, events, identities
from recommender import evaluation, sharing
from recommender.models import SharedStatistics
from tests import desk
from tests.conftest import NOW, evidence
from tests.recommender.test_training_and_serving import buys

pytestmark = [pytest.mark.once, pytest.mark.django_db]
PURPOSES = ("personalization", "partner_sharing", "analytics")


@pytest.fixture
def shop(db: None, settings, tmp_path: Path, monkeypatch) -> list[str]:
    """Sixty people who buy three of twelve things, by their camp, over ninety days; a few allow no sharing."""
    settings.MODEL_DIR = tmp_path / "models"
    monkeypatch.setattr(sharing, "FEWEST_PEOPLE", 40)
    chance = np.random.default_rng(3)
    save_products(
        [ProductInput(sku=f"t{n}", title=f"Thing {n}", category="things", attributes={"gtin": f"40{n}"}) for n in range(12)],
        at=NOW,
    )  # fmt: skip
    names = [f"p{n}" for n in range(60)]
    ids = identities.find_or_create(names)
    answers = [
        consent.Answer(ids[name], purpose, True, evidence(purpose))
        for n, name in enumerate(names)
        for purpose in PURPOSES
        if purpose != "partner_sharing" or n < 55
    ]
    consent.record(answers, at=NOW - timedelta(days=300))
    bought = [
        buys(name, f"t{6 * (n % 2) + item}", day)
        for n, name in enumerate(names)
        for day, item in zip((70, 50, 40, 10, 5), chance.permutation(6).tolist(), strict=False)
    ]
    events.take_in(bought, source="tests", at=NOW)
    return names


def theirs(n: int = 900, **changed: object) -> bytes:
    """What another shop of the same camps would have told, signed by this installation's key."""
    pairs = [
        [f"t{a}", f"t{b}", n] for camp in (0, 6) for a in range(camp, camp + 6) for b in range(a, camp + 6)
    ]
    return sharing.signed(
        {
            "version": 1, "name": "Other shop", "made_at": NOW.isoformat(), "identifier": "sku", "people": 90_000,
            "most_items": 5, "most_pairs": 15, "epsilon": 1.0, "delta": 1e-6, "threshold": 255, "unit": "one person",
            "pairs": pairs, **changed,
        }
    )  # fmt: skip


def give(path: Path, **changed: object) -> SharedStatistics:
    asked = {
        "name": "Ours",
        "identifier": "sku",
        "epsilon": 1.0,
        "delta": 1e-6,
        "most_items": 3,
        "at": NOW,
        "by": "ana",
    }
    return sharing.share(path, **{**asked, **changed})


def test_n2_too_few_people_give_nothing(shop: list[str], tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(sharing, "FEWEST_PEOPLE", 56)
    # Fifty-five allow it: who does not allow sharing is not counted among them.
    with pytest.raises(sharing.NotShared, match="55 people allow it"):
        give(tmp_path / "f")
    assert not (tmp_path / "f").exists()
    assert not SharedStatistics.objects.exists()


def test_n2_what_is_given_spends_and_is_never_given_beyond_the_whole(shop: list[str], tmp_path: Path) -> None:
    pytest.importorskip(
        "opendp.prelude", reason="opendp is an extra (requirements-dp.txt), and is not installed"
    )
    row = give(tmp_path / "one", epsilon=3.5)
    content = sharing.opened((tmp_path / "one").read_bytes(), key=sharing.public_key())
    assert (content["epsilon"], content["most_pairs"], content["people"]) == (
        pytest.approx(3.5),
        6,
        row.people,
    )
    assert all(n >= content["threshold"] for _a, _b, n in content["pairs"])
    assert "p1" not in json.dumps(content)  # a signature is made of any letters
    with pytest.raises(sharing.NotShared, match=r"have spent epsilon 3\.5 of 4"):
        give(tmp_path / "two", epsilon=0.6)
    assert not (tmp_path / "two").exists()
    assert SharedStatistics.objects.count() == 1


def test_one_changed_byte_or_another_key_is_refused(shop: list[str]) -> None:
    text = theirs()
    assert sharing.opened(text, key=sharing.public_key())["people"] == 90_000
    for torn in (text.replace(b"90000", b"90001"), text[:-3], b"{}", b"[]", b"\xff"):
        with pytest.raises(sharing.NotShared):
            sharing.opened(torn, key=sharing.public_key())
    with pytest.raises(sharing.NotShared, match="another key"):
        sharing.opened(text, key="AAAA")


def test_what_helps_is_taken_in_competes_and_can_be_taken_back(shop: list[str]) -> None:
    row = sharing.merge(theirs(), key=sharing.public_key(), at=NOW, by="ana")
    figures = row.figures
    assert figures["gain_validation_low"] > 0
    assert figures["parameters"]["weight"] in sharing.WEIGHTS
    (candidate,) = evaluation.shared()
    assert candidate.algorithm == "item_knn_shared"
    bought = evaluation.learnable(at=NOW)
    assert candidate in evaluation.candidates_for(bought, [])
    client = Client()
    client.force_login(desk.staff())
    html = client.get(reverse("admin:recommender_sharedstatistics_change", args=[row.pk])).content.decode()
    assert f"{figures['ndcg10_merged']:.4f}" in html
    with pytest.raises(sharing.NotShared, match="before"):
        sharing.merge(theirs(), key=sharing.public_key(), at=NOW, by="ana")
    call_command("merge_statistics", "--undo", row.sha256[:10], stdout=StringIO())
    assert evaluation.shared() == []
    alone = candidate.make().fit(bought, at=1e5)
    own = evaluation.named(["item_knn"])[-1].make().fit(bought, at=1e5)
    assert alone.state()["values"].tolist() == own.state()["values"].tolist()


def test_what_was_taken_in_is_taken_back_on_the_desk(shop: list[str], settings) -> None:
    row = sharing.merge(theirs(), key=sharing.public_key(), at=NOW, by="ana")
    client = Client()
    client.force_login(desk.staff())
    url = reverse("admin:recommender_sharedstatistics_take_back", args=[row.pk])
    page = reverse("admin:recommender_sharedstatistics_change", args=[row.pk])
    assert url in client.get(page).content.decode()
    assert "counts are deleted" in client.get(url).content.decode()
    assert len(evaluation.shared()) == 1  # looking changes nothing
    assert client.post(url)["Location"] == page
    assert evaluation.shared() == []
    assert list(settings.MODEL_DIR.glob("shared-*")) == []
    told = LogEntry.objects.get(object_id=str(row.pk))
    assert (told.user.get_username(), told.get_change_message()) == (
        "marta",
        "Taken back: its counts are deleted.",
    )
    assert url not in client.get(page).content.decode()
    client.post(url)
    assert LogEntry.objects.count() == 1
    with pytest.raises(CommandError, match="not in use"):
        call_command("merge_statistics", "--undo", row.sha256[:10])


def test_s5_who_may_not_change_them_takes_nothing_back(shop: list[str]) -> None:
    row = sharing.merge(theirs(), key=sharing.public_key(), at=NOW, by="ana")
    viewer = User.objects.create_user("vera", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_sharedstatistics"))
    client = Client()
    client.force_login(viewer)
    url = reverse("admin:recommender_sharedstatistics_take_back", args=[row.pk])
    assert client.post(url).status_code == 403
    assert len(evaluation.shared()) == 1


def test_what_does_not_help_is_refused_and_leaves_nothing(shop: list[str], settings) -> None:
    wrong = [[f"t{a}", f"t{b}", 900] for a in range(6) for b in range(6, 12)]
    with pytest.raises(sharing.NotShared, match="does not surely help"):
        sharing.merge(theirs(pairs=wrong), key=sharing.public_key(), at=NOW, by="ana")
    for changed in (
        {"people": 39},
        {"pairs": [["z", "z", 900]]},
        {"version": 2},
        {"pairs": [["t1", "t2", "x"]]},
    ):
        with pytest.raises(sharing.NotShared):
            sharing.merge(theirs(**changed), key=sharing.public_key(), at=NOW, by="ana")
    assert not SharedStatistics.objects.exists()
    assert list(settings.MODEL_DIR.glob("*")) == []


def test_products_are_known_by_a_number_both_shops_use(shop: list[str]) -> None:
    assert sharing._ids("gtin") == {f"40{n}": Product.objects.get(sku=f"t{n}").pk for n in range(12)}


def test_the_commands_say_what_they_did_and_why_not(shop: list[str], tmp_path: Path) -> None:
    file = tmp_path / "theirs.json"
    file.write_bytes(theirs())
    out = StringIO()
    call_command("share_statistics", "--key", stdout=out)
    key = out.getvalue().strip()
    out = StringIO()
    call_command("merge_statistics", str(file), "--key", key, "--json", stdout=out)
    assert json.loads(out.getvalue())["gain_validation"] > 0
    for arguments in ((), (str(file),), (str(tmp_path / "none"), "--key", key), ("--undo", "zz")):
        with pytest.raises(CommandError):
            call_command("merge_statistics", *arguments)
    with pytest.raises(CommandError, match="Epsilon is at most"):
        call_command("share_statistics", str(tmp_path / "x"), "--epsilon", "9")
