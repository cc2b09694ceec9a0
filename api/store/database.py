"""One database: connections, transactions, migrations, and what its errors mean.

SQLite by default, PostgreSQL where several machines write.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

BUSY_SECONDS = 10
"""Seconds that a writer waits for another one on SQLite."""
_WRITES = "allocator_writes"


class StoreUnavailable(Exception):  # noqa: N818 - the name says it best
    """The database does not answer; the same request may succeed later."""


class StoreFull(StoreUnavailable):
    """There is no room left for what was to be stored; nothing of it was."""


class StoreChanged(Exception):  # noqa: N818 - the name says it best
    """What a request rests on went away while it was served; sent again, it is told so."""


class Store:
    """The database of the service.

    Parameters
    ----------
    url
        ``sqlite:///service.db`` or ``postgresql+psycopg://user@host/name``.
    pool
        Connections that are kept, and on PostgreSQL the most at once.
    """

    def __init__(self, url: str, *, pool: int = 10) -> None:
        self.url = url
        made = sa.make_url(url)
        self.is_sqlite = made.get_backend_name() == "sqlite"
        options: dict[str, Any] = {"pool_pre_ping": not self.is_sqlite, "pool_size": pool}
        if self.is_sqlite:
            if made.database and not Path(made.database).parent.is_dir():
                raise FileNotFoundError(f"there is no folder {Path(made.database).parent}")
            options["connect_args"] = {"timeout": BUSY_SECONDS, "check_same_thread": False}
        else:
            options["connect_args"] = {"connect_timeout": 3}
            options |= {"max_overflow": 0, "pool_timeout": 5}
        self.engine = sa.create_engine(made, **options)
        if self.is_sqlite:
            sa.event.listen(self.engine, "connect", _prepare_sqlite)
            sa.event.listen(self.engine, "begin", _begin_sqlite)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Give a connection to read from.

        Raises
        ------
        StoreUnavailable
            If the database does not answer.
        """
        with _told(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Give a connection in a transaction, which is committed at the end or not at all.

        Raises
        ------
        StoreUnavailable, StoreFull
            If the database does not take it.
        StoreChanged
            If what it rests on is not there any more.
        """
        # On SQLite a transaction that reads before it writes must be a writer from the start.
        with _told(), self.engine.connect() as connection:
            connection = connection.execution_options(**{_WRITES: True})
            with connection.begin():
                yield connection

    def migrate(self, revision: str = "head") -> None:
        """Bring the tables to a revision (``base``: none at all)."""
        with self.writing() as connection:
            alone(connection, "migration")  # several processes may start at once; one migrates
            config = _config()
            config.attributes["connection"] = connection
            current = MigrationContext.configure(connection).get_current_revision()
            if revision == "base" or (current is not None and _is_older(revision, current)):
                command.downgrade(config, revision)
            else:
                command.upgrade(config, revision)

    @property
    def is_current(self) -> bool:
        """Whether the tables are those that this code knows."""
        with self.reading() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
        return current == ScriptDirectory.from_config(_config()).get_current_head()

    def close(self) -> None:
        """Let all connections go."""
        self.engine.dispose()


def alone(connection: sa.Connection, what: str) -> None:
    """Wait until no other transaction does `what`; others wait until this transaction ends.

    What is looked up afterwards holds until then, also where it is that something is not there.
    On SQLite a writer is alone anyway.
    """
    if connection.dialect.name == "postgresql":
        number = int.from_bytes(hashlib.sha256(what.encode()).digest()[:8], signed=True)
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(number)))


@contextmanager
def _told() -> Iterator[None]:
    """Turn what a driver raises into what it means here."""
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        said = str(getattr(error, "orig", None) or error)
        if "disk is full" in said or "No space left" in said or "disk I/O error" in said:
            raise StoreFull("the database has no room left") from error
        raise StoreUnavailable("the database does not answer") from error
    except DBAPIError as error:
        if _is_link_broken(error):
            raise StoreChanged("what this rests on was changed meanwhile") from error
        if error.connection_invalidated:
            raise StoreUnavailable("the database does not answer") from error
        raise


def _is_link_broken(error: DBAPIError) -> bool:
    """Tell whether a row refers to one that is not there (foreign keys)."""
    if getattr(error.orig, "sqlstate", None) == "23503":
        return True
    return "FOREIGN KEY constraint failed" in str(error.orig)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _is_older(revision: str, than: str) -> bool:
    if revision == "head":
        return False
    script = ScriptDirectory.from_config(_config())
    below = {one.revision for one in script.iterate_revisions(than, "base")}
    return revision in below - {than}


def _prepare_sqlite(connection: Any, record: Any) -> None:
    connection.isolation_level = None  # transactions begin where we say, see `_begin_sqlite`
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
