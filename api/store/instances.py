"""Instances in the database: by content, so that the same one is stored once."""

from typing import Any

import sqlalchemy as sa

from api.store.database import alone
from api.store.tables import INSTANCES, RUNS, now

_SHORT = 12
"""Characters of the fingerprint in an id."""
_LIGHT = [column for column in INSTANCES.c if column.name != "package"]


class NotUnique(Exception):  # noqa: N818 - the name says it best
    """Several instances have the name; `ids` are theirs."""

    def __init__(self, name: str, ids: list[str]) -> None:
        self.name, self.ids = name, ids
        super().__init__(name, ids)


def add(
    connection: sa.Connection, *, about: dict[str, Any], package: bytes, created_by: str | None
) -> tuple[str, bool]:
    """Store an instance; return its id and whether it is new.

    Parameters
    ----------
    about
        name, sha256, title, year, target, currency, municipalities, warnings.
    package
        A zip of its folder.
    """
    alone(connection, f"instance {about['sha256']}")
    query = sa.select(INSTANCES.c.id).where(INSTANCES.c.sha256 == about["sha256"])
    known = connection.execute(query).scalar_one_or_none()
    if known is not None:
        return str(known), False
    instance_id = f"{about['name']}-{about['sha256'][:_SHORT]}"
    values = {**about, "id": instance_id, "package": package}
    connection.execute(INSTANCES.insert().values(**values, created_at=now(), created_by=created_by))
    return instance_id, True


def find(connection: sa.Connection, named: str) -> dict[str, Any] | None:
    """Return the instance of this id, or of this name if only one has it.

    Raises
    ------
    NotUnique
        If several have the name.
    """
    query = sa.select(*_LIGHT)
    row = connection.execute(query.where(INSTANCES.c.id == named)).mappings().first()
    if row is not None:
        return dict(row)
    rows = connection.execute(query.where(INSTANCES.c.name == named)).mappings().all()
    if len(rows) > 1:
        raise NotUnique(named, [row["id"] for row in rows])
    return dict(rows[0]) if rows else None


def package_of(connection: sa.Connection, instance_id: str) -> bytes:
    """Return the zip of an instance's folder."""
    query = sa.select(INSTANCES.c.package).where(INSTANCES.c.id == instance_id)
    return bytes(connection.execute(query).scalar_one())


def listed(connection: sa.Connection, *, after: str | None, number: int) -> list[dict[str, Any]]:
    """Return at most `number` instances in the order of ids, after one of them."""
    query = sa.select(*_LIGHT).order_by(INSTANCES.c.id).limit(number)
    if after is not None:
        query = query.where(INSTANCES.c.id > after)
    return [dict(row) for row in connection.execute(query).mappings()]


def delete(connection: sa.Connection, instance_id: str) -> bool:
    """Delete an instance that no run uses; return whether it was deleted."""
    used = sa.select(RUNS.c.id).where(RUNS.c.instance_id == instance_id).limit(1)
    if connection.execute(used).first() is not None:
        return False
    connection.execute(INSTANCES.delete().where(INSTANCES.c.id == instance_id))
    return True
