"""What people demand: D1, D5, C12, S1, S4, U2, U4, and the section Rights."""

import csv
import io
import json
import re
import zipfile
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns import rights_mail
from campaigns.channels import WrongPermission
from campaigns.channels.answering import Answering
from catalog.models import Category
from customers import (
    encryption,
    events,
    export_files,
    exports,
    identities,
    ledger,
    letters,
    links,
    request_alarms,
    request_answers,
    request_work,
    requests,
    tasks,
)
from customers.consent import Permission
from customers.events import Incoming
from customers.models import (
    ConsentRecord,
    Customer,
    Identity,
    Jurisdiction,
    PendingConsent,
    PrivacyRequest,
    Suppression,
)
from customers.requests import NotPossible
from recommender.models import Interest, ModelVersion
from tests import desk
from tests.campaigns.conftest import Sink, sink  # noqa: F401 - a fixture
from tests.conftest import NOW, Caller, person

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _files_of_one_test(tmp_path, settings) -> None:
    settings.VAR_DIR = tmp_path


def ask(customer: Customer, kind: str, **changes) -> PrivacyRequest:
    return requests.ask(customer, kind, **{"source": "tests", "at": timezone.now(), **changes}).request


def proven(customer: Customer, kind: str, **changes) -> PrivacyRequest:
    return ask(customer, kind, proven_by=requests.BY_PAGE, **changes)


def worked(customer: Customer, kind: str, **changes) -> PrivacyRequest:
    row = proven(customer, kind, **changes)
    request_work.work_due(at=timezone.now())
    row.refresh_from_db()
    return row


def mailed(box: Sink, part: str = "plain") -> list[str]:
    rights_mail.send_due(clock=timezone.now)
    return [mail.get_body((part,)).get_content() for mail in box.mails()]


def link_in(text: str) -> str:
    [link] = set(re.findall(r"https?://[^\s\"<]+", text))
    return str(urlsplit(link).path)


def page(customer: Customer, rest: str = "") -> str:
    return str(urlsplit(links.preferences_url(customer)).path).replace("/preferences/", "/privacy/") + rest


def interest(customer: Customer) -> Interest:
    model = ModelVersion.objects.create(
        task="interests", algorithm="interest", state="live", file="f", sha256="0", people=1, interactions=1,
        trained_until=NOW,
    )  # fmt: skip
    garden, _new = Category.objects.get_or_create(name="Garden", defaults={"slug": "garden"})
    return Interest.objects.create(customer=customer, category=garden, probability=0.8, model=model)


def allows(customer: Customer, purpose: str) -> bool:
    return bool(Permission.of_many([customer.pk], purpose, at=timezone.now()))


# --- the clock ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("country", "asked", "due"),
    [
        ("DE", (2026, 3, 10), (2026, 4, 9)),
        # A month from the last of January ends with February (Regulation 1182/71, 3(2)(c)).
        ("DE", (2026, 1, 31), (2026, 2, 28)),
        ("US", (2026, 1, 31), (2026, 3, 17)),
    ],
)
def test_d5_the_clock_is_the_law_s_of_where_the_person_lives(country, asked, due) -> None:
    dora = person("dora", country=country)
    row = ask(dora, "access", at=datetime(*asked, 12, tzinfo=UTC))
    assert row.due_at == datetime(*due, 12, tzinfo=UTC)


def test_d5_a_changed_law_sets_the_next_clock(anna: Customer) -> None:
    Jurisdiction.objects.filter(code="EU").update(answer_days=10)
    assert ask(anna, "access", at=NOW).due_at == NOW + 10 * DAY


def test_d5_the_clock_is_extended_once_before_it_is_over_and_the_person_is_told_why(anna, sink) -> None:  # noqa: F811
    row = proven(anna, "rectification", details={"name": "Anne"})
    later = request_answers.extend(
        row.pk, reason="The archive has to be searched by hand.", by="olga", at=timezone.now()
    )
    assert later.due_at >= row.due_at + 28 * DAY
    [told] = mailed(sink)
    assert "The archive has to be searched by hand." in told
    assert mailed(sink) == [told]
    with pytest.raises(NotPossible, match="once"):
        request_answers.extend(row.pk, reason="And once more for us.", by="olga", at=timezone.now())
    late = proven(anna, "access")
    with pytest.raises(NotPossible, match="overdue"):
        request_answers.extend(late.pk, reason="Nobody looked at it.", by="olga", at=late.due_at)
    assert PrivacyRequest.objects.get(pk=late.pk).due_at == late.due_at


