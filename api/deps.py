"""What routes need: the parts of the service, who asks, and requests that hold nothing unknown.

What only looks something up is asynchronous, which saves a change of threads for every request.
"""

from typing import Annotated

from fastapi import Depends, Request

from api.execution.reconciling import Reconciler
from api.execution.shelf import Shelf
from api.problems import ErrorItem, invalid, parameters_of, unknown_parameter
from api.security import Caller, Scope, requires
from api.settings import Settings
from api.store import Store


async def _store(request: Request) -> Store:
    store: Store = request.app.state.store
    return store


async def _shelf(request: Request) -> Shelf:
    shelf: Shelf = request.app.state.shelf
    return shelf


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


async def _reconciler(request: Request) -> Reconciler:
    reconciler: Reconciler = request.app.state.reconciler
    return reconciler


StoreDep = Annotated[Store, Depends(_store)]
ShelfDep = Annotated[Shelf, Depends(_shelf)]
SettingsDep = Annotated[Settings, Depends(_settings)]
ReconcilerDep = Annotated[Reconciler, Depends(_reconciler)]

InstanceReader = Annotated[Caller, Depends(requires(Scope.INSTANCES_READ))]
InstanceWriter = Annotated[Caller, Depends(requires(Scope.INSTANCES_WRITE))]
RunCreator = Annotated[Caller, Depends(requires(Scope.RUNS_CREATE))]
RunReader = Annotated[Caller, Depends(requires(Scope.RUNS_READ))]
RunCanceller = Annotated[Caller, Depends(requires(Scope.RUNS_CANCEL))]
ProposalReader = Annotated[Caller, Depends(requires(Scope.PROPOSALS_READ))]
ProposalWriter = Annotated[Caller, Depends(requires(Scope.PROPOSALS_WRITE))]
AnswerReader = Annotated[Caller, Depends(requires(Scope.RESPONSES_READ))]
AnswerWriter = Annotated[Caller, Depends(requires(Scope.RESPONSES_WRITE))]


async def only_known_parameters(request: Request) -> None:
    """Refuse query parameters of a route that has none, and such as come twice.

    Where a route has some, its `Query` tells those that it does not know, with whatever else is
    wrong.

    Raises
    ------
    Trouble
        With all of them.
    """
    if not request.scope["query_string"]:
        return
    given = request.query_params.multi_items()
    known = parameters_of(request)
    names = [name for name, _ in given]
    if known and len(set(names)) == len(names):
        return
    wrong = []
    for position, (name, value) in enumerate(given):
        if name not in known:
            wrong.append(unknown_parameter(name, value[:80], known))
        elif name in names[:position]:
            detail = "it is there twice"
            item = ErrorItem(
                parameter=name, detail=detail, value=value[:80], expected="give it once"
            )
            wrong.append(item)
    if wrong:
        raise invalid(wrong)
