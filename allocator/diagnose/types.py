"""What a diagnosis is made of: plain frozen types with a JSON form."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, JsonValue

from models.options import SolveOptions
from models.plan import InstanceReference, Status
from models.policy import Policy
from models.views import Part as Shape
from models.views import Shown


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )


class Verdict(StrEnum):
    """Whether a plan can keep everything that is asked."""

    HOLDS = "holds"
    """There is a plan that does."""
    CLASHES = "clashes"
    """There is none; `clashes` says why."""
    UNKNOWN = "unknown"
    """Neither was found out within the time given."""


class Kind(StrEnum):
    """What kind of thing takes part in a clash."""

    DEMAND = "demand"
    """One row of what policy and instance demand of quotas."""
    PROMISE = "promise"
    """That nobody is left without a place."""
    CAPACITY = "capacity"
    """A whole family: housing, transport, a family of services, or pools."""
    BUDGET = "budget"
    """The budget in all, or for one kind of measure."""
    MINORS = "minors"
    """That minors are placed only where they are allowed."""
    TARGET = "target"
    """That no more persons can be placed than there are."""
    FLOOR = "floor"
    """That whoever is asked takes at least the floor."""
    LOTS = "lots"
    """That quotas are whole lots."""


class Amount(_Part):
    """A number that changes, or that is lacking: by name, place and unit."""

    rule: str
    """The rule of a demand (`fixed`, `county_bounds`, …), or `dwellings`, `seats`, `places`,
    `shared_places`, `budget`, `floor`, `step`, `minors`, `target`, `shortfall`."""
    where: str
    """Municipality, county, site, pool or kind of budget, by id; blank: the whole country."""
    item: str
    """`at least`, `at most` or `exactly` for demands; beds; service; otherwise blank."""
    name: str
    """The place in words."""
    before: float
    """The number today."""
    after: float
    """The number with which it works."""
    unit: str
    """persons, dwellings, seats, places, or the currency."""

    @property
    def change(self) -> float:
        """`after` less `before`."""
        return self.after - self.before


class Part(_Part):
    """One thing that takes part in a clash."""

    kind: Kind
    """What it is."""
    rule: str
    """The rule of a demand; the family of a capacity; otherwise the kind."""
    where: str
    """Municipality or county of a demand, kind of a budget; blank: several, or the country."""
    side: str
    """`at least`, `at most` or `exactly` for demands; otherwise blank."""
    amount: float | None
    """What is asked or allowed, in `unit`; none for families of capacity and for minors."""
    unit: str
    """persons, the currency, or blank."""
    count: int
    """How many demands of the rule stand here together; they do where there are very many."""
    gives: float | None
    """By how much it alone would have to give way for the others to hold, in its own unit
    (dwellings, seats, places; currency; persons); none where that is no amount."""
    lacks: tuple[Amount, ...]
    """For a family of capacity: where it lacks how much."""
    message: str
    """All of it in words."""


class Clash(_Part):
    """Things that cannot hold together, whatever else is left out."""

    parts: tuple[Part, ...]
    """What clashes, demands first."""
    irreducible: bool
    """Whether it is proven that leaving out any single part lets the others hold."""


class Proof(_Part):
    """What solving with a way out applied showed."""

    status: Status
    """Status of the plan found, goals other than the shortfall left out."""
    shortfall: int | None
    """Persons without a place in the plan found; none where none were promised one, so that
    fewer were not looked for."""


class WayOut(_Part):
    """How one family alone lets everything else hold, or that it cannot."""

    family: str
    """`demands`, a family of capacity, `capacity` (all of them together), `budget`, `floor`,
    `step`, `minors`, `target`, `shortfall`."""
    helps: bool | None
    """Whether it does: proven by solving with it, or proven that it cannot; none: not found
    out in the time given."""
    total: float | None
    """How much it takes in all, in `unit`; none where it does not help."""
    unit: str
    """persons, dwellings, seats, places, units, or the currency."""
    least: bool
    """Whether it is proven that less of this family cannot do."""
    amounts: tuple[Amount, ...]
    """What changes, by name; `applied` changes instance and policy accordingly."""
    settings: dict[str, JsonValue]
    """What changes in the policy: fields with their new values."""
    proof: Proof | None
    """What solving with it showed; none where it does not help."""
    message: str
    """All of it in words."""


class Diagnosis(Shown, _Part):
    """What clashes in a policy for an instance, and the ways out.

    `model_dump_json` and `model_validate_json` are a round trip.
    """

    instance: InstanceReference
    """The instance."""
    policy: Policy
    """The policy in full."""
    options: SolveOptions
    """The options of the computation."""
    promise: bool
    """Whether nobody was to be left without a place."""
    verdict: Verdict
    """Whether a plan can keep everything."""
    clashes: tuple[Clash, ...]
    """What clashes: sets that cannot hold together, each of its own."""
    complete: bool
    """Whether nothing more clashes once every clash told is settled."""
    ways: tuple[WayOut, ...]
    """Ways out of all clashes together, one a family; those that cannot help say so."""
    timings: dict[str, float]
    """Seconds by phase."""
    versions: dict[str, str]
    """Versions of the solver and of this code."""
    warnings: tuple[str, ...]
    """What a reader should know."""

    def _headline(self) -> str:
        return self._words[0]

    def _parts(self) -> list[Shape]:
        return [*self._words[1:]]

    @property
    def _words(self) -> list[str]:
        from allocator.diagnose.words import in_words

        return in_words(self).splitlines()
