"""The dialogue over HTTP: a plan is proposed, read, answered, and revised with the answers."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from allocator import load
from api.security import Role
from api.store import Store, keys
from models.plan import Plan
from tests.service.running import Service

pytestmark = pytest.mark.enable_socket
OWN, OTHER = "0301", "0101"
STEP = 5


class Talk:
    """A service with a planner and two municipalities, and a plan that was explained."""

    def __init__(self, folder: Path) -> None:
        self.service = Service(folder, open=False)
        store = Store(self.service.database)
        store.migrate()
        with store.writing() as connection:
            towns = {
                place: keys.make(
                    connection, name=place, role=Role.MUNICIPALITY, municipality_id=place
                )
                for place in (OWN, OTHER)
            }
            planner = keys.make(connection, name="Ministry", role=Role.PLANNER)
        store.close()
        self.key_ids = {"planner": planner[0], **{place: key for place, (key, _) in towns.items()}}
        self._secrets = {"planner": planner[1], **{place: one for place, (_, one) in towns.items()}}

    def prepare(self) -> None:
        self.service.client.headers["Authorization"] = f"Bearer {self._secrets['planner']}"
        self.plan_run = self.service.solved("tiny-measures", policy={"step": STEP})
        explain = self.service.run(kind="explain", base_run_id=self.plan_run, confirm=False)
        assert self.service.ended(explain["id"])["state"] == "succeeded"
        self.plan = self.plan_of(self.plan_run)

    def plan_of(self, run_id: str) -> Plan:
        answer = self.service.client.get(f"/v1/runs/{run_id}/plan")
        return Plan.model_validate_json(answer.content)

    def ask(
        self, who: str, method: str, path: str, body: Any = None, **headers: str
    ) -> httpx.Response:
        sent = {"Authorization": f"Bearer {self._secrets[who]}", **headers}
        return self.service.client.request(method, path, json=body, headers=sent)

    def published(self, run_id: str | None = None) -> str:
        body = {
            "run_id": run_id or self.plan_run,
            "title": "Numbers for 2024",
            "message": "Please answer by May.",
            "author": "Ministry",
            "answer_by": "2024-05-01",
        }
        answer = self.ask("planner", "POST", "/v1/proposals", body)
        assert answer.status_code == 201, answer.text
        made = answer.json()
        assert answer.headers["Location"] == f"/v1/proposals/{made['id']}"
        return str(made["id"])


def said(kind: str, persons: int | None = None, place: str = OWN, **more: Any) -> dict[str, Any]:
    return {
        "municipality_id": place,
        "answer": kind,
        "persons": persons,
        "author": f"Council of {place}",
        "date": "2024-03-01",
        "reason": "The school is full.",
        **more,
    }


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    found = Talk(tmp_path_factory.mktemp("service"))
    with found.service:
        found.prepare()
        yield found


def errors(answer: httpx.Response) -> dict[str | None, dict[str, Any]]:
    """Return what is wrong by pointer."""
    assert answer.status_code == 422, answer.text
    document = answer.json()
    assert document["type"] == "urn:allocator:problem:invalid"
    found = {one.get("pointer"): one for one in document["errors"]}
    assert len(found) == len(document["errors"])
    return found


def test_from_a_proposal_to_a_revised_plan(talk: Talk) -> None:
    # A planner publishes.
    proposal_id = talk.published()
    base = f"/v1/proposals/{proposal_id}"
    proposal = talk.ask(OWN, "GET", base).json()
    assert (proposal["run_id"], proposal["withdrawn"]) == (talk.plan_run, False)
    assert (proposal["answer_by"], proposal["author"]) == ("2024-05-01", "Ministry")
    assert [(one["number"], one["kind"], one["reason"]) for one in proposal["steps"]] == [
        (1, "published", "Please answer by May.")
    ]

    # A municipality reads its number and why.
    mine = talk.ask(OWN, "GET", f"{base}/municipalities/{OWN}").json()
    asked = talk.plan.quota_of[OWN]
    assert asked > STEP
    assert (mine["number"]["quota"], mine["number"]["name"]) == (asked, "Cedar")
    assert mine["explanation"]["municipality_id"] == OWN
    assert mine["explanation"]["quota"] == asked
    assert mine["answers"] == []
    assert mine["in_words"].startswith(f"Cedar ({OWN}) is asked to settle {asked} persons.\n")
    norwegian = talk.ask(OWN, "GET", f"{base}/municipalities/{OWN}?language=nb").json()
    assert norwegian["explanation"] == mine["explanation"]
    assert norwegian["in_words"].startswith(f"Cedar ({OWN}) anmodes om å bosette {asked} personer.")
    path = f"/v1/runs/{talk.plan_run}/explanations/{OWN}"
    plain = talk.ask("planner", "GET", f"{path}?language=nb", Accept="text/plain")
    assert plain.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert plain.text == norwegian["in_words"] + "\n"
    assert talk.ask("planner", "GET", path).json() == mine["explanation"]
    assert talk.ask("planner", "GET", path, Accept="image/png").status_code == 406
    refused = errors(talk.ask("planner", "GET", f"{path}?language=sv"))
    assert refused[None]["parameter"] == "language"
    housing = next(one for one in mine["number"]["capacity"] if one["family"] == "housing")
    assert housing["site_id"] == f"{OWN}-town"

    # It answers twice; another one accepts.
    free = {"family": "housing", "site_id": f"{OWN}-town", "item": "1", "capacity": asked - STEP}
    first = talk.ask(OWN, "POST", f"{base}/answers", said("declined"))
    second = talk.ask(
        OWN, "POST", f"{base}/answers", said("counter", asked - STEP, capacities=[free])
    )
    kept = talk.plan.quota_of[OTHER]
    third = talk.ask(OTHER, "POST", f"{base}/answers", said("accepted", kept, OTHER))
    given = [first, second, third]
    assert [one.status_code for one in given] == [201] * 3, [one.text for one in given]
    assert [one.json()["latest"] for one in given] == [True] * 3
    mine = talk.ask(OWN, "GET", f"{base}/municipalities/{OWN}").json()
    assert [(one["answer"], one["latest"]) for one in mine["answers"]] == [
        ("declined", False),
        ("counter", True),
    ]

    # The planner sees all of them, with who entered them and when.
    listed = talk.ask("planner", "GET", f"{base}/answers").json()
    answers = listed["answers"]
    assert listed["next"] is None
    assert [(one["municipality_id"], one["answer"], one["latest"]) for one in answers] == [
        (OWN, "declined", False),
        (OWN, "counter", True),
        (OTHER, "accepted", True),
    ]
    assert [one["created_by"] for one in answers] == [talk.key_ids[m] for m in (OWN, OWN, OTHER)]
    assert answers[1]["capacities"] == [free]
    moments = [dt.datetime.fromisoformat(one["created_at"]) for one in answers]
    assert moments == sorted(moments)
    pages = talk.ask("planner", "GET", f"{base}/answers?limit=2").json()
    rest = talk.ask("planner", "GET", f"{base}/answers?limit=2&cursor={pages['next']}").json()
    assert pages["answers"] + rest["answers"] == answers
    assert rest["next"] is None

    # A revision takes the last ones up.
    chosen = [one["id"] for one in answers if one["latest"]]
    run = talk.service.run(kind="revise", base_run_id=talk.plan_run, answer_ids=chosen)
    ended = talk.service.ended(run["id"])
    assert ended["state"] == "succeeded", ended
    revised = talk.plan_of(run["id"])
    assert revised.quota_of[OWN] == asked - STEP
    assert revised.quota_of[OTHER] == kept

    # The instance has what the municipality knows, and the one before stays.
    before = talk.service.client.get(f"/v1/runs/{talk.plan_run}").json()["instance_id"]
    assert ended["instance_id"] != before
    tables = {}
    for instance_id in (before, ended["instance_id"]):
        content = talk.service.client.get(f"/v1/instances/{instance_id}/tables").json()
        rows = content["tables"]["dwellings"]
        tables[instance_id] = {row["site_id"]: row["dwellings"] for row in rows}
    known = {f"{m}-town": 30.0 for m in ("0101", "0201", "0301")}
    assert tables[before] == known
    assert tables[ended["instance_id"]] == {**known, f"{OWN}-town": float(asked - STEP)}
    about = talk.service.client.get(f"/v1/instances/{ended['instance_id']}").json()
    assert about["sha256"] == revised.instance.sha256 != load("tiny-measures").sha256
    assert about["created_by"] == talk.key_ids["planner"]
    shown = talk.service.client.get(f"/v1/runs/{run['id']}/plan/municipalities/{OWN}").json()
    assert shown["quota"] == asked - STEP

    # The audit trail says who decided what, when and why.
    entries = {entry.municipality_id: entry for entry in revised.audit}
    assert set(entries) == {OWN, OTHER}
    counter = entries[OWN]
    assert (counter.answer, counter.persons, counter.asked) == ("counter", asked - STEP, asked)
    assert (counter.author, counter.reason) == (f"Council of {OWN}", "The school is full.")
    assert counter.date == dt.date(2024, 3, 1)
    told = talk.service.client.get(f"/v1/runs/{run['id']}/result").json()
    assert [one["municipality_id"] for one in told["audit"]] == [
        one.municipality_id for one in revised.audit
    ]

    # The revision is published in its turn; answers to the first do not count for it.
    again = talk.published(run["id"])
    body = {"kind": "revise", "base_run_id": run["id"], "answer_ids": chosen}
    wrong = errors(talk.ask("planner", "POST", "/v1/runs", body))
    assert set(wrong) == {"/answer_ids/0", "/answer_ids/1"}
    assert all(one["detail"] == "it answers another plan" for one in wrong.values())
    newest = talk.ask(OWN, "GET", "/v1/proposals").json()["proposals"]
    assert [one["id"] for one in newest[:2]] == [again, proposal_id]


def test_a_withdrawn_proposal_stays_and_is_not_answered(talk: Talk) -> None:
    proposal_id = talk.published()
    base = f"/v1/proposals/{proposal_id}"
    body = said("accepted")
    key = {"Idempotency-Key": f"before {proposal_id}"}
    before = talk.ask(OWN, "POST", f"{base}/answers", body, **key)
    assert before.status_code == 201
    why = {"author": "Ministry", "reason": "The target changed."}
    for who in (OWN, OTHER):
        assert talk.ask(who, "POST", f"{base}:withdraw", why).status_code == 403
    gone = talk.ask("planner", "POST", f"{base}:withdraw", why)
    assert gone.status_code == 200
    assert gone.json()["withdrawn"] is True
    steps = [(one["number"], one["kind"], one["reason"]) for one in gone.json()["steps"]]
    assert steps == [(1, "published", "Please answer by May."), (2, "withdrawn", why["reason"])]
    refused = talk.ask(OWN, "POST", f"{base}/answers", body)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:allocator:problem:conflict")
    again = talk.ask("planner", "POST", f"{base}:withdraw", why)
    assert again.status_code == 409
    assert talk.ask(OWN, "GET", base).json() == gone.json()
    # What was answered before stays, and what was sent before is answered as it was then.
    answers = talk.ask("planner", "GET", f"{base}/answers").json()["answers"]
    assert [one["id"] for one in answers] == [before.json()["id"]]
    same = talk.ask(OWN, "POST", f"{base}/answers", body, **key)
    assert (same.status_code, same.json()) == (201, before.json())


def test_everything_wrong_with_an_answer_is_told_at_once(talk: Talk) -> None:
    base = f"/v1/proposals/{talk.published()}/answers"
    town = {"family": "housing", "site_id": f"{OWN}-town", "item": "1", "capacity": 3}
    capacities = [
        town,
        {"family": "housing", "site_id": f"{OTHER}-town", "item": "many", "capacity": 1},
        {"family": "transport", "site_id": f"{OWN}-town", "item": "1", "capacity": 1},
        {"family": "dancing", "capacity": 1},
        {**town, "capacity": 4},
    ]
    found = errors(talk.ask("planner", "POST", base, said("counter", capacities=capacities)))
    assert {at: one["detail"] for at, one in found.items()} == {
        "/persons": "a counter-offer needs a number",
        "/capacities/1/site_id": "the municipality has no such site",
        "/capacities/1/item": "this is no number of beds",
        "/capacities/2/item": "seats are not of several kinds",
        "/capacities/3/family": "no capacity has this family",
        "/capacities/4": "row 1 is about the same capacity",
    }
    assert found["/capacities/1/site_id"]["value"] == f"{OTHER}-town"
    assert found["/capacities/1/site_id"]["expected"] == f"give one of {OWN}-town"
    assert all(one["expected"] for one in found.values())
    assert talk.ask("planner", "GET", base).json()["answers"] == []


def test_more_than_there_are_to_settle_is_no_counter_offer(talk: Talk) -> None:
    base = f"/v1/proposals/{talk.published()}/answers"
    assert talk.plan.totals is not None
    target = talk.plan.totals.target
    found = errors(talk.ask(OWN, "POST", base, said("counter", target + 1)))
    assert {at: one["detail"] for at, one in found.items()} == {
        "/persons": f"more than all {target} persons there are to settle"
    }


def test_an_unknown_municipality_is_told_once(talk: Talk) -> None:
    base = f"/v1/proposals/{talk.published()}/answers"
    town = {"family": "transport", "site_id": "301-town", "capacity": 3}
    wrong = said("accepted", place="301", capacities=[town, {**town, "family": "dancing"}])
    found = errors(talk.ask("planner", "POST", base, wrong))
    assert set(found) == {"/municipality_id"}
    assert found["/municipality_id"]["value"] == "301"
    assert "leading zeros" in found["/municipality_id"]["expected"]


def test_the_form_of_an_answer_is_checked_as_a_whole(talk: Talk) -> None:
    base = f"/v1/proposals/{talk.published()}/answers"
    wrong = said("perhaps", -1, date="1 March", reason="", more=1, capacities=[{"capacity": -1}])
    del wrong["author"]
    found = errors(talk.ask(OWN, "POST", base, wrong))
    assert set(found) == {
        "/answer",
        "/persons",
        "/date",
        "/reason",
        "/more",
        "/author",
        "/capacities/0/family",
        "/capacities/0/capacity",
    }


@pytest.mark.parametrize(("kind", "persons"), [("accepted", 1), ("declined", 1), ("counter", None)])
def test_a_number_that_the_answer_does_not_mean(talk: Talk, kind: str, persons: int | None) -> None:
    base = f"/v1/proposals/{talk.published()}/answers"
    assert set(errors(talk.ask(OWN, "POST", base, said(kind, persons)))) == {"/persons"}


def test_an_answer_that_is_sent_again_is_kept_once(talk: Talk) -> None:
    base = f"/v1/proposals/{talk.published()}/answers"
    key = {"Idempotency-Key": f"once {base}"}
    given = [talk.ask(OWN, "POST", base, said("accepted"), **key) for _ in range(2)]
    assert given[0].json() == given[1].json()
    other = talk.ask(OWN, "POST", base, said("declined"), **key)
    assert (other.status_code, other.json()["type"]) == (422, "urn:allocator:problem:key-reused")
    assert len(talk.ask("planner", "GET", base).json()["answers"]) == 1


def test_what_cannot_be_proposed_or_answered(talk: Talk) -> None:
    body = {"run_id": "run_none", "title": "T", "message": "M", "author": "A"}
    assert set(errors(talk.ask("planner", "POST", "/v1/proposals", body))) == {"/run_id"}
    for method, path, sent in (
        ("GET", "/v1/proposals/prop_none", None),
        ("GET", f"/v1/proposals/prop_none/municipalities/{OWN}", None),
        ("GET", "/v1/proposals/prop_none/answers", None),
        ("POST", "/v1/proposals/prop_none/answers", said("accepted")),
    ):
        assert talk.ask(OWN, method, path, sent).status_code == 404, path


def test_answers_that_a_revision_cannot_take_up(talk: Talk) -> None:
    base = f"/v1/proposals/{talk.published()}/answers"
    town = {"family": "housing", "site_id": f"{OWN}-town", "item": "1", "capacity": 20}
    seats = {"family": "transport", "site_id": f"{OWN}-town", "capacity": 9}
    ids = []
    for capacities in ([town, seats], [town]):
        answer = talk.ask(OWN, "POST", base, said("declined", capacities=capacities))
        assert answer.status_code == 201, answer.text
        ids.append(answer.json()["id"])
    body = {
        "kind": "revise",
        "base_run_id": talk.plan_run,
        "answer_ids": [ids[0], "ans_none", ids[1]],
        "decisions": [{**said("counter", place="9999"), "persons": None}],
        "policy": {"step": 0},
    }
    answer = talk.ask("planner", "POST", "/v1/runs", body)
    assert answer.status_code == 422, answer.text
    told = {(one["pointer"], one["detail"]) for one in answer.json()["errors"]}
    assert {
        ("/answer_ids/1", "there is no such answer"),
        ("/answer_ids/2", "row 1 is about the same municipality"),
        ("/answer_ids/2", "capacity: row 1 is about the same capacity"),
        ("/decisions/0/municipality_id", "the plan has no such municipality"),
        ("/policy/step", "should be greater than or equal to 1"),
    } == told
