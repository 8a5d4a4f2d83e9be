"""Validates JSON answers with the models of the official packages, strictly: types, required fields, and no unknown ones
except those that docs/own-fields.md lists."""
import os
import pathlib
import re

import pydantic

DOCS = pathlib.Path(os.environ["AUTARK_ROOT"]) / "docs/own-fields.md"
OWN = set(re.findall(r"^\| `([^`]+)` \|", DOCS.read_text(), re.M))


def extras(value, path=""):
    """The paths of the fields that no model knows; list indices are left out."""
    if isinstance(value, pydantic.BaseModel):
        for name in value.model_extra or {}:
            yield f"{path}.{name}".lstrip(".")
        for name in type(value).model_fields:
            yield from extras(getattr(value, name), f"{path}.{name}")
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from extras(each, path)
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from extras(each, f"{path}.{name}")


def is_own(path):
    """A field is listed by its name, or by its parent's and its own."""
    return path.split(".")[-1] in OWN or ".".join(path.split(".")[-2:]) in OWN


def validated(kind, raw):
    """`raw` as an object of `kind`. Raises if it is none, or has a field that is neither known nor listed."""
    value = pydantic.TypeAdapter(kind).validate_json(raw, strict=True)
    unknown = sorted({p for p in extras(value) if not is_own(p)})
    if unknown:
        raise AssertionError(f"{kind} does not know {unknown}")
    return value
