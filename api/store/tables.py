"""The tables of the service. Rows of the record are added and closed, never rewritten."""

import datetime as dt
import json
import zlib
from typing import Any

import sqlalchemy as sa

METADATA = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Moment(sa.TypeDecorator[dt.datetime]):
    """A moment in UTC. SQLite forgets the time zone; it is put back when read."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Any) -> dt.datetime | None:
        """Refuse a moment that does not say its time zone, and store it in UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value.astimezone(dt.UTC)

    def process_result_value(self, value: dt.datetime | None, dialect: Any) -> dt.datetime | None:
        """Return the moment in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


class Packed(sa.TypeDecorator[bytes]):
    """Bytes that are kept compressed (zlib)."""

    impl = sa.LargeBinary
    cache_ok = True

    def process_bind_param(self, value: bytes | None, dialect: Any) -> bytes | None:
        """Compress."""
        return None if value is None else zlib.compress(value, 6)

    def process_result_value(self, value: bytes | None, dialect: Any) -> bytes | None:
        """Expand."""
        return None if value is None else zlib.decompress(value)


class Json(sa.TypeDecorator[Any]):
    """JSON as text, the same on every database."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:
        """Write JSON; missing stays missing."""
        if value is None:
            return None
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))

    def process_result_value(self, value: str | None, dialect: Any) -> Any:
        """Read JSON."""
        return None if value is None else json.loads(value)


KEYS = sa.Table(
    "keys",
    METADATA,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("role", sa.String(20), nullable=False),
    sa.Column("municipality_id", sa.String(100)),
    sa.Column("secret_sha256", sa.String(64), nullable=False, unique=True),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("expires_at", Moment),
    sa.Column("revoked_at", Moment),
)
"""Who may do what. A key itself is shown once and never stored."""

INSTANCES = sa.Table(
    "instances",
    METADATA,
    sa.Column("id", sa.String(140), primary_key=True),
    sa.Column("name", sa.String(100), nullable=False, index=True),
    sa.Column("sha256", sa.String(64), nullable=False, unique=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("year", sa.Integer, nullable=False),
    sa.Column("target", sa.Integer, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("municipalities", sa.Integer, nullable=False),
    sa.Column("warnings", Json, nullable=False),
    sa.Column("package", sa.LargeBinary, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("created_by", sa.String(40)),
)
"""Instances by content: the same one is stored once. `package` is a zip of the folder."""

RUNS = sa.Table(
    "runs",
    METADATA,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("instance_id", sa.String(140), sa.ForeignKey("instances.id"), nullable=False),
    sa.Column("base_run_id", sa.String(40), sa.ForeignKey("runs.id")),
    sa.Column("name", sa.String(200)),
    sa.Column("tags", Json, nullable=False),
    sa.Column("request", Json, nullable=False),
    sa.Column("created_by", sa.String(40)),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("submitted_at", Moment),
    sa.Column("started_at", Moment),
    sa.Column("updated_at", Moment),
    sa.Column("finished_at", Moment),
    sa.Column("cancel_requested_at", Moment),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("token", sa.String(40)),
    sa.Column("progress", Json),
    sa.Column("plan_status", sa.String(20)),
    sa.Column("headline", Json),
    sa.Column("error", Json),
    sa.Index("ix_runs_state", "state", "id"),
    sa.Index("ix_runs_instance_id", "instance_id"),
)
"""Runs: what was asked, where it stands, how it ended. `token` is the attempt that may write."""

RUN_TAGS = sa.Table(
    "run_tags",
    METADATA,
    sa.Column("run_id", sa.String(40), sa.ForeignKey("runs.id"), primary_key=True),
    sa.Column("tag", sa.String(50), primary_key=True, index=True),
)
"""Tags of runs, to look runs up by."""

RESULTS = sa.Table(
    "results",
    METADATA,
    sa.Column("run_id", sa.String(40), sa.ForeignKey("runs.id"), primary_key=True),
    sa.Column("name", sa.String(60), primary_key=True),
    sa.Column("media_type", sa.String(100), nullable=False),
    sa.Column("content", Packed, nullable=False),
)
"""What runs answered, by name: `plan`, `result`, `chart`, and pages once somebody asked."""

NUMBERS = sa.Table(
    "numbers",
    METADATA,
    sa.Column("run_id", sa.String(40), sa.ForeignKey("runs.id"), primary_key=True),
    sa.Column("municipality_id", sa.String(100), primary_key=True),
    sa.Column("content", Json, nullable=False),
)
"""What a plan asks of one municipality, to be read alone."""

EXPLANATIONS = sa.Table(
    "explanations",
    METADATA,
    sa.Column("plan_run_id", sa.String(40), sa.ForeignKey("runs.id"), primary_key=True),
    sa.Column("municipality_id", sa.String(100), primary_key=True),
    sa.Column("run_id", sa.String(40), sa.ForeignKey("runs.id"), primary_key=True),
    sa.Column("content", Json, nullable=False),
)
"""Explanations of numbers of a plan, by the run that computed them; the newest is shown."""

EVENTS = sa.Table(
    "events",
    METADATA,
    sa.Column("run_id", sa.String(40), sa.ForeignKey("runs.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("data", Json, nullable=False),
)
"""What happened to a run, in order: changes of state, progress, crashes. Also its log."""

IDEMPOTENCY = sa.Table(
    "idempotency",
    METADATA,
    sa.Column("created_by", sa.String(40), primary_key=True),
    sa.Column("key", sa.String(200), primary_key=True),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("resource_id", sa.String(140), nullable=False),
    sa.Column("created_at", Moment, nullable=False),
)
"""Requests that were sent with an `Idempotency-Key`, and what they made."""

PROPOSALS = sa.Table(
    "proposals",
    METADATA,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("run_id", sa.String(40), sa.ForeignKey("runs.id"), nullable=False),
    sa.Column("title", sa.String(200), nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("answer_by", sa.Date),
    sa.Column("author", sa.String(200), nullable=False),
    sa.Column("created_by", sa.String(40)),
    sa.Column("created_at", Moment, nullable=False),
)
"""Plans that were put to the municipalities."""

PROPOSAL_STEPS = sa.Table(
    "proposal_steps",
    METADATA,
    sa.Column("proposal_id", sa.String(40), sa.ForeignKey("proposals.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("author", sa.String(200), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("created_by", sa.String(40)),
    sa.Column("created_at", Moment, nullable=False),
)
"""What became of a proposal: published, withdrawn."""

ANSWERS = sa.Table(
    "answers",
    METADATA,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("proposal_id", sa.String(40), sa.ForeignKey("proposals.id"), nullable=False),
    sa.Column("municipality_id", sa.String(100), nullable=False),
    sa.Column("answer", sa.String(20), nullable=False),
    sa.Column("persons", sa.Integer),
    sa.Column("author", sa.String(200), nullable=False),
    sa.Column("date", sa.Date, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("capacities", Json, nullable=False),
    sa.Column("created_by", sa.String(40)),
    sa.Column("created_at", Moment, nullable=False),
    sa.Index("ix_answers_proposal_id", "proposal_id", "municipality_id", "id"),
)
"""Answers of municipalities; a later one stands beside the earlier, which stays."""


def now() -> dt.datetime:
    """Return the moment, in UTC."""
    return dt.datetime.now(dt.UTC)
