"""Whatever key an entry was made with, nobody on the list is written to (C9, U7)."""

import base64
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.db import connection, transaction
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as rounds
from hypothesis import strategies as st

from campaigns import bounces
from campaigns.models import Bounce
from campaigns.reach import reachable
from campaigns.returned import Notice
from customers import encryption, identities, links, optin, privacy, reindexing, suppression
from customers.models import Customer, Suppression
from customers.suppression import Entry
from tests.conftest import NOW, person

pytestmark = pytest.mark.django_db


def key(name: str) -> str:
    return f"{name}:{base64.b64encode(name.encode().rjust(32, b'.')).decode()}"


OLD, NEW = key("old"), key("new")


def mark(pair: str) -> str:
    (only,) = encryption._index_keys(pair, (), ())
    return only.mark


@pytest.fixture(autouse=True)
def _old_settings(settings) -> None:
    settings.INDEX_KEY = OLD


def newer(settings) -> None:
    settings.INDEX_KEY, settings.INDEX_KEY_FALLBACKS = NEW, [OLD]


def behind(settings) -> None:
    """A process of the first step: it knows the new key and still makes everything with the old one."""
    settings.INDEX_KEY, settings.INDEX_KEY_FALLBACKS = OLD, [NEW]


def told(*people: Customer) -> set[str]:
    """Whom of these the gate holds back for the list's sake, asked for them together and alone."""
    reach = reachable([one.pk for one in people], channel="email", at=NOW)
    for one in people:
        alone = reachable([one.pk], channel="email", at=NOW)
        assert set(alone.suppressed) == reach.suppressed.keys() & {one.pk}
        assert suppression.is_listed(fresh(one)) == (one.pk in reach.suppressed)
    return {one.external_id for one in people if one.pk in reach.suppressed}


def fresh(one: Customer) -> Customer:
    return Customer.objects.select_related("key").get(pk=one.pk)


def said(number: str, kind: str) -> Notice:
    """What a provider says of Anna's address."""
    return Notice(number, "provider", kind, None, address="anna@mail.example", is_signed=True)


def willing(name: str) -> Customer:
    return person(name, allows=("marketing_email",))


def test_c9_who_refused_and_was_erased_stays_on_the_list_when_imported_after_a_rotation(
    settings, clara: Customer
) -> None:
    privacy.erase(clara.pk, actor="customer", at=NOW)
    newer(settings)
    again = willing("clara")
    assert told(again) == {"clara"}
    # Its address was seen: the entry is made anew, and needs the old key no more.
    row = Suppression.objects.get()
    assert (row.address_index, row.index_key, row.reason) == (again.email_index, mark(NEW), "unsubscribed")
    settings.INDEX_KEY_FALLBACKS = []
    assert told(fresh(again)) == {"clara"}


def test_c9_an_entry_waits_for_its_address_through_two_rotations(settings, clara: Customer) -> None:
    privacy.erase(clara.pk, actor="customer", at=NOW)
    newer(settings)
    reindexing.reindex()
    settings.INDEX_KEY, settings.INDEX_KEY_FALLBACKS = key("newest"), [NEW, OLD]
    reindexing.reindex()
    assert Suppression.objects.get().index_key == mark(OLD)
    assert told(willing("clara")) == {"clara"}
    assert Suppression.objects.get().index_key == mark(key("newest"))


@pytest.mark.parametrize("is_walked_past", [True, False])
def test_u7_a_bounce_that_a_process_of_older_settings_took_in_holds(settings, is_walked_past: bool) -> None:
    anna, boris = willing("anna"), willing("boris")
    if is_walked_past:
        newer(settings)
        reindexing.reindex()
    behind(settings)
    notice = said("b1", Bounce.Kind.HARD)
    bounces.take([notice], at=NOW)
    assert Suppression.objects.get().index_key == mark(OLD)
    assert told(anna, boris) == {"anna"}
    newer(settings)
    assert told(anna, boris) == {"anna"}
    reindexing.reindex()
    assert Suppression.objects.get().index_key == mark(NEW)
    settings.INDEX_KEY_FALLBACKS = []
    assert told(anna, boris) == {"anna"}


def test_u7_a_bounce_under_newer_settings_holds_for_who_has_not_been_moved(settings) -> None:
    anna = willing("anna")
    newer(settings)
    suppression.add("ANNA@mail.example", reason="hard_bounce", source="tests")
    assert (fresh(anna).index_key, Suppression.objects.get().index_key) == (mark(OLD), mark(NEW))
    assert told(anna) == {"anna"}
    behind(settings)
    assert told(anna) == {"anna"}


