"""The OpenAPI document as one page for people: rendered here, without a script, a font or a picture from anywhere."""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from html import escape
from typing import Any, Final

_STYLE: Final = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --get: #1a7f4b; --post: #1f5fbf; --put: #9a6200;
  --patch: #9a6200; --delete: #b3261e; }
* { box-sizing: border-box }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; display: grid; grid-template-columns: 15rem minmax(0, 1fr) }
nav { position: sticky; top: 0; height: 100vh; overflow: auto; padding: 1.5rem 1rem;
  border-right: 1px solid var(--line) }
nav a { display: block; padding: .15rem .5rem; color: inherit; text-decoration: none; border-radius: .3rem }
nav a:hover { background: var(--soft) }
main { padding: 1.5rem 2rem 6rem; max-width: 62rem }
h1 { margin-top: 0 } h2 { margin-top: 3rem; text-transform: capitalize } h3 { margin: 1.2rem 0 .3rem; font-size: 1rem }
details { border: 1px solid var(--line); border-radius: .5rem; margin: .5rem 0; padding: 0 1rem }
summary { cursor: pointer; padding: .6rem 0; display: flex; gap: .8rem; align-items: baseline; flex-wrap: wrap }
summary b { font: 600 .8rem ui-monospace, monospace; min-width: 4rem }
.get { color: var(--get) } .post { color: var(--post) } .put, .patch { color: var(--put) }
.delete { color: var(--delete) }
code { font: .9em ui-monospace, monospace; overflow-wrap: anywhere }
summary span { opacity: .75 } .gone summary code { text-decoration: line-through }
table { border-collapse: collapse; width: 100%; margin: .3rem 0 1rem } td, th { text-align: left; vertical-align: top;
  padding: .3rem .6rem .3rem 0; border-top: 1px solid var(--line) } th { font-weight: 600; opacity: .75 }
@media (max-width: 50rem) { body { display: block } nav { position: static; height: auto } main { padding: 1rem } }
"""
CONTENT_SECURITY_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_METHODS: Final = ("get", "post", "put", "patch", "delete", "options")


def render_page(document: Mapping[str, Any]) -> bytes:
    """HTML in UTF-8, to be sent with `CONTENT_SECURITY_POLICY`."""
    return "".join(_page(document)).encode()


def _page(document: Mapping[str, Any]) -> Iterator[str]:
    info = document["info"]
    groups: dict[str, list[tuple[str, str, Mapping[str, Any]]]] = {}
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                groups.setdefault(methods[method]["tags"][0], []).append((method, path, methods[method]))
    schemas = document["components"]["schemas"]
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{escape(info['title'])}</title><style>{_STYLE}</style></head><body><nav>"
    for tag in groups:
        yield f'<a href="#{escape(tag)}">{escape(tag)}</a>'
    yield '<a href="#schemas">schemas</a><a href="openapi.json">openapi.json</a></nav><main>'
    yield f"<h1>{escape(info['title'])}</h1>"
    for paragraph in info["description"].split("\n\n"):
        yield f"<p>{_text(paragraph)}</p>"
    for tag, operations in groups.items():
        yield f'<section id="{escape(tag)}"><h2>{escape(tag)}</h2>'
        for method, path, operation in operations:
            yield from _operation(document, method, path, operation)
        yield "</section>"
    yield '<section id="schemas"><h2>schemas</h2>'
    for name, schema in schemas.items():
        yield f'<details id="schema-{escape(name)}"><summary><code>{escape(name)}</code></summary>'
        yield f"<p>{_text(schema.get('description', ''))}</p>{_schema_table(schema)}</details>"
    yield "</section></main></body></html>"


def _operation(document: Mapping[str, Any], method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    gone = ' class="gone"' if operation.get("deprecated") else ""
    yield f'<details id="{escape(operation["operationId"])}"{gone}><summary><b class="{method}">{method.upper()}</b>'
    yield f"<code>{escape(path)}</code><span>{_text(operation['summary'])}</span></summary>"
    if "description" in operation:
        yield f"<p>{_text(operation['description'])}</p>"
    yield "<p>Needs a sign-in.</p>" if "security" in operation else "<p>Public.</p>"
    if "parameters" in operation:
        yield "<h3>Parameters</h3><table><tr><th>name<th>in<th>type<th>meaning</tr>"
        for each in operation["parameters"]:
            yield f"<tr><td><code>{escape(each['name'])}</code><td>{each['in']}<td>{_type(each['schema'])}"
            yield f"<td>{_text(each.get('description', ''))}</tr>"
        yield "</table>"
    for content in operation.get("requestBody", {}).get("content", {}).values():
        yield f"<h3>Body</h3><p>{_type(content.get('schema', {}))}</p>"
    yield "<h3>Answers</h3><table>"
    for status, response in operation["responses"].items():
        found = response
        if "$ref" in response:
            found = document["components"]["responses"][response["$ref"].removeprefix("#/components/responses/")]
        schema = found.get("content", {}).get("application/json", {}).get("schema")
        yield f"<tr><td>{escape(status)}<td>{_text(found['description'])}<td>{_type(schema) if schema else ''}</tr>"
    yield "</table></details>"


def _schema_table(schema: Mapping[str, Any]) -> str:
    if "properties" not in schema:
        return f"<p>{_type(schema)}</p>"
    required = schema.get("required", ())
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code>{'' if name in required else ' ?'}<td>{_type(each)}"
        f"<td>{_text(each.get('description', ''))}</tr>"
        for name, each in schema["properties"].items()
    )
    return f"<table>{rows}</table>"


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#schema-{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(f"<code>{escape(str(each))}</code>" for each in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}{_limits(schema)}"
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"map of {_type(schema['additionalProperties'])}"
    return f"{escape(str(schema.get('type', 'anything')))}{_limits(schema)}"


def _limits(schema: Mapping[str, Any]) -> str:
    names = ("format", "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems", "default")
    shown = [f"{name} {schema[name]}" for name in names if schema.get(name) not in (None, [], {})]
    return f" ({escape(', '.join(shown))})" if shown else ""


def _text(text: str) -> str:
    """Escaped; what stands in backquotes as code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if position % 2 else part for position, part in enumerate(parts))
