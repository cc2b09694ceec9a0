"""Migrations bring an empty database to the tables of the code, and back, on both databases."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from api.store import Store, StoreUnavailable, keys
from api.store.tables import KEYS, METADATA
from tests.service.databases import KINDS, at_once, database

pytestmark = pytest.mark.enable_socket
VERSION = "alembic_version"


@pytest.fixture(scope="module", params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from database(request.param, tmp_path_factory.mktemp("database"))


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """A store without tables."""
    made = Store(url)
    with made.writing() as connection:
        METADATA.drop_all(connection)
        connection.execute(sa.text(f"DROP TABLE IF EXISTS {VERSION}"))
    yield made
    made.close()


def tables_of(store: Store) -> set[str]:
    with store.reading() as connection:
        return set(sa.inspect(connection).get_table_names())


def test_the_migrated_tables_are_those_of_the_code(store: Store) -> None:
    store.migrate()
    assert store.is_current
    with store.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
        seen = sa.inspect(connection)
        assert set(seen.get_table_names()) == {*METADATA.tables, VERSION}
        # What the comparison does not look at: primary keys, their names, and foreign keys' names.
        for name, table in METADATA.tables.items():
            key = seen.get_pk_constraint(name)
            assert key["constrained_columns"] == [one.name for one in table.primary_key]
            assert key["name"] == table.primary_key.name == f"pk_{name}"
            found = seen.get_foreign_keys(name)
            links = {(one["name"], *one["constrained_columns"]) for one in found}
            known = {(one.name, *one.column_keys) for one in table.foreign_key_constraints}
            assert links == known


def test_the_comparison_sees_what_differs(store: Store) -> None:
    store.migrate()
    with store.writing() as connection:
        connection.execute(sa.text("DROP INDEX ix_answers_proposal_id"))
        connection.execute(sa.text("ALTER TABLE keys ADD COLUMN more INTEGER"))
        found = compare_metadata(MigrationContext.configure(connection), METADATA)
    assert {one[0] for one in found} == {"add_index", "remove_column"}


def test_down_and_up_again(store: Store) -> None:
    store.migrate()
    with store.writing() as connection:
        keys.make(connection, name="somebody", role="planner")
    store.migrate("base")
    assert tables_of(store) == {VERSION}
    assert not store.is_current
    store.migrate("base")
    assert tables_of(store) == {VERSION}
    store.migrate()
    with store.reading() as connection:
        assert connection.execute(sa.select(KEYS)).all() == []
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_migrating_again_changes_nothing(store: Store) -> None:
    store.migrate()
    with store.writing() as connection:
        key_id, _ = keys.make(connection, name="somebody", role="planner")
    store.migrate()
    store.migrate("0001")
    with store.reading() as connection:
        assert [row["id"] for row in keys.listed(connection)] == [key_id]


def test_services_that_start_at_once_migrate_once(store: Store, url: str) -> None:
    def start(place: int) -> bool:
        own = Store(url)
        try:
            own.migrate()
            return own.is_current
        finally:
            own.close()

    assert at_once(4, start) == [True] * 4


def test_a_migration_that_fails_leaves_nothing_behind(store: Store) -> None:
    with store.writing() as connection:  # the first migration makes other tables before this one
        connection.execute(sa.text("CREATE TABLE runs (id INTEGER)"))
    with pytest.raises((StoreUnavailable, sa.exc.ProgrammingError)):
        store.migrate()
    assert tables_of(store) == {"runs"}


def test_moments_keep_their_time_zone_where_there_is_one(store: Store) -> None:
    store.migrate()
    with store.reading() as connection:
        seen = sa.inspect(connection)
        types = [one["type"] for name in METADATA.tables for one in seen.get_columns(name)]
    kept = [one.timezone for one in types if isinstance(one, sa.DateTime)]
    # SQLite has none; it is put back when a moment is read.
    assert kept == [not store.is_sqlite] * len(kept) != []
