"""Instances that were read lately, so that a question about one need not read it again."""

import threading
from collections import OrderedDict

import sqlalchemy as sa

from api.execution.archives import packed, unpacked
from api.store import Store, instances
from models.instance import Instance

MOST_MUNICIPALITIES = 40_000
"""Municipalities of all instances that are kept at hand; the one asked for last always is."""


class Shelf:
    """Instances by id. They never change, so that one that was read stays true."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._held: OrderedDict[str, Instance] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, instance_id: str, connection: sa.Connection | None = None) -> Instance:
        """Return an instance that is stored."""
        with self._lock:
            if instance_id in self._held:
                self._held.move_to_end(instance_id)
                return self._held[instance_id]
        if connection is None:
            with self._store.reading() as reading:
                package = instances.package_of(reading, instance_id)
        else:
            package = instances.package_of(connection, instance_id)
        instance = unpacked(package)
        self.put(instance_id, instance)
        return instance

    def put(self, instance_id: str, instance: Instance) -> None:
        """Keep an instance at hand."""
        with self._lock:
            self._held[instance_id] = instance
            self._held.move_to_end(instance_id)
            while len(self._held) > 1 and self._weight() > MOST_MUNICIPALITIES:
                self._held.popitem(last=False)

    def _weight(self) -> int:
        return sum(len(one.municipalities) for one in self._held.values())


def stored(
    store: Store,
    shelf: Shelf,
    instance: Instance,
    warnings: list[dict[str, object]],
    by: str | None,
    name: str | None = None,
) -> tuple[str, bool]:
    """Store an instance under its own name or another; return its id and whether it is new."""
    about = {
        "name": name or instance.id,
        "sha256": instance.sha256,
        "title": instance.title,
        "year": instance.year,
        "target": instance.target,
        "currency": instance.currency,
        "municipalities": len(instance.municipalities),
        "warnings": warnings,
    }
    package = packed(instance)
    with store.writing() as connection:
        instance_id, new = instances.add(connection, about=about, package=package, created_by=by)
    shelf.put(instance_id, instance)
    return instance_id, new
