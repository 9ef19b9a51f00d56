"""The OpenAPI 3.1 document, generated from the declarations that validate requests.

What the edge does for every endpoint (errors, headers, keys, tags) is derived from the declaration, so the document
cannot forget it.
"""

import inspect
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from web.access import Requires
from web.declaration import Endpoint, Limit
from web.errors import CODES, ErrorOut
from web.fallback import ROUTE_PREFIX
from web.idempotency import HEADER, MAX_KEY
from web.origins import SAFE_METHODS

API_VERSION: Final = "1.0.0"
"""Of the contract, not of the release: it changes when `docs/openapi.json` does in a way clients can see."""
_REF: Final = "#/components/schemas/{name}"
_ABOUT: Final = """\
The backend of the T.O.O.L.S Inc platform and of MackChat: sign-in, courses, forms, files and messages.

JSON bodies in UTF-8 with camelCase names; unknown fields are refused, texts are NFC-normalised and trimmed. Times are
UTC, ISO 8601 with milliseconds. Ids are UUIDv7. Sign in with `Authorization: Bearer`, or with the cookies, whose
writes must come from an allowed origin. Every failure is an `ErrorOut`; `docs/errors.md` explains each code."""
_RATE_HEADERS: Final = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "X-Request-Id")
_HEADERS: Final[Mapping[str, tuple[str, str]]] = {
    "X-RateLimit-Limit": ("integer", "Requests a minute, of the tightest limit that counts this request."),
    "X-RateLimit-Remaining": ("integer", "How many are left at this moment."),
    "X-RateLimit-Reset": ("integer", "When all are free again, in seconds since the epoch."),
    "X-Request-Id": ("string", "The request's id: the one that was sent, or a new one. Name it when asking for help."),
    "Retry-After": ("integer", "Seconds to wait before trying again."),
    "ETag": ("string", "A strong validator, for `If-None-Match` and `If-Match`."),
    "Idempotent-Replayed": ("string", "`true` on an answer that was given before."),
}


def describe(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    """The whole document."""
    endpoints = sorted(endpoints, key=lambda each: (each.route, each.method))
    types = [kind for each in endpoints for kind in (each.takes, each.query, each.gives) if _is_schema(kind)]
    refs, schemas = msgspec.json.schema_components([ErrorOut, *types], ref_template=_REF)
    for schema in schemas.values():  # Python 3.13 takes a docstring's indentation away, 3.11 does not
        if "description" in schema:
            schema["description"] = inspect.cleandoc(schema["description"])
    schema_of = dict(zip([ErrorOut, *types], refs, strict=True))
    responses: dict[str, Any] = {}
    paths: dict[str, dict[str, Any]] = {}
    for each in endpoints:
        queries = _resolve(schema_of[each.query], schemas) if each.query else {}
        paths.setdefault(_path(each), {})[each.method.lower()] = _operation(each, schema_of, queries, responses)
    used = _used(paths, responses, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "T.O.O.L.S Inc Platform & MackChat", "version": API_VERSION, "description": _ABOUT},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": {name: _tidy(name, schemas[name]) for name in sorted(used)},
            "responses": dict(sorted(responses.items())),
            "headers": {
                name: {"description": text, "schema": {"type": kind}} for name, (kind, text) in _HEADERS.items()
            },
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "accessToken"},
            },
        },
    }


def _operation(
    each: Endpoint, schema_of: Mapping[Any, Any], queries: Mapping[str, Any], responses: dict[str, Any]
) -> dict[str, Any]:
    operation: dict[str, Any] = {"operationId": _camel(each.name), "summary": each.summary, "tags": [_tag(each)]}
    if each.description:
        operation["description"] = each.description
    if each.deprecated:
        operation["deprecated"] = True
    parameters = [*_path_parameters(each), *_query_parameters(queries), *_header_parameters(each)]
    if parameters:
        operation["parameters"] = parameters
    if each.takes is not None:
        required = any(field.required for field in msgspec.structs.fields(each.takes))
        content = {media_type: {"schema": schema_of[each.takes]} for media_type in each.media_types}
        operation["requestBody"] = {"required": required, "content": content}
    successes = {str(status): _success(each, schema_of) for status in (each.status, *each.also)}
    operation["responses"] = {**successes, **_refusals(each, responses)}
    if each.access.requires in {Requires.SIGN_IN, Requires.VERIFIED}:
        operation["security"] = [{"bearer": []}, {"cookie": []}]
    return operation


def _path_parameters(each: Endpoint) -> list[dict[str, Any]]:
    found = []
    for segment in each.route.split("/"):
        if segment.startswith("{"):
            name = segment.strip("{}")
            schema = {"type": "string", "format": "uuid"} if name.endswith("_id") else {"type": "string"}
            found.append({"name": _camel(name), "in": "path", "required": True, "schema": schema})
    return found