def test_d5_alarms_count_what_is_overdue_due_soon_and_waiting(anna: Customer, boris: Customer) -> None:
    row = proven(anna, "rectification", details={"name": "Anne"}, at=NOW)
    ask(boris, "access", at=NOW)
    lapsed = ask(boris, "erasure", at=NOW)
    PrivacyRequest.objects.filter(pk=lapsed.pk).update(state="lapsed")
    assert request_alarms.alarms(at=row.due_at - 8 * DAY) == request_alarms.Alarms(0, 0, 1)
    assert request_alarms.alarms(at=row.due_at - 6 * DAY) == request_alarms.Alarms(0, 2, 1)
    assert request_alarms.alarms(at=row.due_at + DAY) == request_alarms.Alarms(2, 0, 1)


# --- asking and proving --------------------------------------------------------------------------------------


def test_nothing_is_done_for_the_unproven(anna: Customer) -> None:
    for kind in ("access", "portability", "erasure", "restriction"):
        ask(anna, kind)
    ask(anna, "rectification", details={"name": "Anne"})
    assert request_work.work_due(at=timezone.now()) == 0
    assert set(PrivacyRequest.objects.values_list("state", flat=True)) == {"unproven"}
    anna.refresh_from_db()
    assert (anna.erased_at, anna.restricted_at) == (None, None)
    assert list(export_files.folder().iterdir()) == []


def test_the_database_refuses_work_without_a_proof(anna: Customer) -> None:
    row = ask(anna, "access")
    with pytest.raises(Exception, match="nothing_is_done_for_the_unproven"):
        PrivacyRequest.objects.filter(pk=row.pk).update(state="open")


def test_two_demands_of_one_kind_at_once_are_one(anna: Customer) -> None:
    first, second = ask(anna, "access"), ask(anna, "access")
    assert first.pk == second.pk
    assert ask(anna, "portability").pk != first.pk
    proven(anna, "access")
    assert PrivacyRequest.objects.get(pk=first.pk).state == "open"
    request_work.work_due(at=timezone.now())
    assert ask(anna, "access").pk != first.pk


def test_the_mail_asks_the_click_proves_and_the_link_works_once(anna, sink, client) -> None:  # noqa: F811
    row = ask(anna, "restriction")
    [text] = mailed(sink)
    path = link_in(text)
    for method in (client.get, client.head, client.options):
        assert method(path).status_code == 200
    assert PrivacyRequest.objects.get().state == "unproven"
    answer = Client(enforce_csrf_checks=True).post(path)
    assert answer.status_code == 200
    assert not answer.cookies
    row.refresh_from_db()
    assert (row.state, row.proven_by) == ("done", requests.BY_CLICK)
    assert client.post(path).status_code == 410
    assert client.get(path).status_code == 410
    assert mailed(sink)[1:] == [mailed(sink)[1]]  # one mail more, that it is done, and not twice


def test_only_the_hash_of_the_token_is_kept_and_a_flipped_bit_is_a_404(anna, sink, client) -> None:  # noqa: F811
    ask(anna, "access")
    path = link_in(mailed(sink)[0])
    token = path.split("/")[3]
    row = PrivacyRequest.objects.get()
    assert token not in str(vars(row))
    assert re.fullmatch(r"[0-9a-f]{64}", row.token_hash)
    wrong = token[:9] + ("A" if token[9] != "A" else "B") + token[10:]
    for bad in (wrong, "x", encryption.opaque_token("confirm", b"1:x")):
        assert client.post(f"/privacy/request/{bad}/").status_code == 404
    assert PrivacyRequest.objects.get().state == "unproven"


