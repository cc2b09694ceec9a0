"""An instance in a few lines for people."""

from collections.abc import Iterator

from models.columns import TABLES
from models.instance import Instance
from models.views import Grid, Part


def headline(instance: Instance) -> str:
    """Say which instance it is, and how much it holds."""
    count = len(instance.municipalities)
    return f"{instance.id}: {instance.title}, {count:,} municipalities"


def parts(instance: Instance) -> Iterator[Part]:
    """Yield what is asked, and which tables there are."""
    budget = instance.budget
    yield Grid(
        (),
        (
            ("year", str(instance.year)),
            ("target", f"{instance.target:,} persons"),
            ("budget", "no limit" if budget is None else f"{budget:,.0f} {instance.currency}"),
            ("inhabitants", f"{instance.municipalities['population'].sum():,}"),
            ("sha256", instance.sha256[:16]),
        ),
    )
    rows = [
        (name, f"{len(frame):,}", TABLES[name].description)
        for name, frame in instance.tables.items()
        if len(frame)
    ]
    yield Grid(("table", "rows", "one row"), tuple(rows), prose=(2,))
