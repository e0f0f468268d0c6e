"""What `make docs` adds to the pages: references of the Python interface and of the command line, and links that leave docs/."""

import ast
import posixpath
import re
from pathlib import Path
from typing import Any

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from sablier.cli.main import app

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"\]\(((?:\.\./)+[^)\s]*)\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put every decision into the navigation."""
    decisions = sorted(f"decisions/{path.name}" for path in (ROOT / "docs" / "decisions").glob("*.md"))
    config.nav[-1]["Reference"][-1]["Decisions"] = decisions
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are generated."""
    for name, text in {"reference/api.md": api_page(), "reference/cli.md": cli_page()}.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links that leave docs/ lead to the repository."""
    here = posixpath.join("docs", posixpath.dirname(page.file.src_uri))

    def replaced(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(here, match.group(1)))
        outside = not target.startswith("docs/")
        return f"]({config.repo_url}/blob/main/{target})" if outside else match.group(0)

    return LINK.sub(replaced, markdown)


def public_names() -> dict[str, str]:
    """Return the module of each public name, from the one list of them."""
    tree = ast.parse((ROOT / "src" / "sablier" / "__init__.pyi").read_text(encoding="utf-8"))
    return {
        alias.asname or alias.name: str(node.module)
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def api_page() -> str:
    """Return the reference of every public name, from its docstring."""
    sections = [f"::: {module}.{name}\n" for name, module in sorted(public_names().items(), key=lambda pair: pair[0].lower())]
    return "\n".join(["# Python reference", "", "Every public name of `import sablier`.", "", *sections])


def cli_page() -> str:
    """Return the reference of every verb, from the app itself."""
    lines = ["# Command-line reference", "", "The same as `sablier VERB --help`.", ""]
    for name, command in sorted(verbs(typer.main.get_command(app))):
        lines += [f"## sablier {name}", "", paragraphs(command.help or ""), ""]
        rows = [row(parameter) for parameter in command.params if parameter.name != "help"]
        lines += ["| option or argument | default | meaning |", "|---|---|---|", *rows, ""] if rows else []
        if getattr(command, "epilog", None):
            lines += ["```sh", *examples(command.epilog), "```", ""]
    return "\n".join(lines)


def verbs(command: Any, prefix: str = "") -> list[tuple[str, Any]]:
    """Return each verb below a command, with its full name."""
    found = []
    for name, each in command.commands.items():
        own = f"{prefix}{name}"
        found += verbs(each, f"{own} ") if hasattr(each, "commands") else [(own, each)]
    return found


def row(parameter: Any) -> str:
    """Return an option or argument as a row of a table."""
    names = [*parameter.opts, *parameter.secondary_opts]
    shown = ", ".join(f"`{name}`" for name in names) if parameter.param_type_name == "option" else f"`{parameter.name.upper()}`"
    default = "" if parameter.default is None or callable(parameter.default) else f"`{parameter.default}`"
    return f"| {shown} | {default} | {escaped(getattr(parameter, 'help', None) or '')} |"


def examples(epilog: str) -> list[str]:
    """Return the command lines of an epilog, one a line."""
    text = re.sub(r"^Examples?:\s*", "", " ".join(epilog.split()))
    return [part.strip(" ;") for part in re.split(r"(?=sablier )", text) if part.strip(" ;")]


def escaped(text: str) -> str:
    """Return text that may stand in a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;").replace("[", "&#91;")


def paragraphs(text: str) -> str:
    """Return the text of a help page, without the marks of the terminal."""
    return text.replace("\b", "").strip().replace("<", "&lt;").replace("[", "&#91;")
