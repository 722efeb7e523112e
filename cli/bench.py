"""``tidings bench …``: what this machine does, beside a yardstick in the same run."""

import json
from dataclasses import asdict
from importlib import import_module
from types import ModuleType

import click

from cli.bench_track import track


@click.group()
def bench() -> None:
    """Measure this machine against the budgets."""


def load_benchmark(name: str) -> ModuleType:
    """Return a module of benchmarks/; they are not part of an installed wheel."""
    try:
        return import_module(f"benchmarks.{name}")
    except ImportError as error:
        raise click.ClickException("The benchmarks are part of the source tree; run this from a checkout.") from error


@bench.command()
@click.option("--smtp", default="", help="HOST:PORT[,HOST:PORT…] to send to; default: sinks of our own.")
@click.option("--recipients", default=20_000, show_default=True, type=click.IntRange(min=100))
@click.option("--size-kb", default=30, show_default=True, type=click.IntRange(min=3, max=500))
@click.option("--links", default=10, show_default=True, type=click.IntRange(min=2, max=200))
@click.option("--workers", default=1, show_default=True, type=click.IntRange(min=1, max=64))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def send(smtp: str, recipients: int, size_kb: int, links: int, workers: int, as_json: bool) -> None:
    """Send a personal newsletter to many people, beside Postfix's smtp-source."""
    module = load_benchmark("send")
    addresses = [address.strip() for address in smtp.split(",") if address.strip()]
    result = module.measure(smtp=addresses, recipients=recipients, size_kb=size_kb, links=links, workers=workers)
    click.echo(json.dumps(asdict(result)) if as_json else module.as_table(result))


bench.add_command(track)


@bench.command("all")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.pass_context
def everything(context: click.Context, as_json: bool) -> None:
    """Measure everything, one after the other."""
    for command in (send, track):
        if not as_json:
            click.echo(f"\n— {command.name} —")
        context.invoke(command, as_json=as_json)
