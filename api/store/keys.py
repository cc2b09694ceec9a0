"""Keys in the database: only what proves one, never the key itself."""

import datetime as dt
import hashlib
import secrets
from typing import Any

import sqlalchemy as sa

from api.store.identifiers import new_id
from api.store.tables import KEYS, now

PREFIX = "alk_"
"""What every key begins with, so that one that leaked is found in a text."""


def make(
    connection: sa.Connection,
    *,
    name: str,
    role: str,
    municipality_id: str | None = None,
    expires_at: dt.datetime | None = None,
) -> tuple[str, str]:
    """Add a key; return its id and the key, which cannot be read again.

    A key is 256 random bits, which nobody can guess: one round of SHA-256 keeps it safe.
    """
    key_id, secret = new_id("key"), PREFIX + secrets.token_urlsafe(32)
    connection.execute(
        KEYS.insert().values(
            id=key_id,
            name=name,
            role=role,
            municipality_id=municipality_id,
            secret_sha256=fingerprint(secret),
            created_at=now(),
            expires_at=expires_at,
        )
    )
    return key_id, secret


def fingerprint(secret: str) -> str:
    """Return what is stored of a key."""
    return hashlib.sha256(secret.encode()).hexdigest()


def find(connection: sa.Connection, secret: str) -> dict[str, Any] | None:
    """Return the key that has this secret, whether or not it may still be used."""
    query = sa.select(KEYS).where(KEYS.c.secret_sha256 == fingerprint(secret))
    row = connection.execute(query).mappings().first()
    return None if row is None else dict(row)


def listed(connection: sa.Connection) -> list[dict[str, Any]]:
    """Return all keys, oldest first."""
    query = sa.select(KEYS).order_by(KEYS.c.id)
    return [dict(row) for row in connection.execute(query).mappings()]


def any_usable(connection: sa.Connection) -> bool:
    """Tell whether there is a key that may be used."""
    query = sa.select(KEYS.c.id).where(
        KEYS.c.revoked_at.is_(None),
        sa.or_(KEYS.c.expires_at.is_(None), KEYS.c.expires_at > now()),
    )
    return connection.execute(query.limit(1)).first() is not None


def revoke(connection: sa.Connection, key_id: str) -> bool:
    """Take a key back; return whether there was one that had not been."""
    done = connection.execute(
        KEYS.update()
        .where(KEYS.c.id == key_id, KEYS.c.revoked_at.is_(None))
        .values(revoked_at=now())
    )
    return done.rowcount == 1
