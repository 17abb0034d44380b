"""Shops that learn together without telling each other of anybody: counts of pairs with noise, signed, merged, undone.

docs/algorithms/sharing.md says what a file holds, what protects it, and from what size on it helps.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Sum

from catalog.models import Product
from customers import consent, encryption
from recommender import evaluation
from recommender.algorithms import noise, sharing, storage
from recommender.algorithms.compare import Candidate, difference, measure
from recommender.algorithms.interactions import IntArray, Interactions
from recommender.algorithms.split import validation_split
from recommender.models import SharedStatistics

VERSION = 1
PURPOSE = "partner_sharing"
FEWEST_PEOPLE = 1_000_000
"""Of a giver: under so many the noise leaves no pair that helps (docs/algorithms/sharing.md)."""
EPSILON_IN_ALL = 4.0
"""What may be told about the same people, all files together; it is never filled up."""
WEIGHTS = (1.0, 0.3, 0.1, 0.03, 0.01)
MOST_BYTES = 50 * 2**20


class NotShared(Exception):
    """Nothing was given, taken or changed. The message says why."""


# --- giving ------------------------------------------------------------------------------------------------------------


def share(
    path: Path,
    *,
    name: str,
    identifier: str,
    epsilon: float,
    delta: float,
    most_items: int,
    at: datetime,
    by: str,
) -> SharedStatistics:
    """Write a signed file of how many people bought each pair of products, with noise.

    Of people who allow personalization and partner_sharing. identifier : "sku", or an attribute of products such as
    "gtin" that other shops use too. Five queries. Raises NotShared.
    """
    if not (0 < epsilon <= EPSILON_IN_ALL and 0 < delta <= 1e-5 and 2 <= most_items <= 50):
        raise NotShared(
            f"Epsilon is at most {EPSILON_IN_ALL:g}, delta at most 0.00001, products of a person 2 to 50."
        )
    bought = _of_those_who_allow(evaluation.learnable(at=at))
    if len(bought.users) < FEWEST_PEOPLE:
        raise NotShared(
            f"{len(bought.users):,} people allow it. Under {FEWEST_PEOPLE:,} the noise that protects them leaves nothing "
            "that would help the other shop."
        )
    names = _names(bought.items, identifier)
    try:
        told = sharing.tell(
            bought, names, most_items=most_items, epsilon=epsilon, delta=delta, rng=np.random.default_rng()
        )
    except noise.NoNoise as missing:
        raise NotShared(str(missing)) from missing
    content = signed(
        {
            "version": VERSION, "name": name, "made_at": at.isoformat(), "identifier": identifier,
            "people": told.people, "most_items": most_items, "most_pairs": sharing.pairs_of(most_items),
            "epsilon": told.epsilon, "delta": told.delta, "threshold": told.threshold, "unit": "one person",
            "pairs": [list(pair) for pair in told.pairs],
        }
    )  # fmt: skip
    with transaction.atomic():
        # Spent before the file is there: a crash between the two costs budget and never privacy.
        _alone()
        spent = epsilon_spent()
        if spent + epsilon > EPSILON_IN_ALL + 1e-9:
            raise NotShared(
                f"Files given so far have spent epsilon {spent:g} of {EPSILON_IN_ALL:g}; {epsilon:g} more would be too much."
            )
        row = _kept(
            SharedStatistics.Direction.OUT, json.loads(content), content, at=at, by=by, epsilon=epsilon
        )
    path.write_bytes(content)
    return row


def _alone() -> None:
    """Until this transaction's end nobody else gives. SQLite has one writer at a time anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE recommender_sharedstatistics IN SHARE ROW EXCLUSIVE MODE")


def _of_those_who_allow(bought: Interactions) -> Interactions:
    allowed = np.fromiter(consent.permitted(PURPOSE).values_list("pk", flat=True).iterator(), np.int64)
    return bought.chosen(np.isin(bought.users[bought.rows], allowed))


def _names(items: IntArray, identifier: str) -> list[str]:
    rows = Product.objects.filter(pk__in=items.tolist()) if len(items) < 500 else Product.objects.all()
    found = {
        pk: sku if identifier == "sku" else str(attributes.get(identifier) or "")
        for pk, sku, attributes in rows.values_list("pk", "sku", "attributes").iterator(chunk_size=5000)
    }
    return [found.get(int(item), "") for item in items]


# --- the file ----------------------------------------------------------------------------------------------------------


def _key() -> Ed25519PrivateKey:
    seed = hashlib.sha256(encryption.signing_secret("shared statistics").encode()).digest()
    return Ed25519PrivateKey.from_private_bytes(seed)


def public_key() -> str:
    """By which the other shop knows our files; it is told on another way than the file."""
    return base64.b64encode(_key().public_key().public_bytes_raw()).decode()


