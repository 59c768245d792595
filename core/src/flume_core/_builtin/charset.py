"""Character encodings as a field of configuration models."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import AfterValidator

__all__ = ["Charset"]


def _known(name: str) -> str:
    try:
        # Unlike codecs.lookup this refuses codecs that are no text encodings.
        "x".encode(name)
    except (LookupError, ValueError) as error:
        raise ValueError(
            f"there is no character encoding {name!r}; write for instance UTF-8"
        ) from error
    return name


Charset: TypeAlias = Annotated[str, AfterValidator(_known)]
"""The name of a character encoding, as Python and, for the usual ones, Java spell it."""
