"""How answers of many solves show themselves: a headline, lines and tables, and their chart."""

import base64
from abc import abstractmethod
from typing import Any

from models.views import Shown, as_html


class Charted(Shown):
    """An answer that has a chart."""

    @property
    def chart(self) -> Any:
        """The answer as an Altair chart, ``chart.save("answer.svg")``; none without a plan."""
        from allocator.sensitivity.charts import styled

        chart = self._drawn()
        return None if chart is None else styled(chart)

    @abstractmethod
    def _drawn(self) -> Any:
        """Return the chart, without its style; none where there is nothing to draw."""

    def _repr_html_(self) -> str:
        chart = self._drawn()
        return as_html(self._headline(), self._parts(), "" if chart is None else _image(chart))


def _image(chart: Any) -> str:
    """Return a chart as an image, so that nothing in it is taken for a part of another one."""
    from allocator.sensitivity.charts import drawn

    encoded = base64.b64encode(drawn(chart, "svg")).decode()
    return f'<img alt="chart" src="data:image/svg+xml;base64,{encoded}">'
