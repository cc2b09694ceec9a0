"""What the service keeps: the database is the record of everything that was accepted."""

from api.store.database import Store, StoreChanged, StoreFull, StoreUnavailable

__all__ = ["Store", "StoreChanged", "StoreFull", "StoreUnavailable"]
