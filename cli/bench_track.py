"""``tidings bench track``: the tracking hit against nginx."""

import json
from dataclasses import asdict

import click


@click.command("track")
@click.option("--seconds", default=8, show_default=True, help="How long each measurement takes.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def track(seconds: int, as_json: bool) -> None:
    """Measure hits per second beside nginx's empty_gif, and prove that every answered hit was kept."""
    try:
        from benchmarks import track as bench
    except ImportError as error:
        raise click.ClickException("The benchmarks are part of the source tree; run this from a checkout.") from error
    result = bench.measure(seconds=seconds)
    click.echo(json.dumps(asdict(result)) if as_json else bench.as_table(result))
