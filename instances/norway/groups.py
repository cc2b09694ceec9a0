"""Who is to be settled: the groups, their numbers and their needs."""

import math
from collections.abc import Mapping

import pandas as pd

_GROUPS = (
    # group_id, name, beds, persons_per_dwelling, transit_share, gp, care, language
    ("singles", "Single adults to 55, some sharing a dwelling", 1, 1.4, 0.9, 1.0, 0.0, 0.9),
    ("couples", "Couples, and one parent with one child", 2, 2.0, 0.8, 1.0, 0.0, 0.7),
    ("families-small", "Families of three", 3, 3.0, 0.7, 1.0, 0.0, 0.6),
    ("families-large", "Families of five", 5, 5.0, 0.6, 1.0, 0.0, 0.4),
    ("minors", "Unaccompanied minors", 5, 4.0, 0.5, 1.0, 0.02, 0.2),
    ("over-55", "Persons over 55", 2, 1.6, 0.6, 1.3, 0.04, 0.5),
    ("care", "Persons with extensive care needs", 2, 1.5, 0.5, 2.0, 1.0, 0.2),
)
_NEEDS = ("gp", "care", "language")
_COLUMNS = ("group_id", "name", "beds", "persons_per_dwelling", "transit_share", *_NEEDS)


def groups(target: int, disability_grants: float, assume: Mapping[str, float]) -> pd.DataFrame:
    """Return the groups, their persons adding up to `target`.

    Parameters
    ----------
    target
        Persons to settle.
    disability_grants
        NOK paid in a year for persons with severe needs.
    assume
        Assumptions by name.
    """
    heavy = (
        disability_grants
        / assume["disability_grant_per_person"]
        / assume["settled_with_grant_rights"]
    )
    known = {
        "minors": round(target * assume["minors_share"]),
        "over-55": round(target * assume["over_55_share"]),
        "care": round(target * heavy),
    }
    rest = target - sum(known.values())
    known |= {
        "singles": math.floor(rest * assume["single_share_of_rest"]),
        "couples": math.floor(rest * assume["couple_share_of_rest"]),
        "families-large": math.floor(rest * assume["large_family_share_of_rest"]),
    }
    known["families-small"] = target - sum(known.values())
    if known["families-small"] < 0:
        raise ValueError(
            "single_share_of_rest, couple_share_of_rest and large_family_share_of_rest "
            "add up to more than 1; lower one of them"
        )
    frame = pd.DataFrame(list(_GROUPS), columns=list(_COLUMNS)).drop(columns=list(_NEEDS))
    frame["persons"] = frame["group_id"].map(known).astype("float64")
    frame["integral"] = frame["minors"] = frame["group_id"] == "minors"
    return frame


def needs() -> pd.DataFrame:
    """Return what one person of every group uses of every service; zeros are left out."""
    frame = pd.DataFrame(list(_GROUPS), columns=list(_COLUMNS))
    long = frame.melt("group_id", list(_NEEDS), "service_id", "units_per_person")
    return long[long["units_per_person"] > 0].reset_index(drop=True)
