"""What an explanation is made of: plain frozen types with a JSON form."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from models.views import Part, Shown


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )


class Cause(StrEnum):
    """What a step of the chain is caused by; a family of services stands under its own name."""

    POPULATION = "population"
    """The share of the inhabitants."""
    KEY = "key"
    """The key of the policy instead of the inhabitants."""
    CREDITS = "credits"
    """Over- and under-delivery of earlier years, reception centres."""
    LOTS = "lots"
    """Whole lots and the floor, by apportionment, as if everybody had room."""
    POLICY = "policy"
    """Limits and decisions of the policy and of the instance on this municipality."""
    HOUSING = "housing"
    """Free dwellings here."""
    TRANSPORT = "transport"
    """Seats of today's transport here."""
    OTHERS = "others"
    """What others cannot take, or take instead."""
    MEASURES = "measures"
    """What the state buys, here and elsewhere."""


class Step(_Part):
    """One step of the chain from the share of the inhabitants to the quota."""

    cause: str
    """A `Cause`, or the family of a service."""
    change: float
    """Persons that this cause adds or takes away."""
    persons: float
    """Persons after it."""


class Limit(_Part):
    """A capacity of the municipality, or of a pool it belongs to."""

    family: str
    """housing, transport, or the family of a service."""
    site_id: str | None
    """Site, for housing and transport."""
    item: str
    """Beds (dwellings of at least that many), service or pool."""
    name: str
    """The instance's name for it; blank for dwellings and seats."""
    used: float
    """Units used: dwellings, seats, places."""
    capacity: float
    """Units there are, measures included."""
    slack: float
    """What is left; negative where overloaded."""
    binding: bool
    """Whether nothing is left."""


class Similar(_Part):
    """A municipality that is like the one explained."""

    municipality_id: str
    name: str
    population: int
    """Inhabitants."""
    quota: int
    """Persons asked."""
    ratio: float | None
    """Quota ÷ fair share; none without a fair share."""
    per_1000: float
    """Persons asked per 1,000 inhabitants."""


class Uniqueness(_Part):
    """Between which numbers every plan as good as this one lies."""

    fewest: int
    """No plan that is proven as good asks fewer persons here."""
    most: int
    """No plan that is proven as good asks more persons here."""


class Change(_Part):
    """What another capacity would do to the quota."""

    family: str
    """Whose capacity: housing, transport, or the family of a service."""
    site_id: str | None
    """Site, for housing and transport."""
    item: str
    """Beds (dwellings of at least that many), service or pool."""
    name: str
    """The instance's name for it; blank for dwellings and seats."""
    units: float
    """Units added: dwellings, seats, places."""
    quota: int
    """Persons that would be asked."""
    change: int
    """The same less the quota of the plan."""
    confirmed: bool | None
    """Whether a full solve found a plan with that number, as good as this one or better;
    none: nothing changes, which needs no confirmation."""


class Unaided(_Part):
    """What would change the number if the state bought no measures anywhere."""

    quota: int
    """Persons asked then."""
    changes: tuple[Change, ...]
    """What more of each capacity would do to it."""


class Bought(_Part):
    """A measure that the plan buys in the municipality; the capacities count it."""

    family: str
    """housing, transport, or the family of a service."""
    site_id: str | None
    """Site, for housing and transport."""
    item: str
    """Beds of the dwellings, or the service; blank for seats."""
    name: str
    """The instance's name for it; blank for dwellings and seats."""
    units: float
    """Units it adds: dwellings, seats, places."""
    cost: float
    """What they cost, in currency."""


class Explanation(Shown, _Part):
    """Why a municipality is asked for its number, and what would change it.

    The steps add up: the persons after each are those before it and its change, and the last
    is the quota. `model_dump_json` and `model_validate_json` are a round trip.
    """

    municipality_id: str
    name: str
    instance: str
    """Id of the instance."""
    sha256: str
    """Its fingerprint."""
    population: int
    """Inhabitants."""
    quota: int
    """Persons asked."""
    fair_share: float
    """Persons by the key, after credits."""
    key: str
    """Key of the policy."""
    step: int
    """Persons in one lot."""
    floor: int
    """Fewest persons of those asked."""
    steps: tuple[Step, ...]
    """From the share of the inhabitants to the quota."""
    limits: tuple[Limit, ...]
    """Capacities here, those that bind first."""
    currency: str
    """ISO 4217 code of every amount of money."""
    bought: tuple[Bought, ...]
    """Measures that the plan buys here, the dearest first."""
    similar: tuple[Similar, ...]
    """Municipalities like this one, the most alike first."""
    alike: tuple[str, ...]
    """What they have in common: `kostra_group`, `centrality_class`, `population`."""
    unique: Uniqueness | None
    """How unique the number is; none where nothing is proven about the plan."""
    changes: tuple[Change, ...]
    """What would change it; the state may still buy other measures."""
    unaided: Unaided | None = None
    """The same without measures; none where the plan buys nothing, or nothing is proven then."""

    def _headline(self) -> str:
        return self._words[0]

    def _parts(self) -> list[Part]:
        return [*self._words[1:]]

    @property
    def _words(self) -> list[str]:
        from allocator.explain.words import in_words

        return in_words(self, "en").splitlines()
