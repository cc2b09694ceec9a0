"""Designs have the cases they say, the same ones every time; and who starts from whom is fixed."""

from typing import Any

import numpy as np
import pytest

from allocator import batch
from allocator.batch.asked import Asked, Batch
from allocator.batch.checking import prepared
from allocator.batch.coming import Coming
from allocator.batch.neighbours import BASE, EACH, MOST, Neighbours
from allocator.batch.running import checked_numbers
from allocator.batch.spec import Settings

RANGES: dict[str, list[float]] = {"budget": [0, 400], "dwellings *=": [0.5, 1.5], "floor": [0, 9]}


def made(design: dict[str, Any], **more: Any) -> Batch:
    return prepared(batch.spec_from({"instances": ["tiny-measures"], "design": design, **more}))


def column(found: Batch, path: str) -> list[Any]:
    return [settings[path] for settings in found.points]


def test_parts_multiply_and_numbers_count_instances_settings_seeds() -> None:
    found = made(
        {
            "grid": {"target": [100, 110], "step": [1, 5]},
            "cases": [{"budget": 0}, {"budget": 100}, {"minors": "anywhere"}],
        },
        instances=["tiny-measures", "tiny-housing"],
        seeds=[7, 8],
    )
    assert (len(found.points), len(found)) == (12, 48)
    assert column(found, "target") == [100] * 6 + [110] * 6
    assert [s.get("budget") for s in found.points] == [0, 100, None] * 4
    asked = list(found)
    assert [a.number for a in asked] == list(range(48))
    assert [a.seed for a in asked] == [7, 8] * 24
    assert [a.instance for a in asked] == [0] * 24 + [1] * 24
    assert [a.point for a in asked[:6]] == [0, 0, 1, 1, 2, 2]
    keys = {found.case(a, None).key for a in asked}
    assert len(keys) == len(asked)


def test_no_design_is_one_case_where_nothing_is_varied() -> None:
    found = made({})
    assert [dict(s) for s in found.points] == [{}]
    assert found.case(found[0], None).key == found.base(0, 0).key


def test_a_latin_hypercube_has_one_value_in_every_slice() -> None:
    found = made({"latin": {"samples": 10, "seed": 3, "ranges": RANGES}})
    assert len(found) == 10
    for path in ("budget", "dwellings *="):
        low, high = RANGES[path]
        slices = np.floor((np.array(column(found, path)) - low) / (high - low) * 10)
        assert sorted(slices) == list(range(10))
    assert all(isinstance(value, int) and 0 <= value <= 9 for value in column(found, "floor"))


@pytest.mark.parametrize(
    ("kind", "samples", "rows"), [("latin", 6, 6), ("sobol", 8, 8 * 5), ("morris", 6, 6 * 4)]
)
def test_samples_have_their_size_and_rest_on_their_seed(kind: str, samples: int, rows: int) -> None:
    def points(seed: int) -> tuple[dict[str, Any], ...]:
        return made({kind: {"samples": samples, "seed": seed, "ranges": RANGES}}).points

    assert len(points(1)) == rows
    assert points(1) == points(1) != points(2)


def test_the_fingerprint_tells_batches_apart() -> None:
    design = {"grid": {"target": [100, 110]}}
    same = made(design), made(design)
    others = [
        made({"grid": {"target": [100, 111]}}),
        made(design, seeds=[0]),
        made(design, options={"gap": 0.5}),
        made(design, policy={"step": 7}),
        made(design, instances=["tiny-housing"]),
    ]
    assert same[0].fingerprint == same[1].fingerprint
    assert len({one.fingerprint for one in (*same, *others)}) == 1 + len(others)


def test_checks_are_the_fraction_asked_for_and_one_at_least() -> None:
    design = {"latin": {"samples": 50, "ranges": RANGES}}
    assert len(checked_numbers(made(design))) == 1
    assert checked_numbers(made(design, check_fraction=0.0)) == []
    some = checked_numbers(made(design, check_fraction=0.2))
    assert len(set(some)) == 10
    assert some == checked_numbers(made(design, check_fraction=0.2))
    assert len(checked_numbers(made({}, check_fraction=1e-9))) == 1


def test_every_case_starts_from_the_nearest_hub_and_hubs_from_the_base() -> None:
    random = np.random.default_rng(1)
    values = random.uniform(size=(10 * EACH, 2))
    words = random.choice(["a", "b"], size=len(values))
    points: list[Settings] = [
        {"x": float(x), "y": 50 * float(y), "z": str(z)}
        for (x, y), z in zip(values, words, strict=True)
    ]
    known = Neighbours(points)
    assert len(known.hubs) == 10 <= MOST
    spread = np.ptp(values, axis=0)

    def away(i: int, j: int) -> float:
        return float((np.abs(values[i] - values[j]) / spread).sum()) + float(words[i] != words[j])

    for i, parent in enumerate(known.parents):
        if i in known.hubs:
            assert parent == BASE
        else:
            assert away(i, parent) == pytest.approx(min(away(i, hub) for hub in known.hubs))


def test_cases_come_as_soon_as_what_they_start_from_has_an_answer() -> None:
    found = made({"latin": {"samples": 4 * EACH, "ranges": RANGES}}, seeds=[0, 1])
    parents, hubs = found.neighbours.parents, found.neighbours.hubs
    assert len(hubs) == 4
    done = {0, 1, 2 * hubs[0]}  # the first hub, of one seed
    todo = [asked for asked in found if asked.number not in done]
    coming = Coming(found, todo, done, lambda name: name == "0-0-base")
    assert coming.names == {"0-1-base": (0, 1)}
    settled = {(0, BASE), *((asked.seed, asked.point) for asked in found if asked.number in done)}
    came: list[int] = []
    open_: list[tuple[int, int]] = []
    for one in coming:
        if isinstance(one, Asked):
            assert (one.seed, parents[one.point]) in settled
            came.append(one.number)
            open_.append((one.seed, one.point))
        elif one is not None:
            open_.append((one[1], BASE))
        else:  # nothing is left that does not wait: the first in line is answered
            assert open_
        if one is None or len(open_) > 5:
            seed, point = open_.pop(0)
            settled.add((seed, point))
            coming.settle(0, seed, point)
    assert sorted(came) == [asked.number for asked in todo]


def test_few_cases_and_equal_ones_need_no_hubs() -> None:
    few = Neighbours([{"x": i} for i in range(EACH - 1)])
    assert (few.hubs, set(few.parents)) == ((), {BASE})
    same: Settings = {"x": 1.0}
    equal = Neighbours([same] * 3 * EACH)
    assert len(equal.hubs) == 1
    assert equal.parents.count(BASE) == 1
