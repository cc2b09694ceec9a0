"""The key `population`: everyone takes by number of inhabitants."""

import pandas as pd

from allocator.keys.registry import normalised, register
from models.instance import Instance
from models.policy import Key


@register("population")
def population(instance: Instance, key: Key) -> "pd.Series[float]":  # noqa: ARG001
    """Share = population ÷ national population.

    Needs ``population`` (persons). No rounding, no caps.
    """
    towns = instance.municipalities.set_index("municipality_id")
    return normalised(towns["population"].astype("float64"))
