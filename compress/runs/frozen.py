"""The base of every value that is kept as JSON: frozen and checked."""

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """A part of a document: frozen, without unknown fields, NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, revalidate_instances="always")
