"""Names for new things: they sort in the order in which they were made."""

import secrets
import time

_lately = 0


def new_id(prefix: str) -> str:
    """Return a new id such as ``run_019ab3c7d2f04b9e1c``: time in milliseconds, then chance.

    Ids that one process makes always grow, also within a millisecond.
    """
    global _lately
    _lately = max(_lately + 1, int(time.time() * 1000) << 12)
    return f"{prefix}_{_lately:015x}{secrets.token_hex(4)}"