def test_the_link_holds_seven_days_and_not_for_another_address(anna, boris, sink, client) -> None:  # noqa: F811
    ask(anna, "access", at=timezone.now() - 7 * DAY + timedelta(minutes=5))
    ask(boris, "access")
    paths = {
        mail["To"]: link_in(mail.get_body(("plain",)).get_content())
        for mail in (mailed(sink), sink.mails())[1]
    }
    PrivacyRequest.objects.filter(customer=anna).update(asked_at=timezone.now() - 7 * DAY)
    assert client.post(paths["anna@mail.example"]).status_code == 410
    identities.save_profiles([identities.Profile(id="boris", email="other@mail.example")])
    assert client.post(paths["boris@mail.example"]).status_code == 410
    assert set(PrivacyRequest.objects.values_list("state", flat=True)) == {"unproven"}


def test_what_nobody_proves_lapses_after_seven_days(anna: Customer) -> None:
    row = ask(anna, "erasure", at=timezone.now() - 7 * DAY)
    fresh = ask(anna, "access", at=timezone.now() - 6 * DAY)
    tasks.tidy()
    row.refresh_from_db()
    fresh.refresh_from_db()
    assert (row.state, fresh.state) == ("lapsed", "unproven")
    assert ask(anna, "erasure").pk != row.pk


def test_unproven_words_never_change_proven_ones(anna: Customer) -> None:
    row = proven(anna, "rectification", details={"name": "Anne"})
    ask(anna, "rectification", details={"email": "thief@mail.example"})
    row.refresh_from_db()
    assert requests.details_of(row, anna) == {"name": "Anne"}
    strange = ask(person("dora"), "rectification", details={"email": "thief@mail.example"})
    dora = Customer.objects.select_related("key").get(external_id="dora")
    mine = proven(dora, "rectification", details={"name": "Dora D."})
    assert mine.pk == strange.pk
    assert requests.details_of(mine, dora) == {"name": "Dora D."}


def test_changed_words_need_a_new_click(anna, sink, client) -> None:  # noqa: F811
    ask(anna, "rectification", details={"name": "Anne"})
    old = link_in(mailed(sink)[0])
    ask(anna, "rectification", details={"name": "Thief"})
    assert client.post(old).status_code == 410
    assert client.post(link_in(mailed(sink)[1])).status_code == 200
    assert PrivacyRequest.objects.get().state == "open"


def test_a_lost_mail_is_sent_anew_once_a_day(anna, sink) -> None:  # noqa: F811
    ask(anna, "access")
    assert len(mailed(sink)) == 1
    ask(anna, "access")
    assert len(mailed(sink)) == 1
    ask(anna, "access", at=timezone.now() + DAY)
    assert len(mailed(sink)) == 2


@pytest.mark.parametrize(
    "details",
    [
        {},
        {"email": "no address"},
        {"country": "Germany"},
        {"time_zone": "Mars"},
        {"external_id": "x"},
        {"note": "x" * 501},
    ],
)
def test_words_that_cannot_be_taken_on_are_refused_and_nothing_is_kept(anna: Customer, details) -> None:
    with pytest.raises(NotPossible):
        ask(anna, "rectification", details=details)
    assert not PrivacyRequest.objects.exists()


# --- doing it ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["access", "portability"])
def test_d1_the_copy_is_sealed_fetched_by_a_link_and_gone_after_a_week(anna, sink, client, kind) -> None:  # noqa: F811
    row = worked(anna, kind)
    assert row.state == "done"
    sealed = export_files.path_of(row.pk).read_bytes()
    assert b"anna@mail.example" not in sealed
    assert b"PK\x03\x04" not in sealed
    path = link_in(mailed(sink)[0])
    assert client.get(path).status_code == 200
    answer = client.post(path)
    assert answer["Content-Type"] == "application/zip"
    assert answer["Cache-Control"] == "no-store"
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as whole:
        assert whole.testzip() is None
        told = json.loads(whole.read(exports.JSON_NAME))
        table = list(csv.reader(io.StringIO(whole.read(exports.CSV_NAME).decode())))
    assert told["person"]["email"] == "anna@mail.example"
    assert ["person", "1", "email", "anna@mail.example"] in table
    counted = {line["store"]: line["rows"] for line in row.steps if line["what"] == "copied"}
    assert counted == {label: len(entries) for label, entries in told["records"].items()}
    PrivacyRequest.objects.filter(pk=row.pk).update(ended_at=timezone.now() - 7 * DAY)
    assert client.post(path).status_code == 404
    export_files.drop_old(at=timezone.now() + 7 * DAY)
    assert list(export_files.folder().iterdir()) == []


