"""Solve the Norwegian instances and write the page: ``python -m benchmarks.norway [page]``.

Plans are kept in `benchmarks/results/norway.json`; with `page` only the page is written anew from
them and from the packaged observations.
"""

import json
import sys
from typing import Any

from allocator import load, solve
from allocator.report.figures import figures_of
from benchmarks.norway.page import PAGE, RESULTS, YEARS, page


def solved(year: int) -> dict[str, Any]:
    """Solve one year with the default policy and return what the page needs of the plan."""
    instance = load(f"norway-{year}")
    plan = solve(instance)
    if plan.totals is None:
        sys.exit(f"norway-{year}: {plan.status.value}")
    print(f"norway-{year}: {plan.status.value}, {plan.timings['total']:.1f} s", file=sys.stderr)
    towns = figures_of(instance, plan).municipalities.set_index("municipality_id")
    return {
        "sha256": instance.sha256,
        "status": plan.status.value,
        "gap": plan.gap,
        "versions": plan.versions,
        "totals": plan.totals.model_dump(),
        "quota": towns["quota"].to_dict(),
        "used_up": {m: list(families) for m, families in towns["families"].items() if families},
    }


def main() -> None:
    """Solve, unless only the page is asked for, and write the page."""
    if sys.argv[1:] not in ([], ["page"]):
        sys.exit("give nothing, or page to write the page from the plans kept")
    if not sys.argv[1:]:
        plans = {str(year): solved(year) for year in YEARS}
        RESULTS.write_text(json.dumps(plans, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
