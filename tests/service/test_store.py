"""The store keeps what it is given, whole or not at all, on both databases, whoever else writes."""

import datetime as dt
import hashlib
import itertools
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import StatementError

from api.store import Store, StoreChanged, instances, keys, proposals, requests, results, runs
from api.store.identifiers import new_id
from api.store.results import Result
from api.store.runs import Ending, State, Superseded
from api.store.tables import INSTANCES, RESULTS, RUNS, Json, Moment, Packed, now
from tests.service.databases import KINDS, at_once, database

pytestmark = pytest.mark.enable_socket
COUNT = itertools.count()
THREADS = 4
ROUND = sa.Table(
    "round_trip",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("moment", Moment),
    sa.Column("json", Json),
    sa.Column("packed", Packed),
)
SLOW_DATABASE = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module", params=KINDS)
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    for url in database(request.param, tmp_path_factory.mktemp("database")):
        made = Store(url)
        made.migrate()
        with made.writing() as connection:
            ROUND.create(connection)
        yield made
        made.close()


def added_instance(store: Store, name: str | None = None) -> str:
    with store.writing() as connection:
        return instances.add(connection, **content(name))[0]


def content(name: str | None = None) -> dict[str, Any]:
    number = next(COUNT)
    about = {
        "name": name or f"town-{number}",
        "sha256": hashlib.sha256(b"%d" % number).hexdigest(),
        "title": "Tønsberg",
        "year": 2024,
        "target": 120,
        "currency": "NOK",
        "municipalities": 3,
        "warnings": [{"detail": "Røros has no seats"}],
    }
    return {"about": about, "package": b"PK\0\1", "created_by": None}


def added(store: Store, **more: Any) -> str:
    """Add a run and return its id."""
    usual: dict[str, Any] = {
        "kind": "solve",
        "instance_id": more.pop("instance_id", None) or added_instance(store),
        "base_run_id": None,
        "name": None,
        "tags": [],
        "request": {"options": {"time_limit": 5.0}},
        "created_by": "key_1",
    }
    with store.writing() as connection:
        return runs.add(connection, **{**usual, **more})


def claimed(store: Store, run_id: str) -> str:
    """Begin an attempt and return its token."""
    with store.writing() as connection:
        found = runs.claim(connection, run_id)
    assert found is not None
    return found[0]


def finish(store: Store, run_id: str, token: str, ending: Ending) -> None:
    with store.writing() as connection:
        runs.finish(connection, run_id, token, ending)


def got(store: Store, run_id: str) -> dict[str, Any]:
    with store.reading() as connection:
        found = runs.get(connection, run_id)
    assert found is not None
    return found


def events(store: Store, run_id: str, after: int = 0) -> list[dict[str, Any]]:
    with store.reading() as connection:
        return runs.events(connection, run_id, after)


def answered(text: str, **more: Any) -> Ending:
    results = (Result("plan", "application/json", text.encode()),)
    return Ending(State.SUCCEEDED, plan_status="optimal", results=results, **more)


def kept(store: Store, run_id: str) -> str | None:
    with store.reading() as connection:
        found = results.get(connection, run_id, "plan")
    return None if found is None else found.content.decode()


# --- what goes in comes out


def round_trip(store: Store, column: str, value: Any) -> Any:
    with store.writing() as connection:
        connection.execute(ROUND.delete())
        connection.execute(ROUND.insert().values(**{column: value}))
    with store.reading() as connection:
        return connection.execute(sa.select(ROUND.c[column])).scalar_one()


@SLOW_DATABASE
@given(
    st.datetimes(
        min_value=dt.datetime(1900, 1, 1),  # noqa: DTZ001 - hypothesis puts the zone on
        max_value=dt.datetime(2200, 1, 1),  # noqa: DTZ001
        timezones=st.sampled_from([dt.UTC, *(dt.timezone(dt.timedelta(hours=h)) for h in (-9, 2))]),
    )
)
def test_a_moment_comes_back_in_utc(store: Store, moment: dt.datetime) -> None:
    found = round_trip(store, "moment", moment)
    assert found == moment
    assert found.utcoffset() == dt.timedelta(0)