def test_d1_both_forms_hold_the_same_rows_and_what_is_worked_out(anna: Customer) -> None:
    interest(anna)
    events.take_in(
        [Incoming(message_id="=1", type="viewed", customer="anna", occurred_at=NOW, context={"a": "@SUM"})],
        source="tests", at=NOW,
    )  # fmt: skip
    streamed = json.loads(b"".join(exports.as_json(anna, at=NOW)))
    assert list(streamed) == [
        "format", "made_at", "person", "allowed", "suppressed", "records", "worked_out", "about",
    ]  # fmt: skip
    assert streamed["records"]["recommender.Interest"] == [
        {"id": Interest.objects.get().pk, "category": "Garden", "probability": 0.8,
         "model": str(ModelVersion.objects.get())}
    ]  # fmt: skip
    assert streamed["worked_out"]["recommender"] == []
    assert {line["purpose"] for line in streamed["about"]["purposes"]} >= {"analytics", "marketing_email"}
    table = list(csv.reader(io.StringIO(b"".join(exports.as_table(anna, at=NOW)).decode())))
    events_of = [row for row in table if row[0] == "customers.Event" and row[1] == "1"]
    assert {row[2] for row in events_of} == streamed["records"]["customers.Event"][0].keys()
    assert ["customers.Event", "1", "message_id", "'=1"] in table


def test_d1_a_copy_asks_no_query_a_row(anna: Customer, django_assert_max_num_queries) -> None:
    def views(first: int, count: int) -> None:
        rows = [
            Incoming(message_id=f"m{n}", type="viewed", customer="anna", occurred_at=NOW)
            for n in range(first, first + count)
        ]
        events.take_in(rows, source="tests", at=NOW)

    views(0, 10)
    with django_assert_max_num_queries(100) as few:
        b"".join(exports.as_json(anna, at=NOW))
    views(10, 500)
    with django_assert_max_num_queries(len(few)):
        b"".join(exports.as_json(anna, at=NOW))


def test_a_copy_that_was_changed_cut_or_sealed_for_another_is_refused(
    anna: Customer, boris: Customer
) -> None:
    number = PrivacyRequest(customer=anna).pk
    plain = bytes(range(256)) * 1024
    with export_files.Sealing(number, anna.key) as file:
        for start in range(0, len(plain), 1000):
            file.write(plain[start : start + 1000])
    file.publish()
    assert b"".join(export_files.opened(number, anna.key)) == plain
    path = export_files.path_of(number)
    whole = path.read_bytes()
    chunk, head = export_files.CHUNK + export_files.TAG, len(whole) % (export_files.CHUNK + export_files.TAG)
    assert head < chunk
    begins = 14 + export_files.SALT
    swapped = whole[:begins] + whole[begins + chunk : begins + 2 * chunk] + whole[begins : begins + chunk]
    for broken in (
        whole[:-1],
        whole[: begins + chunk],  # cut where a chunk ends
        whole[:500] + bytes([whole[500] ^ 1]) + whole[501:],
        swapped + whole[begins + 2 * chunk :],
    ):
        path.write_bytes(broken)
        with pytest.raises(export_files.Torn):
            b"".join(export_files.opened(number, anna.key))
    path.write_bytes(whole)
    with pytest.raises(export_files.Torn):
        b"".join(export_files.opened(number, boris.key))


def test_c12_an_objection_holds_at_once_needs_no_proof_and_cannot_be_refused(anna, sink) -> None:  # noqa: F811
    interest(anna)
    row = ask(anna, "objection")
    with pytest.raises(NotPossible, match="cannot be refused"):
        request_answers.refuse(row.pk, reason="We would rather not.", by="olga", at=timezone.now())
    request_work.work_at_once(row, at=timezone.now())
    row.refresh_from_db()
    assert row.state == "done"
    for purpose in ("marketing_email", "marketing_sms", "personalization", "partner_sharing"):
        assert not allows(anna, purpose), purpose
    assert allows(anna, "analytics")
    assert not Interest.objects.exists()
    assert {line["store"]: line["rows"] for line in row.steps if line["store"] != "mail"} == {
        "customers.ConsentRecord": 4,
        "recommender.Interest": 1,
        "recommender.ClusterMembership": 0,
        "recommender.Score": 0,
        "campaigns.UpliftScore": 0,
    }
    assert not ledger.verify().faults
    assert len(mailed(sink)) == 1