def _bytes(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def signed(content: Mapping[str, Any]) -> bytes:
    """The file: the content and its Ed25519 signature (RFC 8032) over its canonical JSON."""
    signature = base64.b64encode(_key().sign(_bytes(content))).decode()
    return _bytes({**content, "public_key": public_key(), "signature": signature})


def opened(text: bytes, *, key: str) -> dict[str, Any]:
    """What the owner of `key` signed. Raises NotShared for anything else, one changed byte included."""
    try:
        content: dict[str, Any] = json.loads(text)
        signature = base64.b64decode(content.pop("signature"), validate=True)
        if content.pop("public_key") != key:
            raise NotShared("The file is signed by another key than the one you gave.")
        Ed25519PublicKey.from_public_bytes(base64.b64decode(key, validate=True)).verify(
            signature, _bytes(content)
        )
    except (ValueError, KeyError, AttributeError, TypeError, InvalidSignature) as error:
        raise NotShared("The file is not what the owner of this key signed.") from error
    if content.get("version") != VERSION or not all(
        isinstance(pair, list) and [type(part) for part in pair] == [str, str, int]
        for pair in content["pairs"]
    ):
        raise NotShared("The file is of another version.")
    return content


def _kept(
    direction: str,
    content: Mapping[str, Any],
    text: bytes,
    *,
    at: datetime,
    by: str,
    epsilon: float,
    **more: Any,
) -> SharedStatistics:
    return SharedStatistics.objects.create(
        direction=direction, name=content["name"][:200], made_at=at, by=by[:150], people=content["people"],
        pairs=len(content["pairs"]), epsilon=epsilon, delta=content["delta"], most_pairs=content["most_pairs"],
        sha256=hashlib.sha256(text).hexdigest(), **more,
    )  # fmt: skip


# --- taking ------------------------------------------------------------------------------------------------------------


def merge(text: bytes, *, key: str, at: datetime, by: str) -> SharedStatistics:
    """Take the counts in: their weight is chosen on the validation month, and they are used only where they help there
    by the whole 95 % interval.

    Training then lets `item_knn_shared` compete. Raises NotShared, evaluation.TooLittle.
    """
    if len(text) > MOST_BYTES:
        raise NotShared(f"The file is larger than {MOST_BYTES // 2**20} MB.")
    content = opened(text, key=key)
    if content["people"] < FEWEST_PEOPLE:
        raise NotShared(
            f"It rests on {content['people']:,} people; under {FEWEST_PEOPLE:,} it does not help."
        )
    sha256 = hashlib.sha256(text).hexdigest()
    if SharedStatistics.objects.filter(sha256=sha256).exists():
        raise NotShared("This file has been taken in, or given, before.")
    items = _ids(content["identifier"])
    arrays = sharing.as_arrays([(a, b, n) for a, b, n in content["pairs"]], items)
    if not len(arrays["n"]):
        raise NotShared(f"No product of the file is known here by its {content['identifier']}.")
    file = settings.MODEL_DIR / f"shared-{sha256}.npz"
    written = storage.write_arrays(file, {"name": content["name"]}, arrays)
    try:
        figures = _measured([[str(file), written]], at=at)
        if figures["gain_validation_low"] <= 0:
            raise NotShared("On the validation month it does not surely help: nothing is taken in.")
        return _kept(
            SharedStatistics.Direction.IN, content, text, at=at, by=by, epsilon=content["epsilon"],
            figures=figures, is_used=True,
        )  # fmt: skip
    except (NotShared, evaluation.TooLittle, IntegrityError):
        file.unlink(missing_ok=True)
        raise


def _ids(identifier: str) -> dict[str, int]:
    """What each listed product is called, and its id; where two have one name the first."""
    found: dict[str, int] = {}
    rows = Product.objects.listed().order_by("pk").values_list("pk", "sku", "attributes")
    for pk, sku, attributes in rows.iterator(chunk_size=5000):
        if told := sku if identifier == "sku" else str(attributes.get(identifier) or ""):
            found.setdefault(told, pk)
    return found


def _measured(files: list[list[str]], *, at: datetime) -> dict[str, Any]:
    """The weight that is best on the validation month, and NDCG@10 on the last month alone and merged, new products."""
    bought = evaluation.learnable(at=at)
    test = evaluation.divide(bought, "global")
    valid = validation_split(bought)
    alone = Candidate("alone", "item_knn", {})
    floor = measure(alone, valid, target="new")
    rows = [
        measure(
            Candidate(f"{weight:g}", "item_knn_shared", {"weight": weight, "files": files}),
            valid,
            target="new",
        )
        for weight in WEIGHTS
    ]
    best = max(rows, key=lambda row: row.ndcg10)
    merged, without = measure(best.candidate, test, target="new"), measure(alone, test, target="new")
    gain, low, high = difference(merged, without)
    sure = difference(best, floor)
    return {
        "parameters": dict(best.candidate.parameters), "people_measured": merged.people,
        "gain_validation": sure[0], "gain_validation_low": sure[1],
        "ndcg10_alone": without.ndcg10, "ndcg10_merged": merged.ndcg10, "gain": gain, "low": low, "high": high,
    }  # fmt: skip


def undo(sha256: str) -> SharedStatistics:
    """Take a merge back: its counts are gone, and the next training learns without them. Raises NotShared."""
    rows = SharedStatistics.objects.filter(direction=SharedStatistics.Direction.IN, sha256__startswith=sha256)
    if len(found := list(rows[:2])) != 1:
        raise NotShared(f"There is no one file received whose SHA-256 begins with {sha256!r}.")
    row = found[0]
    if not SharedStatistics.objects.filter(pk=row.pk, is_used=True).update(is_used=False):
        raise NotShared(f"What {row.name} gave is not in use.")
    for file, _sha256 in row.figures.get("parameters", {}).get("files", []):
        Path(file).unlink(missing_ok=True)
    row.refresh_from_db()
    return row


def epsilon_spent() -> float:
    """By all files given so far."""
    given = SharedStatistics.objects.filter(direction=SharedStatistics.Direction.OUT)
    return float(given.aggregate(sum=Sum("epsilon"))["sum"] or 0.0)
