"""Logs: one line an event, with the ids of request and run, and never a key or a body."""

import logging
import sys

import structlog

from api.settings import Settings


def configure(settings: Settings) -> None:
    """Have everything logged to standard error, as JSON or for people."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor = structlog.processors.JSONRenderer()
    on_terminal = settings.log_format == "auto" and sys.stderr.isatty()
    if settings.log_format == "console" or on_terminal:
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    last: list[structlog.typing.Processor] = [structlog.processors.format_exc_info, renderer]
    structlog.configure(
        processors=[
            *shared[:2],
            shared[3],
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for noisy in ("alembic", "distributed", "tornado", "bokeh", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