def test_a_restriction_denies_everything_and_is_lifted_only_after_the_person_was_told(anna, sink) -> None:  # noqa: F811
    row = worked(anna, "restriction")
    assert not any(allows(anna, purpose) for purpose in ("analytics", "marketing_email", "personalization"))
    assert len(mailed(sink)) == 1
    request_answers.ask_lifting(row.pk, by="olga", at=timezone.now())
    request_work.work_due(at=timezone.now())
    assert not allows(anna, "analytics")
    assert "we use your data again" in mailed(sink)[1]
    request_work.work_due(at=timezone.now())
    assert allows(anna, "analytics")
    row.refresh_from_db()
    lifted = requests.last_step(row, "restriction", "lifted")
    assert lifted is not None
    assert lifted["by"] == "olga"
    with pytest.raises(NotPossible, match="no restriction"):
        request_answers.ask_lifting(row.pk, by="olga", at=timezone.now())


def test_a_correction_waits_for_the_officer_and_then_is_what_is_held(anna, sink) -> None:  # noqa: F811
    row = worked(anna, "rectification", details={"name": "Anne", "email": "anne@mail.example"})
    assert row.state == "open"
    assert b"Anne" not in bytes(row.sealed)
    request_work.correct(row.pk, by="olga", at=timezone.now())
    anna.refresh_from_db()
    assert encryption.unseal(anna) == {"name": "Anne", "email": "anne@mail.example"}
    row.refresh_from_db()
    assert (row.state, bytes(row.sealed)) == ("done", b"")
    assert "Anne" not in json.dumps(row.steps)
    [text] = mailed(sink)
    assert sink.mails()[0]["To"] == "anne@mail.example"
    assert "Name, E-mail" in text
    with pytest.raises(NotPossible):
        request_work.correct(row.pk, by="olga", at=timezone.now())


def test_d2_an_erasure_leaves_its_evidence_and_says_so_by_a_last_mail(anna, sink) -> None:  # noqa: F811
    copied = worked(anna, "access")
    waiting = ask(anna, "portability")
    row = worked(anna, "erasure")
    anna.refresh_from_db()
    assert row.state == "done"
    assert anna.erased_at is not None
    assert not Identity.objects.filter(value="anna").exists()
    assert not export_files.is_there(copied.pk)
    stores = {line["store"]: line["what"] for line in row.steps}
    assert stores["customers.PersonKey"] == "destroyed"
    assert stores["customers.ConsentState"] == "deleted"
    assert b"anna@mail.example" not in bytes(row.sealed)
    mailed(sink)
    assert [mail["To"] for mail in sink.mails()] == ["anna@mail.example"]
    row.refresh_from_db()
    assert bytes(row.sealed) == b""
    assert row.customer is None
    tasks.tidy()
    waiting.refresh_from_db()
    assert waiting.state == "lapsed"
    assert mailed(sink)[1:] == []


def test_d2_the_address_of_a_last_mail_that_cannot_leave_is_forgotten(anna: Customer, settings) -> None:
    settings.EMAIL_URL = "smtp://127.0.0.1:9"
    row = worked(anna, "erasure")
    assert rights_mail.send_due(clock=timezone.now) == {"waiting": 1}
    assert bytes(PrivacyRequest.objects.get(pk=row.pk).sealed)
    request_work.blank_old_farewells(at=timezone.now() + 3 * DAY)
    assert bytes(PrivacyRequest.objects.get(pk=row.pk).sealed) == b""


