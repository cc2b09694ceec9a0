"""Keys give every municipality its share of the target: by population, by weights, with credits."""

import pytest

from allocator.errors import InvalidPolicy
from allocator.keys import KEYS, fair_shares
from models.instance import Instance
from models.policy import Credits, Key, Policy
from tests.builders import municipality, tiny


def three(**columns: list[object]) -> Instance:
    """Three municipalities of 1000, 2000 and 3000 inhabitants, with further columns."""
    return tiny(
        [
            municipality(n, population=1000 * n, **{c: v[n - 1] for c, v in columns.items()})
            for n in (1, 2, 3)
        ]
    )


def shares(instance: Instance, **policy: object) -> list[float]:
    return list(fair_shares(instance, Policy.model_validate(policy)))


def test_the_keys_there_are() -> None:
    assert {"population", "weighted"} <= set(KEYS)


def test_population_shares_by_inhabitants() -> None:
    fair = fair_shares(three(), Policy())
    assert fair.index.tolist() == ["0101", "0201", "0301"]
    assert fair.tolist() == pytest.approx([10, 20, 30])


def test_the_target_of_the_policy_counts() -> None:
    assert shares(three(), target=120) == pytest.approx([20, 40, 60])


def test_a_target_of_zero_asks_for_nobody() -> None:
    assert shares(three(credit=[5.0, 0.0, 0.0]), target=0) == [0, 0, 0]


def test_weighted_is_the_mean_of_shares() -> None:
    key = Key(name="weighted", weights={"population": 3.0, "jobs": 1.0})
    fair = shares(three(jobs=[0.0, 0.0, 7.0]), key=key)
    assert fair == pytest.approx([60 * 3 / 24, 60 * 6 / 24, 60 * (9 + 6) / 24])


def test_only_the_proportion_of_weights_matters() -> None:
    one = Key(name="weighted", weights={"population": 1.0, "jobs": 2.0})
    ten = Key(name="weighted", weights={"population": 10.0, "jobs": 20.0})
    instance = three(jobs=[3.0, 1.0, 2.0])
    assert shares(instance, key=one) == pytest.approx(shares(instance, key=ten))


def test_credit_is_set_off_against_the_share() -> None:
    # Share of 60 + 6 persons by population, less what was settled before.
    assert shares(three(credit=[6.0, 0.0, 0.0])) == pytest.approx([5, 22, 33])


def test_credit_counts_by_its_weight() -> None:
    fair = shares(three(credit=[6.0, 0.0, 0.0]), credits=Credits(weight=0.5))
    assert fair == pytest.approx([7.5, 21, 31.5])


def test_what_is_owed_adds_to_the_share() -> None:
    assert shares(three(credit=[-6.0, 0.0, 0.0])) == pytest.approx([15, 18, 27])


def test_a_credit_above_the_share_leaves_zero_and_scales_the_others() -> None:
    fair = shares(three(credit=[60.0, 0.0, 0.0]))
    assert fair == pytest.approx([0, 24, 36])


def test_an_unknown_key_is_refused_by_name() -> None:
    with pytest.raises(InvalidPolicy, match=r"no key has this name.*'popluation'.*weighted"):
        shares(three(), key="popluation")


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("other", [1.0, 1.0, 1.0], "no such column"),
        ("jobs", [1.0, None, 1.0], "blanks"),
        ("jobs", [1.0, -1.0, 1.0], "negative"),
        ("jobs", [0.0, 0.0, 0.0], "zero"),
        ("jobs", ["a", "b", "c"], "does not hold numbers"),
        ("minors_allowed", [True, True, False], "does not hold numbers"),
    ],
)
def test_a_column_that_cannot_weigh_is_refused(
    column: str, values: list[object], message: str
) -> None:
    name = "jobs" if column == "other" else column
    with pytest.raises(InvalidPolicy, match=message) as caught:
        shares(three(**{name: values}), key=Key(name="weighted", weights={column: 1.0}))
    assert [problem.column for problem in caught.value.problems] == [f"key.weights.{column}"]


def test_all_columns_that_cannot_weigh_are_told_at_once() -> None:
    key = Key(name="weighted", weights={"one": 1.0, "two": 1.0})
    with pytest.raises(InvalidPolicy) as caught:
        shares(three(), key=key)
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize("weights", [{}, {"population": 0.0}])
def test_without_a_weight_nothing_can_be_shared(weights: dict[str, float]) -> None:
    with pytest.raises(InvalidPolicy, match="no weight above 0"):
        shares(three(), key=Key(name="weighted", weights=weights))