def _query_parameters(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = []
    for name, each in schema.get("properties", {}).items():
        options = [option for option in each.get("anyOf", ()) if option != {"type": "null"}]
        inner = {**options[0]} if len(options) == 1 else dict(each)
        if each.get("default") not in (None, []):
            inner["default"] = each["default"]
        parameter: dict[str, Any] = {"name": name, "in": "query", "schema": inner}
        if "description" in inner:
            parameter["description"] = inner.pop("description")
        if name in schema.get("required", ()):
            parameter["required"] = True
        if inner.get("type") == "array":
            parameter |= {"style": "form", "explode": False}  # ?ids=a,b
        found.append(parameter)
    return found


def _header_parameters(each: Endpoint) -> list[dict[str, Any]]:
    def header(name: str, description: str, **schema: Any) -> dict[str, Any]:
        return {"name": name, "in": "header", "description": description, "schema": {"type": "string", **schema}}

    found = []
    if each.idempotent or each.replays_itself:
        text = "Sent twice with the same body within 24 hours, the request is carried out once."
        found.append(header(HEADER, text, minLength=1, maxLength=MAX_KEY))
    if each.etag:
        found.append(header("If-None-Match", "An `ETag`: answered with 304 when nothing has changed."))
    if each.method in {"PATCH", "PUT"}:
        found.append(header("If-Match", "An `ETag`: refused with 412 when something has changed."))
    return found


def _success(each: Endpoint, schema_of: Mapping[Any, Any]) -> dict[str, Any]:
    headers = [*_RATE_HEADERS]
    if each.etag:
        headers.append("ETag")
    if each.idempotent:
        headers.append("Idempotent-Replayed")
    response: dict[str, Any] = {"description": each.summary, "headers": _headers(headers)}
    if each.gives is bytes:
        response["content"] = {"*/*": {}}
    elif each.gives is not None:
        response["content"] = {"application/json": {"schema": schema_of[each.gives]}}
    return response


def _refusals(each: Endpoint, responses: dict[str, Any]) -> dict[str, Any]:
    by_status: dict[int, list[str]] = {}
    for code in CODES:
        if code in possible_codes(each):
            by_status.setdefault(CODES[code], []).append(code)
    found: dict[str, Any] = {}
    if each.etag:
        responses["304"] = {"description": "The client has it already.", "headers": _headers([*_RATE_HEADERS, "ETag"])}
        found["304"] = {"$ref": "#/components/responses/304"}
    for status, codes in by_status.items():
        name = ".".join([str(status), *codes])
        headers = [*_RATE_HEADERS, "Retry-After"] if status in {429, 503} else [*_RATE_HEADERS]
        responses[name] = {
            "description": ", ".join(f"`{code}`" for code in codes),
            "headers": _headers(headers),
            "content": {"application/json": {"schema": {"$ref": _REF.format(name="ErrorOut")}}},
        }
        found[str(status)] = {"$ref": f"#/components/responses/{name}"}
    return found


def possible_codes(each: Endpoint) -> set[str]:
    """Every code this endpoint can answer: what it declares, and what the edge adds."""
    codes = {*each.errors, "server_error", "service_unavailable"}
    if each.limit is not Limit.NONE:
        codes.add("rate_limit_exceeded")
    if each.takes is not None:
        codes |= {"validation_error", "payload_too_large", "unsupported_media_type"}
    if each.query is not None or each.idempotent:
        codes.add("validation_error")
    if "{" in each.route:
        codes.add("not_found")
    if each.idempotent:
        codes.add("conflict")
    if each.method in {"PATCH", "PUT"}:
        codes.add("precondition_failed")
    return codes | _access_codes(each)


def _access_codes(each: Endpoint) -> set[str]:
    requires = each.access.requires
    if requires not in {Requires.SIGN_IN, Requires.VERIFIED}:
        return set()
    codes = {"missing_token", "invalid_token", "token_revoked"}
    if each.method not in SAFE_METHODS:
        codes.add("csrf_failed")
    if requires is Requires.VERIFIED:
        codes.add("email_not_verified")
    if each.access.roles:
        codes.add("forbidden")
    return codes


def _headers(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _path(each: Endpoint) -> str:
    segments = each.route.split("/")
    return "/".join(
        ["", ROUTE_PREFIX, *(f"{{{_camel(one.strip('{}'))}}}" if one.startswith("{") else one for one in segments)]
    )


def _tag(each: Endpoint) -> str:
    first, *rest = each.route.split("/")
    return rest[0] if first == "v1" and rest else "operations"


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


def _is_schema(kind: Any) -> bool:
    return kind is not None and kind is not bytes


def _resolve(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = schemas[schema["$ref"].rpartition("/")[2]]
    return found


def _tidy(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Without the title that only repeats the name."""
    return {key: value for key, value in schema.items() if not (key == "title" and value == name)}


def _used(paths: Any, responses: Any, schemas: Mapping[str, Any]) -> set[str]:
    """The schemas that something refers to: those of query strings have become parameters."""
    found: set[str] = set()
    waiting: list[Any] = [paths, responses]
    while waiting:
        match waiting.pop():
            case {"$ref": str(ref)} if ref.startswith("#/components/schemas/"):
                name = ref.rpartition("/")[2]
                if name not in found:
                    found.add(name)
                    waiting.append(schemas[name])
            case dict() as some:
                waiting.extend(some.values())
            case list() as some:
                waiting.extend(some)
    return found
