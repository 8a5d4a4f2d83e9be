"""Random schemas in the styles of Pydantic, Zod and OpenAPI 3.0, as rows of tests/schemas/run.

Each style is one way to write the same kinds of values: objects, lists, tuples, records, unions with a discriminator,
optional and nullable fields, bounds, patterns, formats, constants and references. Equal seeds give equal schemas.
"""
import random

NAMES = ["id", "name", "größe", "tags", "owner", "at", "price", "unit", "on", "next_step", "x-y", "名前", "items", "a b"]
WORDS = ["low", "mid", "high", "grün", "蓝", 'a "b"', "c\\d", "", "null", "\U0001F600"]
PATTERNS = ["^[0-9]{5}$", "^[A-Z]{2}-\\d{2}$", "^abc.*", "^(a|bc)+$", "^\\w{1,4}$", "^[a-f0-9]{8}$"]
FORMATS = ["date", "date-time", "uuid", "email", "ipv4", "time"]
NULL = {"type": "null"}


class Style:
    """Writes values as JSON schema; subclasses write them as their library does."""
    name = "plain"
    closed = False   # objects forbid other fields
    nullable = False  # nullable is a flag, and the validator needs the schema in other words
    definitions = "$defs"

    def __init__(self, draw):
        self.draw, self.defs = draw, {}

    def root(self):
        schema = self.object(3)
        return {**schema, self.definitions: self.defs} if self.defs else schema

    def object(self, depth):
        names = self.draw.sample(NAMES, self.draw.randrange(1, 5))
        fields = {n: self.field(n, self.value(depth - 1)) for n in names}
        required = [n for n in names if self.draw.random() < 0.7] or names[:1]
        schema = {"type": "object", "properties": fields, "required": required}
        return {**schema, "additionalProperties": False} if self.closed else schema

    def field(self, _, schema):
        return schema

    def value(self, depth):
        kinds = [self.text, self.number, self.choice, self.flag]
        if depth > 0:
            kinds += [self.list, self.tuple, self.record, self.union, self.reference, self.object_below, self.optional]
        return self.draw.choice(kinds)(depth)

    def object_below(self, depth):
        return self.object(depth)

    def text(self, _):
        kind = self.draw.randrange(4)
        if kind == 0:
            return {"type": "string", "pattern": self.draw.choice(PATTERNS)}
        if kind == 1:
            return {"type": "string", "format": self.draw.choice(FORMATS)}
        least = self.draw.randrange(4)
        return {"type": "string", "minLength": least, "maxLength": least + self.draw.randrange(6)} if kind == 2 else {"type": "string"}

    def number(self, _):
        low = self.draw.randrange(-50, 50)
        schema = {"type": self.draw.choice(["integer", "number"])}
        if self.draw.random() < 0.6:
            schema.update({"minimum": low, "maximum": low + self.draw.randrange(1, 500)})
        elif self.draw.random() < 0.3:
            schema.update({"exclusiveMinimum": low})
        return schema

    def flag(self, _):
        return {"type": "boolean"}

    def choice(self, _):
        values = self.draw.sample(WORDS, self.draw.randrange(1, 5))
        return {"type": "string", "enum": values} if len(values) > 1 else {"type": "string", "const": values[0]}

    def list(self, depth):
        schema = {"type": "array", "items": self.value(depth - 1)}
        if self.draw.random() < 0.5:
            schema.update({"minItems": self.draw.randrange(3), "maxItems": self.draw.randrange(3, 6)})
        return schema

    def tuple(self, depth):
        parts = [self.value(depth - 1) for _ in range(self.draw.randrange(1, 4))]
        return {"type": "array", "prefixItems": parts, "minItems": len(parts), "maxItems": len(parts)}

    def record(self, depth):
        return {"type": "object", "additionalProperties": self.value(depth - 1)}

    def optional(self, depth):
        return {"anyOf": [self.value(depth - 1), NULL]}

    def member(self, tag, depth):
        schema = self.object(depth)
        schema["properties"] = {"kind": {"type": "string", "const": tag}, **schema["properties"]}
        schema["required"] = ["kind", *schema["required"]]
        return schema

    def union(self, depth):
        return {"anyOf": [self.member(t, depth - 1) for t in ("cat", "dog", "fish")[:self.draw.randrange(2, 4)]]}

    def define(self, schema):
        name = f"D{len(self.defs)}"
        self.defs[name] = schema
        return {"$ref": f"#/{self.definitions}/{name}"}

    def reference(self, depth):
        if self.defs and self.draw.random() < 0.4:
            return {"$ref": f"#/{self.definitions}/{self.draw.choice(sorted(self.defs))}"}
        return self.define(self.object(depth - 1))


