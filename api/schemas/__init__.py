"""What goes in and comes out, as JSON."""

from pydantic import BaseModel, ConfigDict


class Body(BaseModel):
    """Something that is sent: unknown fields are refused, and text is no number."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )


class Answered(BaseModel):
    """Something that is answered."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )


class Query(BaseModel):
    """Query parameters: unknown ones are refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )
