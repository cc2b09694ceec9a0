"""Settings of the service: from the environment (``ALLOCATOR_…``) or a TOML file."""

import os
import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

PREFIX = "ALLOCATOR_"
FILE = f"{PREFIX}CONFIG"
"""Environment variable that names the file of settings."""
_ADDRESS = re.compile(r"(?:[a-z+]+://)?(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):\d{1,5}")
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Settings(BaseSettings):
    """How the service runs."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, use_attribute_docstrings=True
    )

    database: str = "sqlite:///allocator-service.db"
    """Where everything is kept: `sqlite:///FILE`, or `postgresql+psycopg://USER@HOST/NAME`."""
    scheduler: str | None = None
    """Address of a Dask scheduler, such as `tcp://host:8786`; none: a cluster of its own."""
    workers: Count = Field(default_factory=lambda: os.cpu_count() or 1)
    """Runs computed at once by the service's own cluster."""
    processes_per_run: Count = 1
    """Processes that one run may use."""
    niceness: Annotated[int, Field(ge=0, le=19)] = 10
    """How far runs stand back behind everything else on their machine (Unix)."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """Port to listen on; 0: any free one."""
    open: bool = False
    """Answer whoever asks, without keys; only on an address of this machine alone."""
    packaged: bool = True
    """Whether the packaged instances are there from the start."""
    max_time_limit: Seconds = 21_600.0
    """Longest time limit of a run, in seconds."""
    max_open_runs: Count = 200
    """Most runs of one key that wait or run."""
    max_running_runs: Count | None = None
    """Most runs of one key that are computed at once; none: as many as there are workers."""
    max_body_mib: Count = 64
    """Largest body of a request, in MiB."""
    max_expanded_mib: Count = 128
    """Largest content of an archive that is sent, in MiB."""
    max_cells: Count = 5_000_000
    """Most cells in all tables of an instance that is sent."""
    max_members: Count = 64
    """Most files in an archive that is sent."""
    cors_origins: tuple[str, ...] = ()
    """Web origins whose pages may read answers; by default none."""
    log_format: Literal["auto", "json", "console"] = "auto"
    """`json`: a JSON object a line; `console`: for people; `auto`: for people on a terminal."""
    shutdown_seconds: Seconds = 3.0
    """Seconds that open requests may take when the service is told to stop."""

    @field_validator("database")
    @classmethod
    def _known_database(cls, value: str) -> str:
        if not value.startswith(("sqlite:///", "postgresql+psycopg://")):
            raise ValueError("give sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME")
        if value in ("sqlite:///", "sqlite:///:memory:"):
            raise ValueError("what is in memory is lost; give sqlite:///FILE")
        return value

    @field_validator("scheduler")
    @classmethod
    def _known_scheduler(cls, value: str | None) -> str | None:
        if value is not None and _ADDRESS.fullmatch(value) is None:
            raise ValueError("give the address of a Dask scheduler, such as tcp://HOST:8786")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what is given, then the environment, then the file."""
        file = os.environ.get(FILE)
        more = () if file is None else (TomlConfigSettingsSource(settings_cls, file),)
        return (init_settings, env_settings, *more)


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment in which another process has these settings."""
    given: dict[str, Any] = settings.model_dump(mode="json", exclude_none=True)
    kept = ("database", "processes_per_run", "niceness", "log_format")
    return {f"ALLOCATOR_{name.upper()}": str(given[name]) for name in kept}
