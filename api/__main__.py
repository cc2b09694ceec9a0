"""``python -m api``: the service as the environment sets it, for process managers."""

from api.serving import serve
from api.settings import Settings

if __name__ == "__main__":
    serve(Settings())