def test_a_step_that_stands_there_is_not_done_twice(anna: Customer) -> None:
    row = worked(anna, "objection")
    steps = row.steps
    PrivacyRequest.objects.filter(pk=row.pk).update(state="working")
    assert request_work.work(row.pk, at=timezone.now())
    row.refresh_from_db()
    assert row.steps == steps
    assert ConsentRecord.objects.filter(customer_id=anna.pk, granted=False).count() == 4


def test_a_demand_follows_whoever_the_person_turned_out_to_be(anna: Customer, boris: Customer) -> None:
    row = proven(boris, "erasure")
    identities.merge(anna.pk, boris.pk, actor="tests", at=timezone.now())
    request_work.work_due(at=timezone.now())
    assert set(Customer.objects.filter(erased_at__isnull=False)) == {anna, boris}
    row.refresh_from_db()
    assert (row.state, row.customer_number) == ("done", anna.pk)


# --- the mails -----------------------------------------------------------------------------------------------


def test_answers_go_to_suppressed_addresses_too_and_advertise_nothing(anna, sink) -> None:  # noqa: F811
    Suppression.objects.create(channel="email", address_index=anna.email_index, reason="complaint")
    worked(anna, "access")
    [html] = mailed(sink, "html")
    assert "<img" not in html
    assert len(set(re.findall(r"https?://[^\s\"<]+", html))) == 1
    assert sink.mails()[0]["Auto-Submitted"] == "auto-generated"
    assert not PendingConsent.objects.exists()


def test_the_way_out_takes_nothing_but_a_letter(anna, sink) -> None:  # noqa: F811
    row = worked(anna, "restriction")
    letter = letters.Letter(row.pk, "done", at=timezone.now())
    with pytest.raises(letters.NotDue):
        letters.Letter(row.pk, "done", at=timezone.now())
    with Answering() as line, pytest.raises(WrongPermission):
        line.call("other@mail.example")
        line.answer(letter)
    assert sink.mails() == []


def test_a_refusal_says_why_where_to_complain_and_holds_no_link(anna, sink) -> None:  # noqa: F811
    row = proven(anna, "rectification", details={"name": "Anne"})
    for bad in ("", "no", "See https://shop.example/sale", "x" * 501):
        with pytest.raises(NotPossible):
            request_answers.refuse(row.pk, reason=bad, by="olga", at=timezone.now())
    request_answers.refuse(
        row.pk, reason="The invoice says Anna; it must stay.", by="olga", at=timezone.now()
    )
    [text] = mailed(sink)
    assert "The invoice says Anna; it must stay." in text
    assert "complain to the data protection authority" in text


def test_a_person_is_answered_in_their_language(sink) -> None:  # noqa: F811
    identities.save_profiles(
        [identities.Profile(id="mei", email="mei@mail.example", locale="zh-CN", country="CN")]
    )
    mei = Customer.objects.select_related("key").get(external_id="mei")
    worked(mei, "restriction")
    assert 'lang="zh-hans"' in mailed(sink, "html")[0]


# --- the API -------------------------------------------------------------------------------------------------


def test_s1_a_token_asks_for_and_sees_only_its_own(anna, boris, browser, server: Caller) -> None:
    as_anna, as_boris, nobody = browser("anna"), browser("boris"), browser("")
    made = as_anna("POST", "privacy-requests", {"customer": "anna", "type": "access"})
    assert (made.status, made.body["state"], made.body["customer"]) == (201, "unproven", "anna")
    again = as_anna("POST", "privacy-requests", {"customer": "anna", "type": "access"})
    assert (again.status, again.body["id"]) == (200, made.body["id"])
    assert as_boris("POST", "privacy-requests", {"customer": "anna", "type": "erasure"}).status == 403
    assert nobody("POST", "privacy-requests", {"customer": "anna", "type": "erasure"}).status == 403
    path = f"privacy-requests/{made.body['id']}"
    assert as_anna("GET", path).body == server("GET", path).body == made.body
    for other in (as_boris, nobody):
        assert other("GET", path).status == 404
        assert other("GET", f"{path}/download").status == 404
    assert PrivacyRequest.objects.count() == 1


