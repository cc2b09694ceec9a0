"""Keys side by side: every total exact, what lacks told, credits, and the command line."""

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from allocator.apportionment import Method
from allocator.cli import Exit, app
from allocator.errors import InvalidPolicy
from allocator.key_comparison import compare_keys
from allocator.key_docs import markdown
from allocator.keys import KEYS, fair_shares
from models.policy import Credits, Key, Policy
from tests.test_official_keys import three

ALL = {name: Key(name=name) for name in KEYS if name != "weighted"}
PLAIN = Policy(step=1, floor=0)


def run(*arguments: str) -> "tuple[int, str, str]":
    result = CliRunner().invoke(app, ["keys", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_every_key_hands_out_the_target() -> None:
    found = compare_keys(three(), ALL, PLAIN)
    assert found.keys == tuple(ALL)
    for name in found.keys:
        assert found.column(name, "persons").sum() == 100
        assert found.column(name, "share").sum() == pytest.approx(1)
    assert found.column("austria", "per_1000").tolist() == [10, 10, 10]


def test_caps_of_municipalities_and_policy_hold() -> None:
    instance = three(max_quota=[50.0, None, None])
    found = compare_keys(instance, {"a": Key()}, Policy(step=1, floor=0))
    assert found.column("a", "persons").tolist() == [50, 37, 13]
    policy = Policy(step=1, floor=0, max_share_of_population=0.0105)
    found = compare_keys(three(), {"e": Key(name="eu_2024")}, policy)
    assert found.column("e", "persons").tolist() == [63, 27, 10]


def test_what_lacks_is_told_or_refused() -> None:
    instance = three(gdp=[None, None, None])
    keys = {"eu_2024": Key(name="eu_2024"), "population": Key()}
    found = compare_keys(instance, keys, PLAIN, skip_lacking=True)
    assert found.keys == ("population",)
    assert [problem.column for problem in found.lacking["eu_2024"]] == ["gdp"]
    with pytest.raises(InvalidPolicy, match="gdp"):
        compare_keys(instance, keys, PLAIN)


def test_largest_remainders_come_with_a_warning() -> None:
    assert "not monotone" in compare_keys(three(), ALL, PLAIN, Method.LARGEST_REMAINDER).warnings[0]
    assert compare_keys(three(), ALL, PLAIN).warnings == ()


def test_credits_lapse_with_age() -> None:
    instance = three(credit=[10.0, 0.0, 0.0], credit_1=[0.0, 8.0, 0.0], credit_2=[0.0, 0.0, 4.0])
    # Credits of 10, 4 and 1 on top of the target of 100.
    fair = fair_shares(instance, Policy(credits=Credits(decay=0.5)))
    assert fair.tolist() == pytest.approx([0.6 * 115 - 10, 0.3 * 115 - 4, 0.1 * 115 - 1])


def test_credits_are_capped_at_a_part_of_the_share() -> None:
    instance = three(credit=[-90.0, 3.0, 0.0])
    fair = fair_shares(instance, Policy(credits=Credits(cap=0.5)))
    assert fair.tolist() == pytest.approx([0.6 * 73 + 30, 0.3 * 73 - 3, 0.1 * 73])


def test_reception_centres_are_credited_by_a_rate() -> None:
    instance = three(reception_residents=[0.0, 40.0, None])
    fair = fair_shares(instance, Policy(credits=Credits(reception_rate=0.25)))
    assert fair.tolist() == pytest.approx([66, 23, 11])


def test_credits_without_their_columns_are_refused_together() -> None:
    policy = Policy(credits=Credits(decay=0.5, reception_rate=1.0), key=Key(name="lottery"))
    with pytest.raises(InvalidPolicy) as caught:
        fair_shares(three(), policy)
    columns = [problem.column for problem in caught.value.problems]
    assert columns == ["key.name", "credits.decay", "credits.reception_rate"]


def test_the_page_lists_every_key_as_it_is() -> None:
    page = (Path(__file__).parent.parent / "docs/keys.md").read_text(encoding="utf-8")
    table = page.split("<!-- keys: begin -->\n")[1].split("<!-- keys: end -->")[0]
    assert table == markdown(), "write allocator.key_docs.markdown() between the marks"


def test_all_keys_on_the_command_line(tmp_path: Path) -> None:
    file = tmp_path / "keys.csv"
    code, out, _ = run("norway-2024", "--all", "--csv", str(file), "--sort", "nrw")
    assert code == Exit.DONE
    assert "denmark: cannot be computed" in out
    assert "immigrants" in out
    assert "20 of 357 municipalities" in out
    table = pd.read_csv(file, dtype={"municipality_id": "str"})
    assert table["nrw_persons"].sum() == 37_000
    assert table["nrw_share"].is_monotonic_decreasing
    assert (table["eu_2024_persons"] % 5 == 0).all()


def test_one_key_with_options_as_json() -> None:
    code, out, _ = run(
        "norway-2024", "--key", "nrw:{options={area_cap=0.5,credited={}}}", "--json",
        "--set", "target=1001", "--method", "d_hondt",
    )  # fmt: skip
    answer = json.loads(out)
    assert code == Exit.DONE
    (label,) = answer["keys"]
    assert answer["keys"][label]["options"]["area_cap"] == 0.5
    assert sum(row[f"{label}_persons"] for row in answer["municipalities"]) == 1001


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["norway-2024", "--key", "denmark"], Exit.INVALID, "immigrants"),
        (["norway-2024", "--key", "lottery"], Exit.INVALID, "no key has this name"),
        (["norway-2024", "--method", "dice"], Exit.USAGE, "no method"),
        (["norway-2024", "--sort", "size"], Exit.USAGE, "not shown"),
        (["norway-2024", "--show", "dice"], Exit.USAGE, "no measure"),
        (["norway-2024", "--set", "target=3", "--all"], Exit.INVALID, "cannot be handed out"),
    ],
)
def test_wrong_use_is_told(arguments: list[str], code: Exit, said: str) -> None:
    found = run(*arguments)
    assert found[0] == code
    assert said in found[2].replace("\n│ ", " ")


def test_the_audit_on_the_command_line() -> None:
    code, out, _ = run("audit", "eu_2015", "tiny-services")
    assert code == Exit.INVALID
    code, out, _ = run("audit", "population", "tiny-services")
    assert code == Exit.DONE
    assert "Are equals treated equally across counties?\n  holds" in out
    code, out, _ = run("audit", "population", "tiny-services", "--json")
    assert json.loads(out)["holds"] is True


def test_the_list_tells_options_of_every_key() -> None:
    code, out, _ = run("list")
    assert code == Exit.DONE
    assert all(f"{name}: " in out for name in KEYS)
    assert "option   area_cap = 0.25" in out


@pytest.mark.parametrize("command", ["compare", "audit", "list"])
def test_help_of_every_command_shows_examples(command: str) -> None:
    code, out, _ = run(command, "--help")
    assert code == Exit.DONE
    assert "allocator keys" in out