def test_a_moment_without_a_time_zone_is_refused(store: Store) -> None:
    with pytest.raises(StatementError, match="has no time zone"):
        round_trip(store, "moment", dt.datetime(2024, 3, 1))  # noqa: DTZ001


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@SLOW_DATABASE
@given(_JSON)
def test_json_comes_back_as_it_was(store: Store, value: Any) -> None:
    assert round_trip(store, "json", value) == value


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"gap": [-float("inf")]}])
def test_json_without_a_meaning_is_refused(store: Store, value: Any) -> None:
    with pytest.raises(StatementError, match="not JSON compliant"):
        round_trip(store, "json", value)


@SLOW_DATABASE
@given(st.binary(max_size=2000))
def test_bytes_come_back_as_they_were(store: Store, value: bytes) -> None:
    assert round_trip(store, "packed", value) == value


def test_bytes_are_kept_compressed(store: Store) -> None:
    assert round_trip(store, "packed", b"quota," * 100_000) == b"quota," * 100_000
    length = sa.func.length(sa.type_coerce(ROUND.c.packed, sa.LargeBinary))
    with store.reading() as connection:
        assert 0 < connection.execute(sa.select(length)).scalar_one() < 10_000


@pytest.mark.parametrize("column", ["moment", "json", "packed"])
def test_nothing_stays_nothing(store: Store, column: str) -> None:
    assert round_trip(store, column, None) is None
    with store.reading() as connection:
        query = sa.select(ROUND.c.id).where(ROUND.c[column].is_(None))
        assert connection.execute(query).first() is not None


