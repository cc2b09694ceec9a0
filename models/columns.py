"""The columns of an instance, defined once as data.

Loading, checking, writing, ``datapackage.json`` and the documentation all read
this definition, so that a column has one name, one type, one unit and one
meaning everywhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any


class ColumnType(StrEnum):
    """The kinds of value a column can hold."""

    ID = "id"
    TEXT = "text"
    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    name
        Header of the column.
    type
        Kind of value.
    unit
        Unit of the value, empty for text and ids.
    description
        What the value means.
    required
        Whether the column must be there and every cell filled. A column that is
        not required may be absent, and its blank cells then mean `default`.
    default
        What a blank cell means; `None` stays missing.
    minimum, maximum
        Smallest and largest value allowed.
    positive
        Whether the value must be above zero.
    references
        Table whose rows the id must name.
    choices
        The closed list of values allowed, empty for any.
    """

    name: str
    type: ColumnType
    unit: str = ""
    description: str = ""
    required: bool = True
    default: Any = None
    minimum: float | None = None
    maximum: float | None = None
    positive: bool = False
    references: str | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """One table of an instance.

    Attributes
    ----------
    name
        File name without its suffix.
    description
        What a row is.
    columns
        The columns, in the order they are written.
    key
        Columns that together name a row; no two rows share them.
    optional
        Whether an instance may do without the table.
    open
        Whether further columns are welcome (the indicators that keys and comparisons use).
    """

    name: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    optional: bool = False
    open: bool = False

    def column(self, name: str) -> Column:
        """Return the column called `name`.

        Raises
        ------
        KeyError
            If the table defines no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


class MeasureKind(StrEnum):
    """What a measure creates."""

    DWELLINGS = "dwellings"
    TRANSIT = "transit"
    SERVICE = "service"


def _id(name: str, description: str, references: str | None = None, **more: Any) -> Column:
    return Column(name, ColumnType.ID, "", description, references=references, **more)


def _text(name: str, description: str, **more: Any) -> Column:
    return Column(name, ColumnType.TEXT, "", description, **more)


def _number(name: str, unit: str, description: str, **more: Any) -> Column:
    return Column(name, ColumnType.NUMBER, unit, description, **more)


def _count(name: str, unit: str, description: str, **more: Any) -> Column:
    return Column(name, ColumnType.INTEGER, unit, description, **more)


def _flag(name: str, description: str, **more: Any) -> Column:
    return Column(name, ColumnType.BOOLEAN, "", description, **more)


_BEDS = {"minimum": 1, "maximum": 99}

_DEFINITIONS = (
    Table(
        "municipalities",
        "A place that can be asked to settle refugees.",
        (
            _id("municipality_id", "Official number, as text (0301)."),
            _text("name", "Official name."),
            _id("county_id", "Official number of the county, as text."),
            _text("county", "Name of the county."),
            _number("latitude", "degrees", "Municipal centre, WGS84.", minimum=-90.0, maximum=90.0),
            _number(
                "longitude", "degrees", "Municipal centre, WGS84.", minimum=-180.0, maximum=180.0
            ),
            _count("population", "persons", "Inhabitants.", positive=True),
            _number(
                "previous_quota",
                "persons",
                "Persons asked or settled the year before; blank: none known.",
                required=False,
                minimum=0.0,
            ),
            _number(
                "credit",
                "persons",
                "Persons settled beyond earlier fair shares; negative: still owed.",
                required=False,
                default=0.0,
            ),
            _number(
                "max_quota",
                "persons",
                "Most persons that may be asked of it; blank: no such limit.",
                required=False,
                minimum=0.0,
            ),
            _flag(
                "minors_allowed",
                "Whether it can receive unaccompanied minors.",
                required=False,
                default=True,
            ),
        ),
        ("municipality_id",),
        open=True,
    ),
    Table(
        "sites",
        "A part of a municipality with its own housing and transport.",
        (
            _id("site_id", "Name of the site, unique in the instance."),
            _id("municipality_id", "Municipality it lies in.", "municipalities"),
            _text("name", "Name for people."),
            _number(
                "transit_seats",
                "persons per day",
                "Persons who can travel daily to services with today's transport; blank: no limit.",
                required=False,
                minimum=0.0,
            ),
        ),
        ("site_id",),
    ),
    Table(
        "dwellings",
        "Free dwellings of one size at one site.",
        (
            _id("site_id", "Site.", "sites"),
            _count("beds", "beds", "Size: persons of one household it can hold.", **_BEDS),
            _number("dwellings", "dwellings", "Free dwellings of this size.", minimum=0.0),
        ),
        ("site_id", "beds"),
    ),
    Table(
        "groups",
        "A kind of household with the same needs.",
        (
            _id("group_id", "Name of the group."),
            _text("name", "Name for people."),
            _count("beds", "beds", "Smallest dwelling that fits the household.", **_BEDS),
            _number(
                "persons_per_dwelling",
                "persons per dwelling",
                "Persons living in one dwelling; above household size where households share.",
                minimum=1.0,
            ),
            _number(
                "persons",
                "persons",
                "Expected nationally; scaled so that the groups add up to the target.",
                minimum=0.0,
            ),
            _number(
                "transit_share",
                "share",
                "Part of the group that needs daily transport.",
                minimum=0.0,
                maximum=1.0,
            ),
            _flag("integral", "Whether its municipal total is published, hence whole."),
            _flag("minors", "Whether the group are unaccompanied minors."),
        ),
        ("group_id",),
    ),
    Table(
        "services",
        "Something that persons use up places of.",
        (
            _id("service_id", "Name of the service."),
            _text("name", "Name for people."),
            _id("family", "Family it belongs to: health, education, …"),
            _text("unit", "What one unit of it is."),
        ),
        ("service_id",),
    ),
    Table(
        "needs",
        "What one person of a group uses of a service.",
        (
            _id("group_id", "Group.", "groups"),
            _id("service_id", "Service.", "services"),
            _number(
                "units_per_person",
                "units per person",
                "Units of the service that one person uses.",
                minimum=0.0,
            ),
        ),
        ("group_id", "service_id"),
    ),
    Table(
        "capacities",
        "Places of a service in a municipality.",
        (
            _id("municipality_id", "Municipality.", "municipalities"),
            _id("service_id", "Service.", "services"),
            _number(
                "capacity",
                "units",
                "Free units of the service; blank: no limit.",
                required=False,
                minimum=0.0,
            ),
        ),
        ("municipality_id", "service_id"),
    ),
    Table(
        "shared_capacities",
        "Places of a service that several municipalities share.",
        (
            _id("pool_id", "Name of the pool."),
            _id("service_id", "Service.", "services"),
            _number("capacity", "units", "Free units of the service in the pool.", minimum=0.0),
        ),
        ("pool_id",),
        optional=True,
    ),
    Table(
        "pool_members",
        "A municipality that draws on a pool.",
        (
            _id("pool_id", "Pool.", "shared_capacities"),
            _id("municipality_id", "Municipality.", "municipalities"),
        ),
        ("pool_id", "municipality_id"),
        optional=True,
    ),
    Table(
        "measures",
        "Something the state can buy to create capacity.",
        (
            _id("measure_id", "Name of the measure."),
            _text(
                "kind",
                "What it creates.",
                choices=tuple(kind.value for kind in MeasureKind),
            ),
            _id("site_id", "Site, for dwellings and transit.", "sites", required=False),
            _id(
                "municipality_id",
                "Municipality, for service places.",
                "municipalities",
                required=False,
            ),
            _count("beds", "beds", "Size of the dwellings it creates.", required=False, **_BEDS),
            _id("service_id", "Service whose places it creates.", "services", required=False),
            _number(
                "units_per_step",
                "dwellings, persons per day or units",
                "Capacity that one step creates.",
                positive=True,
            ),
            _number("cost_per_step", "currency", "Cost of one step.", minimum=0.0),
            _count("max_steps", "steps", "Most steps that can be bought.", minimum=0),
        ),
        ("measure_id",),
        optional=True,
    ),
    Table(
        "outcomes",
        "How likely a person of a group succeeds in a municipality.",
        (
            _id("municipality_id", "Municipality.", "municipalities"),
            _id("group_id", "Group.", "groups"),
            _number(
                "probability",
                "share",
                "Expected successes per person, e.g. work within a year.",
                minimum=0.0,
                maximum=1.0,
            ),
        ),
        ("municipality_id", "group_id"),
        optional=True,
    ),
)

TABLES: Mapping[str, Table] = MappingProxyType({table.name: table for table in _DEFINITIONS})
"""Every table of an instance by name, in the order they are written."""
