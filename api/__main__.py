"""``python -m api``: the service as the environment sets it, for process managers."""

import sys

from api.starting import RefusedToServe, read_settings


def main() -> None:
    """Serve, or say why not."""
    try:
        settings = read_settings()
        # Only now: what is wrong with the settings is said at once.
        from api.serving import serve

        serve(settings)
    except RefusedToServe as error:
        for line in str(error).splitlines():
            sys.stderr.write(f"error: {line}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