def test_u7_a_provider_s_complaint_finds_the_message_by_either_key(settings) -> None:
    anna = willing("anna")
    newer(settings)
    notice = said("c1", Bounce.Kind.COMPLAINT)
    bounces.take([notice], at=NOW)
    bounces.take([said("c2", Bounce.Kind.HARD)], at=NOW)
    assert Suppression.objects.get().reason == "complaint"
    assert told(anna) == {"anna"}


ADDRESSES = [f"p{n}" for n in range(4)]
DEEDS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["suppress", "erase", "import"]), st.sampled_from(ADDRESSES)),
        st.tuples(st.just("settings"), st.integers(0, 3)),
        st.tuples(st.sampled_from(["rotate", "reindex"]), st.just(0)),
    ),
    max_size=14,
)


@rounds(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deeds=DEEDS)
def test_c9_u7_however_keys_turn_who_was_listed_is_never_reached(
    settings, deeds: list[tuple[str, str | int]]
) -> None:
    """Keys are put in front, processes of any of the settings take turns, people go and come; the list holds."""
    with transaction.atomic():
        keys: list[str] = [OLD]
        listed: set[str] = set()
        settings.INDEX_KEY, settings.INDEX_KEY_FALLBACKS = OLD, []
        for name in ADDRESSES:
            willing(name)
        for deed, what in deeds:
            here = Customer.objects.filter(external_id=what).first() if isinstance(what, str) else None
            if deed == "rotate" and len(keys) < 4:
                keys.insert(0, key(f"k{len(keys)}"))
                settings.INDEX_KEY, settings.INDEX_KEY_FALLBACKS = keys[0], keys[1:]
            elif deed == "settings":
                first = keys[int(what) % len(keys)]
                settings.INDEX_KEY = first
                settings.INDEX_KEY_FALLBACKS = [one for one in keys if one != first]
            elif deed == "reindex":
                assert reindexing.reindex().left == {}
            elif deed == "suppress":
                suppression.add(f"{what}@mail.example", reason="complaint", source="tests")
                listed.add(what)
            elif deed == "erase" and here is not None:
                privacy.erase(here.pk, actor="tests", at=NOW)
            elif deed == "import" and here is None:
                willing(what)
            present = Customer.objects.present().filter(external_id__in=ADDRESSES)
            names = {one.external_id for one in present}
            assert told(*present) == listed & names
            for name in ADDRESSES:
                by = Customer.objects.filter(
                    email_index__in=encryption.blind_indexes("email", f"{name}@mail.example")
                )
                assert set(by.values_list("external_id", flat=True)) == names & {name}
        reindexing.reindex()
        assert Suppression.objects.count() == len(listed), "one entry an address, whatever keys made it"
        transaction.set_rollback(True)


def test_c9_of_two_entries_of_one_address_the_first_stays(settings) -> None:
    suppression.add("anna@mail.example", reason="complaint", source="first")
    newer(settings)
    place = suppression.place("anna@mail.example")
    assert place is not None
    row = Suppression.objects.create(
        channel="email", address_index=place.index, index_key=place.key, reason="manual", source="second"
    )
    Suppression.objects.filter(pk=row.pk).update(created_at=NOW + timedelta(days=999))
    other = suppression.place(
        "anna@mail.example", channel="sms"
    )  # the same words on another channel stay apart
    assert other is None or other.index != place.index
    assert suppression.gather([place]) == 2
    left = Suppression.objects.get()
    assert (left.source, left.address_index, left.index_key) == ("first", place.index, mark(NEW))
    assert suppression.gather([place]) == 0


def test_c9_one_key_costs_no_query_and_several_cost_four_however_many_there_are(
    settings, django_assert_num_queries
) -> None:
    names = [f"p{n}@mail.example" for n in range(60)]

    def entries() -> list[Entry]:
        return [Entry(place, "manual", "tests") for name in names if (place := suppression.place(name))]

    with django_assert_num_queries(3):  # a savepoint around one INSERT
        suppression.keep(entries())
    newer(settings)
    places = [entry.place for entry in entries()]
    with django_assert_num_queries(4):  # a savepoint, the reading, the writing
        assert suppression.gather(places) == 60
    with django_assert_num_queries(3):
        assert suppression.gather(places) == 0


def test_c9_the_gate_asks_two_queries_more_while_keys_change_for_any_number(
    settings, django_assert_num_queries
) -> None:
    many = [willing(f"p{n}").pk for n in range(30)]
    with django_assert_num_queries(2):
        reachable(many, channel="email", at=NOW)
    newer(settings)
    with django_assert_num_queries(4):
        reachable(many, channel="email", at=NOW)


