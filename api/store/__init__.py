"""What the service keeps: the database is the record of everything that was accepted."""

from api.store.database import Store, StoreFull, StoreUnavailable

__all__ = ["Store", "StoreFull", "StoreUnavailable"]