def test_ids_grow(store: Store) -> None:
    ids = [new_id("run") for _ in range(20_000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)
    with store.reading() as connection:  # as the database orders them, too
        names = sa.union_all(*(sa.select(sa.literal(one).label("id")) for one in ids[::-500]))
        found = connection.execute(sa.select(names.subquery().c.id).order_by("id")).scalars().all()
    assert found == sorted(ids[::-500])


def test_ids_of_several_threads_differ() -> None:
    made = at_once(THREADS, lambda place: [new_id("run") for _ in range(2000)])
    assert len({one for ids in made for one in ids}) == THREADS * 2000
    assert all(ids == sorted(ids) for ids in made)


# --- the first end stands


def test_a_run_from_beginning_to_end(store: Store) -> None:
    run_id = added(store, tags=["a", "b"], name="First")
    assert got(store, run_id)["state"] == "queued"
    token = claimed(store, run_id)
    with store.writing() as connection:
        runs.report(connection, run_id, token, {"phase": "solving"})
        assert runs.look(connection, run_id, token) is False
    began = got(store, run_id)
    assert (began["state"], began["attempts"]) == ("running", 1)
    assert began["progress"] == {"phase": "solving"}
    numbers = {"0101": {"quota": 5}, "0201": {"quota": 10}}
    finish(store, run_id, token, answered("the plan", numbers=numbers, headline={"gap": 0.0}))
    ended = got(store, run_id)
    assert (ended["state"], ended["plan_status"], ended["headline"]) == (
        "succeeded",
        "optimal",
        {"gap": 0.0},
    )
    assert ended["created_at"] <= ended["started_at"] <= ended["finished_at"] <= now()
    assert kept(store, run_id) == "the plan"
    with store.reading() as connection:
        assert results.number(connection, run_id, "0201") == {"quota": 10}
        assert results.number(connection, run_id, "0301") is None
    told = [(one["kind"], one["data"].get("state")) for one in events(store, run_id)]
    assert told == [
        ("state", "queued"),
        ("state", "running"),
        ("progress", None),
        ("state", "succeeded"),
    ]


def test_a_second_end_changes_nothing(store: Store) -> None:
    run_id = added(store)
    token = claimed(store, run_id)
    finish(store, run_id, token, answered("one"))
    before = got(store, run_id), events(store, run_id)
    other = Ending(State.FAILED, error=runs.failure("solver", "no"))
    for ending in (answered("two"), other):
        with pytest.raises(Superseded):
            finish(store, run_id, token, ending)
    with store.writing() as connection:
        assert runs.claim(connection, run_id) is None
        runs.request_cancel(connection, run_id)
        runs.end_cancelled(connection, run_id)
        runs.crashed(connection, run_id, {"exit_code": 1})
    assert (got(store, run_id), events(store, run_id)) == before
    assert kept(store, run_id) == "one"


def test_an_attempt_supersedes_the_one_before(store: Store) -> None:
    run_id = added(store)
    first, second = claimed(store, run_id), claimed(store, run_id)
    began = got(store, run_id)
    assert began["attempts"] == 2
    with store.writing() as connection:
        with pytest.raises(Superseded):
            runs.look(connection, run_id, first)
        with pytest.raises(Superseded):
            runs.report(connection, run_id, first, {"phase": "stale"})
    with pytest.raises(Superseded):
        finish(store, run_id, first, answered("one"))
    assert got(store, run_id)["progress"] is None
    assert kept(store, run_id) is None
    finish(store, run_id, second, answered("two"))
    assert kept(store, run_id) == "two"
    assert got(store, run_id)["started_at"] == began["started_at"]


def test_an_attempt_is_superseded_also_while_it_writes(store: Store) -> None:
    """The token is compared when the row is written, not when it was read."""
    run_id = added(store)
    first = claimed(store, run_id)
    found: list[Any] = []
    stale = threading.Thread(
        target=lambda: found.extend(
            at_once(1, lambda _: finish(store, run_id, first, answered("stale")))
        )
    )
    with store.writing() as connection:
        assert runs.claim(connection, run_id) is not None
        stale.start()
        stale.join(0.5)
        assert stale.is_alive(), "it waits for the other transaction"
    stale.join()
    assert [type(one) for one in found] == [Superseded]
    assert got(store, run_id)["state"] == "running"


def test_cancelling(store: Store) -> None:
    waits, begun = added(store), added(store)
    token = claimed(store, begun)
    for run_id in (waits, begun):
        with store.writing() as connection:
            runs.request_cancel(connection, run_id)
    assert got(store, waits)["state"] == "cancelled"
    with store.writing() as connection:
        assert runs.claim(connection, waits) is None
    assert got(store, begun)["state"] == "running"
    with store.reading() as connection:
        assert runs.look(connection, begun, token) is True
    asked = got(store, begun)["cancel_requested_at"]
    with store.writing() as connection:
        runs.request_cancel(connection, begun)
    assert got(store, begun)["cancel_requested_at"] == asked
    best = Result("plan", "application/json", b"best so far")
    finish(store, begun, token, Ending(State.CANCELLED, results=(best,)))
    assert (got(store, begun)["state"], kept(store, begun)) == ("cancelled", "best so far")


def test_an_end_after_a_cancellation_changes_nothing(store: Store) -> None:
    run_id = added(store)
    token = claimed(store, run_id)
    with store.writing() as connection:
        runs.end_cancelled(connection, run_id)
    assert got(store, run_id)["state"] == "running", "nobody asked for it"
    with store.writing() as connection:
        runs.request_cancel(connection, run_id)
        runs.end_cancelled(connection, run_id)
    with pytest.raises(Superseded):
        finish(store, run_id, token, answered("late", numbers={"0101": {}}))
    assert (got(store, run_id)["state"], kept(store, run_id)) == ("cancelled", None)
    assert [one["data"]["state"] for one in events(store, run_id)] == [
        "queued",
        "running",
        "cancelled",
    ]


def test_a_run_whose_process_always_ends_fails_in_the_end(store: Store) -> None:
    run_id = added(store)
    for _ in range(runs.MOST_ATTEMPTS):
        claimed(store, run_id)
    with store.writing() as connection:
        assert runs.claim(connection, run_id) is None
    ended = got(store, run_id)
    assert (ended["state"], ended["error"]["type"]) == ("failed", "lost")
    assert ended["attempts"] == runs.MOST_ATTEMPTS


def test_one_of_many_ends_is_kept(store: Store) -> None:
    run_id = added(store)
    token = claimed(store, run_id)

    def end(place: int) -> None:
        finish(store, run_id, token, answered(str(place), numbers={"0101": place}))

    found = at_once(THREADS, end)
    won = [place for place, error in enumerate(found) if error is None]
    assert len(won) == 1
    assert all(isinstance(one, Superseded) for one in found if one is not None)
    assert kept(store, run_id) == str(won[0])
    with store.reading() as connection:
        assert results.number(connection, run_id, "0101") == won[0]


def test_of_many_attempts_the_last_may_write(store: Store) -> None:
    run_id = added(store)
    tokens = at_once(THREADS, lambda place: claimed(store, run_id))
    assert got(store, run_id)["attempts"] == THREADS
    may = []
    for token in tokens:
        try:
            finish(store, run_id, token, answered(token))
            may.append(token)
        except Superseded:
            continue
    assert len(may) == 1
    assert kept(store, run_id) == may[0]


# --- transactions are whole


@pytest.mark.parametrize(
    "broken",
    [
        {"numbers": {"0101": {"quota": float("nan")}}},
        {"explanations": {"0101": object()}},
        {"error": {"type": float("inf")}},
        {"results": (Result("plan", "text", b"1"), Result("plan", "text", b"2"))},
        {"explanations": {"0101": {}}},  # there is no plan that they could explain
    ],
)
def test_an_end_that_fails_leaves_nothing_half_written(store: Store, broken: Any) -> None:
    run_id = added(store)
    token = claimed(store, run_id)
    before = got(store, run_id), events(store, run_id)
    usual: dict[str, Any] = {"results": (Result("plan", "text", b"1"),), "numbers": {"0101": {}}}
    with pytest.raises((StatementError, TypeError, StoreChanged)):
        finish(store, run_id, token, Ending(State.SUCCEEDED, **{**usual, **broken}))
    assert (got(store, run_id), events(store, run_id)) == before
    with store.reading() as connection:
        assert results.names(connection, run_id) == []
        assert results.number(connection, run_id, "0101") is None
    finish(store, run_id, token, answered("whole"))
    assert kept(store, run_id) == "whole"


def test_an_error_in_the_middle_takes_everything_back(store: Store) -> None:
    instance_id = added_instance(store)
    made: list[str] = []

    def work() -> None:
        with store.writing() as connection:
            usual: dict[str, Any] = {
                "base_run_id": None,
                "name": None,
                "tags": ["gone"],
                "created_by": None,
            }
            made.append(
                runs.add(connection, kind="solve", instance_id=instance_id, request={}, **usual)
            )
            requests.remember(connection, "key_1", "gone", "print", made[0])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        work()
    with store.reading() as connection:
        assert runs.get(connection, made[0]) is None
        assert requests.made_before(connection, "key_1", "gone", "other") is None
        assert runs.listed(connection, filters={"tag": "gone"}, before=None, number=5) == []


def test_a_reader_does_not_see_what_is_not_committed(store: Store) -> None:
    run_id = added(store)
    with store.writing() as writer:
        runs.request_cancel(writer, run_id)
        assert got(store, run_id)["state"] == "queued"
    assert got(store, run_id)["state"] == "cancelled"


# --- events


def test_events_are_numbered_without_holes_whoever_writes(store: Store) -> None:
    run_id = added(store)
    token = claimed(store, run_id)

    def write(place: int) -> None:
        for step in range(5):
            with store.writing() as connection:
                runs.report(connection, run_id, token, {"by": place, "step": step})

    assert at_once(THREADS, write) == [None] * THREADS
    found = events(store, run_id)
    assert [one["number"] for one in found] == list(range(1, 2 + THREADS * 5 + 1))
    told = [(one["data"]["by"], one["data"]["step"]) for one in found[2:]]
    assert sorted(told) == [(by, step) for by in range(THREADS) for step in range(5)]
    for by in range(THREADS):
        assert [step for one, step in told if one == by] == list(range(5))
    assert events(store, run_id, after=7) == found[7:]
    assert events(store, run_id, after=len(found)) == []


# --- requests that come twice


def asked(store: Store, caller: str, key: str | None, body: Any, instance_id: str) -> str:
    """Do as a route does that makes something."""
    print_ = requests.fingerprint("run", body)
    with store.writing() as connection:
        made = requests.made_before(connection, caller, key, print_)
        if made is None:
            usual: dict[str, Any] = {
                "base_run_id": None,
                "name": None,
                "tags": [],
                "created_by": caller,
            }
            made = runs.add(
                connection, kind="solve", instance_id=instance_id, request=body, **usual
            )
            requests.remember(connection, caller, key, print_, made)
    return made


def test_a_request_that_comes_again_makes_nothing_new(store: Store) -> None:
    instance_id = added_instance(store)
    first = asked(store, "key_1", "k", {"a": 1, "b": [2]}, instance_id)
    assert asked(store, "key_1", "k", {"b": [2], "a": 1}, instance_id) == first
    with pytest.raises(requests.OtherRequest):
        asked(store, "key_1", "k", {"a": 2}, instance_id)
    others = [
        asked(store, "key_2", "k", {"a": 2}, instance_id),
        asked(store, "key_1", "l", {"a": 1, "b": [2]}, instance_id),
        asked(store, "key_1", None, {"a": 1, "b": [2]}, instance_id),
        asked(store, "key_1", None, {"a": 1, "b": [2]}, instance_id),
    ]
    assert len({first, *others}) == 5


@pytest.mark.parametrize("again", range(5))
def test_a_request_that_comes_several_times_at_once_makes_one_thing(
    store: Store, again: int
) -> None:
    instance_id = added_instance(store)
    body = {"at": "once"}
    found = at_once(
        THREADS, lambda place: asked(store, "key_1", f"same {again}", body, instance_id)
    )
    assert len(set(found)) == 1, found
    with store.reading() as connection:
        query = sa.select(sa.func.count()).where(RUNS.c.instance_id == instance_id)
        assert connection.execute(query).scalar_one() == 1


# --- instances


def test_the_same_content_is_stored_once(store: Store) -> None:
    given = content("twice")
    with store.writing() as connection:
        instance_id, new = instances.add(connection, **given)
        again = instances.add(connection, **given)
    assert (new, again) == (True, (instance_id, False))
    with store.reading() as connection:
        assert instances.package_of(connection, instance_id) == given["package"]
        about = instances.find(connection, "twice")
        assert about == instances.find(connection, instance_id)
    assert about is not None
    assert about["warnings"] == given["about"]["warnings"]
    assert about["title"] == "Tønsberg"


@pytest.mark.parametrize("again", range(5))
def test_the_same_content_sent_several_times_at_once_is_stored_once(
    store: Store, again: int
) -> None:
    given = content("at-once")

    def send(place: int) -> Any:
        with store.writing() as connection:
            return instances.add(connection, **given)

    found = at_once(THREADS, send)
    assert sorted(new for _, new in found) == [False] * (THREADS - 1) + [True]
    assert len({one for one, _ in found}) == 1


def test_a_name_that_several_have_is_not_enough(store: Store) -> None:
    one, two = added_instance(store, "same"), added_instance(store, "same")
    with store.reading() as connection:
        with pytest.raises(instances.NotUnique) as caught:
            instances.find(connection, "same")
        assert instances.find(connection, "nobody") is None
        assert (instances.find(connection, two) or {})["id"] == two
    assert set(caught.value.ids) == {one, two}


def test_an_instance_in_use_stays(store: Store) -> None:
    used, free = added_instance(store), added_instance(store)
    added(store, instance_id=used)
    with store.writing() as connection:
        assert instances.delete(connection, used) is False
        assert instances.delete(connection, free) is True
    with store.reading() as connection:
        assert instances.find(connection, used) is not None
        assert instances.find(connection, free) is None
    with pytest.raises(StoreChanged):  # a run that was accepted while it was deleted
        added(store, instance_id=free)
    with pytest.raises(StoreChanged), store.writing() as connection:
        connection.execute(INSTANCES.delete().where(INSTANCES.c.id == used))


# --- lists


def test_pages_show_everything_once_while_more_is_added(store: Store) -> None:
    instance_id = added_instance(store)
    before = [added(store, instance_id=instance_id) for _ in range(25)]
    seen: list[str] = []
    cursor = None
    while True:
        with store.reading() as connection:
            page = runs.listed(
                connection, filters={"instance_id": instance_id}, before=cursor, number=10
            )
        if not page:
            break
        seen += [row["id"] for row in page]
        cursor = seen[-1]
        added(store, instance_id=instance_id)
    assert seen == before[::-1]


def test_runs_are_found_by_what_they_are(store: Store) -> None:
    instance_id = added_instance(store)
    base = added(store, instance_id=instance_id, tags=["old"])
    other = added(
        store,
        instance_id=instance_id,
        kind="explain",
        base_run_id=base,
        tags=["old", "new"],
        created_by="key_9",
    )
    claimed(store, other)

    def found(**filters: Any) -> list[str]:
        with store.reading() as connection:
            mine = {"instance_id": instance_id, **filters}
            return [
                row["id"] for row in runs.listed(connection, filters=mine, before=None, number=9)
            ]

    assert found() == [other, base]
    assert found(tag="old") == [other, base]
    assert found(tag="new") == found(kind="explain") == found(state="running") == [other]
    assert found(base_run_id=base) == found(created_by="key_9") == [other]
    assert found(state="queued") == [base]
    assert found(tag="none") == []


def test_places_in_the_queue(store: Store) -> None:
    ids = [added(store) for _ in range(3)]
    first = got(store, ids[0])["position"]
    assert [got(store, one)["position"] - first for one in ids] == [0, 1, 2]
    claimed(store, ids[0])
    assert got(store, ids[0])["position"] is None
    assert [got(store, one)["position"] - first for one in ids[1:]] == [0, 1]


# --- pages, proposals and answers


@pytest.mark.parametrize("again", range(5))
def test_a_page_that_is_made_twice_is_kept_once(store: Store, again: int) -> None:
    run_id = added(store)
    finish(store, run_id, claimed(store, run_id), answered("the plan"))

    def keep(place: int) -> None:
        with store.writing() as connection:
            results.keep_page(
                connection, run_id, Result("page-html-nb", "text/html", b"%d" % place)
            )

    assert at_once(THREADS, keep) == [None] * THREADS
    with store.reading() as connection:
        found = results.get(connection, run_id, "page-html-nb")
        names = connection.execute(sa.select(RESULTS.c.name).where(RESULTS.c.run_id == run_id))
        assert sorted(names.scalars()) == ["page-html-nb", "plan"]
    keep(9)
    with store.reading() as connection:
        assert results.get(connection, run_id, "page-html-nb") == found


def proposed(store: Store) -> str:
    run_id = added(store)
    said = {"title": "2024", "message": "Please answer.", "author": "Ministry"}
    with store.writing() as connection:
        return proposals.add(
            connection, run_id=run_id, answer_by=dt.date(2024, 5, 1), created_by=None, **said
        )


def answer(store: Store, proposal_id: str, municipality_id: str, persons: int) -> str:
    said: dict[str, Any] = {
        "author": "council",
        "date": dt.date(2024, 3, 1),
        "reason": "as resolved",
    }
    with store.writing() as connection:
        return proposals.answer(
            connection,
            proposal_id=proposal_id,
            municipality_id=municipality_id,
            answer="counter",
            persons=persons,
            capacities=[{"family": "housing", "capacity": 3.5}],
            created_by="key_1",
            **said,
        )


def test_answers_stand_beside_each_other_and_the_last_is_marked(store: Store) -> None:
    proposal_id, other = proposed(store), proposed(store)
    ids = [
        answer(store, proposal_id, m, persons)
        for m, persons in (("0101", 1), ("0201", 2), ("0101", 3), ("0301", 4), ("0101", 5))
    ]
    answer(store, other, "0101", 6)

    def listed(**more: Any) -> list[tuple[str, int, bool]]:
        with store.reading() as connection:
            rows = proposals.answers(connection, proposal_id, **more)
        return [(row["municipality_id"], row["persons"], row["latest"]) for row in rows]

    everything = [
        ("0101", 1, False),
        ("0201", 2, True),
        ("0101", 3, False),
        ("0301", 4, True),
        ("0101", 5, True),
    ]
    assert listed() == everything
    assert listed(number=3) == everything[:3], "marked by all, not by those on the page"
    assert listed(after=ids[2]) == everything[3:]
    assert listed(municipality_id="0101") == [one for one in everything if one[0] == "0101"]
    with store.reading() as connection:
        found = proposals.answers_by_id(connection, [ids[1], "ans_none"])
    assert list(found) == [ids[1]]
    assert found[ids[1]]["capacities"] == [{"family": "housing", "capacity": 3.5}]
    assert found[ids[1]]["date"] == dt.date(2024, 3, 1)


def test_steps_of_a_proposal_are_numbered_whoever_adds_them(store: Store) -> None:
    proposal_id = proposed(store)

    def add(place: int) -> None:
        with store.writing() as connection:
            proposals.step(connection, proposal_id, "withdrawn", "Ministry", str(place), None)

    assert at_once(THREADS, add) == [None] * THREADS
    with store.reading() as connection:
        found = proposals.get(connection, proposal_id)
    assert found is not None
    assert [one["number"] for one in found["steps"]] == list(range(1, THREADS + 2))
    assert found["steps"][0]["kind"] == "published"


# --- keys


def test_a_key_is_not_in_the_database(store: Store) -> None:
    with store.writing() as connection:
        key_id, secret = keys.make(connection, name="Ministry", role="planner")
    with store.reading() as connection:
        row = keys.find(connection, secret)
        assert row is not None
        assert row["id"] == key_id
        assert not any(secret in str(value) or secret[4:] in str(value) for value in row.values())
        assert keys.find(connection, secret + "x") is None
        assert keys.find(connection, row["secret_sha256"]) is None


def test_keys_that_may_be_used(store: Store) -> None:
    with store.writing() as connection:
        for row in keys.listed(connection):
            keys.revoke(connection, row["id"])
        assert not keys.any_usable(connection)
        late = now() - dt.timedelta(seconds=1)
        keys.make(connection, name="late", role="planner", expires_at=late)
        assert not keys.any_usable(connection)
        soon = now() + dt.timedelta(seconds=60)
        key_id, _ = keys.make(connection, name="soon", role="planner", expires_at=soon)
        assert keys.any_usable(connection)
        assert keys.revoke(connection, key_id)
        assert not keys.revoke(connection, key_id), "it was revoked before"
        assert not keys.revoke(connection, "key_none")
        assert not keys.any_usable(connection)