def test_s7_looking_up_by_several_keys_is_one_walk_along_an_index(settings) -> None:
    newer(settings)
    indexes = encryption.blind_indexes("email", "anna@mail.example")
    place = suppression.place("anna@mail.example")
    assert place is not None
    questions = [
        Customer.objects.filter(email_index__in=indexes),
        suppression.of([place]).filter(channel="email"),
        Suppression.objects.filter(suppression.made_with_none_of([mark(NEW), mark(OLD)])).order_by(),
        Customer.objects.filter(suppression.made_with_none_of([mark(NEW), mark(OLD)])).order_by(),
    ]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
    for question in questions:
        plan = question.values("pk").explain()
        assert "index" in plan.lower(), plan
        assert "Seq Scan" not in plan, plan
        assert "SCAN customers" not in plan, plan


def test_s7_made_with_none_of_finds_every_other_mark(settings) -> None:
    for place, made in enumerate(("", "0a", "5", "5a", "9f", "ff")):
        Suppression.objects.create(address_index=str(place), index_key=made, reason="manual")

    def found(*marks: str) -> set[str]:
        return set(
            Suppression.objects.filter(suppression.made_with_none_of(marks)).values_list(
                "index_key", flat=True
            )
        )

    assert found() == {"0a", "5", "5a", "9f", "ff"}
    assert found("5a") == {"0a", "5", "9f", "ff"}
    assert found("ff", "0a", "9f") == {"5", "5a"}
    assert found("0a", "5", "5a", "9f", "ff") == set()


# --- what was made before a rotation, by the people who hold it -----------------------------------------------------


def test_u3_links_of_mails_sent_before_a_rotation_open_and_end_the_purpose(settings, anna: Customer) -> None:
    path = urlsplit(links.unsubscribe_url(anna, "marketing_email")).path
    newer(settings)
    reindexing.reindex()
    assert Client().post(path).status_code == 200
    assert not reachable([anna.pk], channel="email", at=NOW).permissions
    settings.INDEX_KEY_RETIRED, settings.INDEX_KEY_FALLBACKS = [OLD], []
    assert Client().post(path).status_code == 404


def test_c8_a_yes_asked_for_before_a_rotation_is_confirmed_after_it(settings, boris: Customer) -> None:
    waiting = optin.ask(boris, "marketing_email", source="tests", at=NOW)
    question = optin.Question(waiting.pk, at=NOW)
    newer(settings)
    reindexing.reindex()
    assert optin.confirm(question.token, at=NOW).granted
    identities.save_profiles([identities.Profile(id="boris", email="other@mail.example")])
    with pytest.raises((optin.Expired, optin.Used)):
        optin.confirm(question.token, at=NOW)


def test_c8_a_link_to_an_address_that_changed_since_expires_whatever_the_key(
    settings, boris: Customer
) -> None:
    waiting = optin.ask(boris, "marketing_email", source="tests", at=NOW)
    question = optin.Question(waiting.pk, at=NOW)
    newer(settings)
    identities.save_profiles([identities.Profile(id="boris", email="other@mail.example")])
    with pytest.raises(optin.Expired):
        optin.confirm(question.token, at=NOW)


def test_c9_nobody_on_the_list_is_asked_whatever_the_key(settings, boris: Customer) -> None:
    suppression.add("boris@mail.example", reason="complaint", source="tests")
    newer(settings)
    with pytest.raises(optin.NotAskable, match="suppression list"):
        optin.ask(fresh(boris), "marketing_email", source="tests", at=NOW)


def test_c9_the_person_s_page_and_export_tell_of_an_entry_of_an_earlier_key(settings, anna: Customer) -> None:
    suppression.add("anna@mail.example", reason="complaint", source="tests")
    newer(settings)
    page = Client().get(urlsplit(links.preferences_url(anna)).path)
    assert "do-not-write list" in page.content.decode()
    assert [row.reason for row in privacy.suppressions(fresh(anna))] == ["complaint"]


def test_c9_who_changes_to_a_listed_address_is_on_the_list(settings, anna: Customer) -> None:
    suppression.add("gone@mail.example", reason="hard_bounce", source="tests")
    newer(settings)
    identities.save_profiles([identities.Profile(id="anna", email="Gone@mail.example")])
    assert told(fresh(anna)) == {"anna"}
    assert Suppression.objects.get().index_key == mark(NEW)


def test_c9_a_refusal_kept_at_erasure_is_made_with_the_newest_key(settings, clara: Customer) -> None:
    newer(settings)
    privacy.erase(clara.pk, actor="customer", at=NOW)
    assert Suppression.objects.get().index_key == mark(NEW)