class Pydantic(Style):
    name = "pydantic"

    def root(self):
        return {**super().root(), "title": "Model", "description": "A model."}

    def field(self, name, schema):
        return schema if "$ref" in schema else {**schema, "title": name.title(), "description": f"The {name}."}

    def optional(self, depth):
        return {**super().optional(depth), "default": None}

    def choice(self, depth):
        return self.define({**super().choice(depth), "title": "Choice"})

    def union(self, depth):
        members = {t: self.define(self.member(t, depth - 1)) for t in ("cat", "dog")}
        mapping = {t: m["$ref"] for t, m in members.items()}
        return {"oneOf": [*members.values()], "discriminator": {"propertyName": "kind", "mapping": mapping}}

    def record(self, depth):
        keys = {"propertyNames": {"enum": ["cpu", "memory"]}} if self.draw.random() < 0.3 else {}
        return {**super().record(depth), **keys}


class Zod(Style):
    name = "zod"
    closed = True

    def root(self):
        return {"$schema": "https://json-schema.org/draft/2020-12/schema", **super().root()}

    def number(self, depth):
        schema = super().number(depth)
        if schema == {"type": "integer"}:
            schema.update({"minimum": -9007199254740991, "maximum": 9007199254740991})
        return schema

    def tuple(self, depth):
        schema = super().tuple(depth)
        del schema["maxItems"]
        return {**schema, "items": False}

    def record(self, depth):
        return {**super().record(depth), "propertyNames": {"type": "string"}}

    def optional(self, depth):
        schema = super().optional(depth)
        return {**schema, "default": None} if self.draw.random() < 0.3 else schema


class OpenApi(Style):
    name = "openapi"
    definitions = "definitions"
    nullable = True

    def field(self, name, schema):
        return schema if "$ref" in schema else {**schema, "description": f"The {name}.", "readOnly": False}

    def number(self, depth):
        schema = super().number(depth)
        return {**schema, "format": "int64" if schema["type"] == "integer" else "double"}

    def choice(self, depth):
        schema = super().choice(depth)
        return {"type": "string", "enum": schema.get("enum") or [schema["const"]]}

    def member(self, tag, depth):
        schema = super().member(tag, depth)
        schema["properties"]["kind"] = {"type": "string", "enum": [tag]}
        return schema

    def tuple(self, depth):
        return self.list(depth)

    def optional(self, depth):
        return {**self.draw.choice([self.text, self.number, self.flag, self.record])(depth), "nullable": True}


def plain(schema):
    """A schema of OpenAPI 3.0 in the words of JSON schema."""
    if isinstance(schema, list):
        return [plain(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    words = {k: plain(v) for k, v in schema.items() if k != "nullable" or isinstance(v, dict)}
    return {"anyOf": [words, NULL]} if schema.get("nullable") is True else words


def rows(count, seed):
    """`count` rows, the styles in turn."""
    for i in range(count):
        style = (Pydantic, Zod, OpenApi)[i % 3](random.Random(f"{seed} schema {i}"))
        schema = style.root()
        row = {"name": f"{style.name} {i}", "schema": schema}
        yield {**row, "valid": plain(schema)} if style.nullable else row
