"""What operators do to local AI providers at the command line: add a model that they have as an ONNX file."""

from pathlib import Path
from typing import Annotated

import typer

# Every command imports what it needs itself: `--help` answers at once.
# ruff: noqa: PLC0415

program = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Manage local AI providers."
)


@program.callback()
def _providers() -> None:
    """Manage local AI providers."""


@program.command()
def add(
    name: Annotated[str, typer.Argument(help="The name of the provider.")],
    file: Annotated[Path, typer.Argument(help="The model as an ONNX file.", exists=True, dir_okay=False)],
    labels: Annotated[Path, typer.Argument(help="The labels of its classes in order, one a line.", exists=True)],
    *,
    kind: Annotated[str, typer.Option("--type", help="detection or classification.")] = "detection",
    version: Annotated[str, typer.Option(help="The version of the model.")] = "1",
    licence: Annotated[str | None, typer.Option(help="The licence of the model.")] = None,
) -> None:
    """Add a detector or a classifier as an ONNX file; every account may run it."""
    from app.operations import ai_providers

    listed = [line.strip() for line in labels.read_text().splitlines() if line.strip()]
    provider = ai_providers.add(name, file, listed, kind=kind, version=version, licence=licence)
    print(f"Added {provider.name} {provider.version} with {len(listed)} labels.")  # noqa: T201
    if provider.reason:
        print(provider.reason)  # noqa: T201
