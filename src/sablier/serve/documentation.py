"""The documentation of the service as a page, made of its own description: it needs no script, and nothing from elsewhere."""

import html
import json
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import HTMLResponse

STYLE = """
:root { color-scheme: light dark; }
:root { --line: light-dark(#ddd, #444); --soft: light-dark(#f5f5f3, #222); --accent: light-dark(#8a4b08, #f0b060); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
details { border: 1px solid var(--line); border-radius: 6px; margin: .6rem 0; padding: .5rem .8rem; }
summary { cursor: pointer; } summary code { font-weight: 600; color: var(--accent); }
pre { background: var(--soft); padding: .7rem; border-radius: 6px; overflow-x: auto; white-space: pre-wrap; }
table { border-collapse: collapse; width: 100%; display: block; overflow-x: auto; }
th, td { text-align: left; vertical-align: top; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); }
"""
POLICY = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}


def add_documentation(app: FastAPI) -> None:
    """Serve the page under /docs."""

    @app.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        return HTMLResponse(page(app.openapi(), str(request.base_url).rstrip("/")), headers=POLICY)


def page(description: dict[str, Any], base: str) -> str:
    """Return the page for an OpenAPI description.

    Args:
        description: of the service.
        base: the address of the server, for the commands.
    """
    info = {key: html.escape(value) for key, value in description["info"].items()}
    token = "security" in description
    groups: dict[str, list[str]] = {}
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            groups.setdefault(operation["tags"][0], []).append(_operation(method, path, operation, base, token))
    body = "".join(f"<h2>{html.escape(name.capitalize())}</h2>{''.join(each)}" for name, each in groups.items())
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{info["title"]}: the service</title><style>{STYLE}</style></head>
<body><main><h1>{info["title"]}</h1>
<p>Version {info["version"]}. {info["description"]} An error is answered as a document application/problem+json.
For programs: <a href="openapi.json">openapi.json</a>.</p>
{body}</main></body></html>
"""


def _operation(method: str, path: str, operation: dict[str, Any], base: str, token: bool) -> str:
    parts = [f"<p>{html.escape(operation['description'])}</p>" if operation.get("description") else ""]
    parameters = [
        (_code(each["name"]), html.escape(_kind(each["schema"])), html.escape(each.get("description", "")))
        for each in operation.get("parameters", [])
    ]
    if parameters:
        parts.append(_table(("parameter", "value", "meaning"), parameters))
    body = operation.get("requestBody")
    if body:
        kinds = ", ".join(_code(each) for each in body["content"])
        parts.append(f"<p>Body: {html.escape(body.get('description', ''))} {kinds}</p>")
    answers = [
        (_code(status), html.escape(each["description"]), ", ".join(_code(media) for media in each.get("content", {})))
        for status, each in operation["responses"].items()
    ]
    parts.append(_table(("status", "answer", "as"), answers))
    parts.append(f"<pre>{html.escape(_curl(method, path, bool(body), base, token))}</pre>")
    title = f"{_code(f'{method.upper()} {path}')} {html.escape(operation.get('summary', ''))}"
    return f"<details><summary>{title}</summary>{''.join(parts)}</details>"


def _code(text: str) -> str:
    return f"<code>{html.escape(text)}</code>"


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    head = "".join(f"<th scope=col>{each}</th>" for each in heads)
    return (
        f"<table><tr>{head}</tr>{''.join('<tr>' + ''.join(f'<td>{each}</td>' for each in row) + '</tr>' for row in rows)}</table>"
    )


def _kind(schema: dict[str, Any]) -> str:
    """Return what values a parameter has, in words.

    >>> _kind({"type": "number", "exclusiveMinimum": 0.0, "exclusiveMaximum": 1.0, "default": 0.05})
    'number above 0, below 1; 0.05'
    """
    kinds = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
    found = []
    for each in kinds:
        if "enum" in each:
            found.append(" or ".join(map(str, each["enum"])))
            continue
        limits = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
        words = ", ".join(f"{word} {each[key]:g}" for key, word in limits.items() if key in each)
        found.append(f"{each.get('type', 'value')} {words}".strip())
    default = schema.get("default")
    return " or ".join(found) + ("" if default is None else f"; {json.dumps(default)}")


def _curl(method: str, path: str, body: bool, base: str, token: bool) -> str:
    """Return a command that asks for an operation."""
    given = ' -H "Authorization: Bearer $TOKEN"' if token else ""
    sent = " -H 'Content-Type: image/png' --data-binary @image.png" if body else (" -X POST" if method == "post" else "")
    return f"curl{given}{sent} {base}{path.replace('{name}', 'NAME')}"