def test_the_api_is_idempotent_and_says_what_cannot_be_asked(anna, server: Caller) -> None:
    body = {"customer": "anna", "type": "objection"}
    first = server("POST", "privacy-requests", body, **{"Idempotency-Key": "k"})
    assert (first.status, first.body["state"]) == (201, "done")
    replay = server("POST", "privacy-requests", body, **{"Idempotency-Key": "k"})
    assert replay.body == first.body
    assert replay.headers["Idempotent-Replayed"] == "true"
    assert PrivacyRequest.objects.count() == 1
    assert not allows(anna, "marketing_email")
    assert server("POST", "privacy-requests", {"customer": "nobody", "type": "access"}).status == 404
    assert server("POST", "privacy-requests", {"customer": "anna", "type": "gossip"}).status == 400
    assert server("POST", "privacy-requests", {"customer": "anna", "type": "rectification"}).status == 400


def test_the_api_gives_the_copy_once_it_is_made(anna, server: Caller, client: Client) -> None:
    made = server("POST", "privacy-requests", {"customer": "anna", "type": "portability"}).body
    path = f"privacy-requests/{made['id']}"
    assert server("GET", f"{path}/download").status == 404
    request_answers.prove_by_hand(made["id"], how="She stood in the shop.", by="olga", at=timezone.now())
    request_work.work_due(at=timezone.now())
    assert server("GET", path).body["download"] is True
    answer = client.get(f"/api/v1/{path}/download", headers=server.headers)
    assert answer["Cache-Control"] == "no-store"
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as whole:
        assert whole.namelist() == [exports.JSON_NAME, exports.CSV_NAME]


# --- people's pages --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("kind", ["rectification", "restriction", "objection", "portability"])
def test_u2_looking_asks_for_nothing_and_a_post_without_a_script_does(anna, client, kind, language) -> None:
    path = page(anna, f"ask/{kind}")
    for method in (client.get, client.head, client.options):
        assert method(path, query_params={"language": language}).status_code == 200
    assert not PrivacyRequest.objects.exists()
    said = {"name": "Anne"} if kind == "rectification" else {}
    answer = Client(enforce_csrf_checks=True).post(f"{path}?language={language}", said)
    assert answer.status_code == 200
    assert not answer.cookies
    row = PrivacyRequest.objects.get()
    assert (row.type, row.proven_by, row.source) == (kind, requests.BY_PAGE, "privacy page")
    assert row.state == ("done" if kind in ("restriction", "objection") else "open")
    assert str(row.get_type_display()) in client.get(page(anna)).content.decode().lower()


def test_the_page_lifts_a_restriction_at_once_and_offers_a_waiting_copy(anna, client) -> None:
    client.post(page(anna, "ask/restriction"))
    assert not allows(anna, "analytics")
    client.post(page(anna, "ask/restriction"), {"action": "lift"})
    assert allows(anna, "analytics")
    worked(anna, "portability")
    [link] = re.findall(
        r'href="https?://[^/]+(/privacy/copy/[^"?]+)', client.get(page(anna)).content.decode()
    )
    assert client.get(link).status_code == 200


def test_a_wrong_address_on_the_page_is_told_and_nothing_is_kept(anna, client) -> None:
    answer = client.post(page(anna, "ask/rectification"), {"email": "no address", "name": "<b>Anne"})
    assert answer.status_code == 400
    assert "This is not an e-mail address." in answer.content.decode()
    assert "&lt;b&gt;Anne" in answer.content.decode()
    [wrong] = re.findall(r"<input[^>]*aria-invalid[^>]*>", answer.content.decode())
    assert 'name="email"' in wrong, "a screen reader and the keyboard are led to the field"
    assert "autofocus" in wrong
    assert client.get(page(anna, "ask/erasure")).status_code == 404
    assert not PrivacyRequest.objects.exists()


# --- the desk --------------------------------------------------------------------------------------------------


@pytest.fixture
def officer(client: Client) -> Client:
    client.force_login(desk.staff())
    return client


def at_desk(row: PrivacyRequest, button: str) -> str:
    return reverse(f"admin:customers_privacyrequest_{button}", args=[row.pk])


