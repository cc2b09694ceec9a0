"""``python -m api``: the service as the environment sets it, for process managers."""

import sys

from api.serving import serve
from api.starting import RefusedToServe, read_settings

if __name__ == "__main__":
    try:
        serve(read_settings())
    except RefusedToServe as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)
