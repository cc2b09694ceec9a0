"""Pages made from a plan: in a process of their own, once, when somebody asks.

``python -m api.execution.pages RUN_ID KIND LANGUAGE`` writes the page to standard output.
"""

import os
import subprocess
import sys
import threading

from api.execution.plans import plan_of
from api.execution.priority import stand_back
from api.settings import Settings, environment
from api.store import Store, instances, results, runs
from api.store.results import Result

LIMIT = 300.0
"""Seconds that a page may take."""
_AT_ONCE = threading.BoundedSemaphore(2)
_MEDIA = {
    "html": "text/html; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class PageFailed(Exception):  # noqa: N818 - the name says it best
    """A page could not be made."""


def made_page(
    store: Store, settings: Settings, run_id: str, kind: str, language: str
) -> Result | None:
    """Return a page of the plan of a run, or None when there is no plan with quotas.

    Raises
    ------
    PageFailed
        If it cannot be made.
    """
    name = f"page-{kind}-{language}"
    with store.reading() as connection:
        kept = results.get(connection, run_id, name)
        run = runs.get(connection, run_id)
    if kept is not None:
        return kept
    if run is None or run["headline"] is None:
        return None
    with _AT_ONCE:
        command = [sys.executable, "-m", "api.execution.pages", run_id, kind, language]
        made = subprocess.run(  # noqa: S603 - our own module
            command,
            capture_output=True,
            timeout=LIMIT,
            check=False,
            env={**os.environ, **environment(settings)},
        )
    if made.returncode != 0 or not made.stdout:
        raise PageFailed(f"the page could not be made: {made.stderr.decode()[-400:]}")
    page = Result(name, _MEDIA[kind], made.stdout)
    with store.writing() as connection:
        results.keep_page(connection, run_id, page)
    return page


def main(run_id: str, kind: str, language: str) -> None:
    """Write a page to standard output."""
    from allocator.report import report
    from api.execution.archives import unpacked

    settings = Settings()
    stand_back(settings.niceness)
    store = Store(settings.database, pool=1)
    with store.reading() as connection:
        run, plan = runs.get(connection, run_id), plan_of(connection, run_id)
        if run is None or plan is None:
            sys.exit("there is no such plan")
        package = instances.package_of(connection, run["instance_id"])
    content = report(unpacked(package), plan, language=language, format=kind)
    sys.stdout.buffer.write(content)


if __name__ == "__main__":
    main(*sys.argv[1:])