def test_d5_the_queue_shows_the_overdue_first_and_home_raises_the_alarm(anna, boris, officer) -> None:
    done = worked(person("dora"), "restriction")
    late = proven(anna, "rectification", details={"name": "Anne"}, at=timezone.now() - 40 * DAY)
    soon = proven(boris, "access", at=timezone.now() - 27 * DAY)
    listed = officer.get(reverse("admin:customers_privacyrequest_changelist")).content.decode()
    places = [listed.index(f"/{row.pk}/") for row in (late, soon, done)]
    assert places == sorted(places)
    assert "days overdue" in listed
    url = reverse("admin:customers_privacyrequest_changelist")
    assert str(soon.pk) not in officer.get(url, {"clock": "overdue"}).content.decode()
    home = officer.get(reverse("admin:index")).content.decode()
    assert "1 privacy request is overdue by law." in home
    assert "1 correction waits for your yes." in home
    limited = User.objects.create_user("olga", password=desk.PASSWORD, is_staff=True)
    view, *_others = limited._meta.get_field("user_permissions").related_model.objects.filter(
        codename="view_privacyrequest"
    )
    limited.user_permissions.add(view)
    client = Client()
    client.force_login(limited)
    assert "1 privacy request is overdue by law." in client.get(reverse("admin:index")).content.decode()
    assert client.post(at_desk(late, "refuse"), {"reason": "I may only look."}).status_code == 403
    assert PrivacyRequest.objects.get(pk=late.pk).state == "open"


def test_the_officer_proves_extends_refuses_and_each_needs_its_reason(anna, officer) -> None:
    row = ask(anna, "access")
    assert officer.get(at_desk(row, "prove")).status_code == 200
    officer.post(at_desk(row, "prove"), {"reason": ""})
    assert PrivacyRequest.objects.get().state == "unproven"
    officer.post(at_desk(row, "prove"), {"reason": "Called back on the known number."})
    row.refresh_from_db()
    assert (row.state, row.proven_by) == ("open", "staff:marta")
    officer.post(at_desk(row, "extend"), {"reason": "Many requests came at once."})
    row.refresh_from_db()
    assert row.extended_reason == "Many requests came at once."
    officer.get(at_desk(row, "refuse"))
    officer.post(at_desk(row, "refuse"), {"reason": "Asked for twice a day for weeks."})
    row.refresh_from_db()
    assert (row.state, row.why) == ("refused", "Asked for twice a day for weeks.")
    assert [line.get("by") for line in row.steps] == ["marta"] * 3


def test_the_officer_sees_before_and_after_and_corrects(anna, officer) -> None:
    row = proven(anna, "rectification", details={"name": "Anne", "note": "My street is wrong too"})
    text = officer.get(at_desk(row, "correct")).content.decode()
    for word in ("Anna", "Anne", "My street is wrong too"):
        assert word in text
    assert encryption.unseal(Customer.objects.select_related("key").get(pk=anna.pk))["name"] == "Anna"
    officer.post(at_desk(row, "correct"))
    assert encryption.unseal(Customer.objects.select_related("key").get(pk=anna.pk))["name"] == "Anne"


def test_an_erasure_begun_by_hand_asks_first(anna, officer) -> None:
    row = proven(anna, "erasure")
    assert "cannot be undone" in officer.get(at_desk(row, "start")).content.decode()
    assert Customer.objects.get(pk=anna.pk).erased_at is None
    officer.post(at_desk(row, "start"))
    assert Customer.objects.get(pk=anna.pk).erased_at is not None
    assert officer.get(reverse("admin:customers_privacyrequest_change", args=[row.pk])).status_code == 200


def test_s4_the_register_names_nobody_and_holds_no_formula(anna, officer) -> None:
    row = proven(anna, "rectification", details={"name": "Anne"})
    request_answers.refuse(row.pk, reason="=HYPERLINK(1) is no name", by="olga", at=timezone.now())
    answer = officer.get(reverse("admin:customers_privacyrequest_register"))
    text = b"".join(answer.streaming_content).decode()
    [head, line] = list(csv.reader(io.StringIO(text)))
    told = dict(zip(head, line, strict=True))
    assert (told["type"], told["state"], told["customer_number"]) == (
        "rectification",
        "refused",
        str(anna.pk),
    )
    assert told["why"] == "'=HYPERLINK(1) is no name"
    assert "anna" not in text.casefold()
