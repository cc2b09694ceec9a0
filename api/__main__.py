"""``python -m api``: the service as the environment sets it, for process managers."""

import sys

import typer

from api.cli import serving

if __name__ == "__main__":
    try:
        serving(None, {})
    except typer.Exit as ended:
        sys.exit(ended.exit_code)
