"""The command line: parse, call, print, exit code. stdout carries the result, stderr progress and errors."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from rmaudit import __version__
from rmaudit.errors import RmauditError, UsageError
from rmaudit.terminal import Meter, printable, scorecard

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Audit decoder-based reward models. Exit codes: 0 pass, 1 policy violated (or bias found with --fail-on-bias), "
    "2 usage error or model cannot be loaded, 3 inconclusive, 130 interrupted.",
)

ModelArgument = Annotated[str, typer.Argument(help="Folder of a checkpoint, or a hub id.", metavar="MODEL")]
Dtype = Annotated[str, typer.Option(help="float32, bfloat16 or float16; the head is always float32.")]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps ...")]
Template = Annotated[
    Path | None, typer.Option(help="File with a chat template (Jinja) to use instead of the tokenizer's.")
]
BosPolicy = Annotated[str, typer.Option(help="Number of BOS tokens in front: one, none, two, as-is.")]
Truncate = Annotated[
    str | None, typer.Option(help="prompt-left: cut too long prompts from the left; else they are an error.")
]
MaxLength = Annotated[int | None, typer.Option(help="Longest conversation in tokens, if below the model's own limit.")]
RemoteCode = Annotated[
    bool, typer.Option("--allow-remote-code", help="Run Python code that the checkpoint brings along.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Names = Annotated[
    list[str] | None, typer.Option(help="Names, or ./file.py of your own; all registered ones if left out.")
]
SEVERAL = ("--data", "--probes")


def _load_options(
    dtype: str, device: str, template: Path | None, bos: str, truncate: str | None, length: int | None, remote: bool
) -> dict[str, Any]:
    if template is not None and not template.is_file():
        raise UsageError(f"--chat-template {template}: no such file")
    text = template.read_text(encoding="utf-8") if template is not None else None
    return {
        "dtype": dtype, "device": device, "chat_template": text, "bos_policy": bos, "truncate": truncate,
        "max_length": length, "allow_remote_code": remote,
    }  # fmt: skip


@app.command()
def audit(
    model: ModelArgument,
    probes: Names = None,
    data: Annotated[
        list[Path] | None, typer.Option(help="Your own pairs, rankings, paraphrases, identity data.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for run.json, scores.jsonl and report.html.")] = None,
    policy: Annotated[Path | None, typer.Option(help="TOML file of limits; decides the exit code.")] = None,
    profile: Annotated[str, typer.Option(help="full, or quick: 32 prompts.")] = "full",
    limit: Annotated[int | None, typer.Option(help="At most this many prompts and rows per data file.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of every random choice.")] = 0,
    confidence: Annotated[float, typer.Option(help="Level of the intervals.")] = 0.95,
    battery: Annotated[str, typer.Option(help="Registered battery, or a folder.")] = "core",
    attributions: Annotated[int, typer.Option(help="Examples per headline finding traced back through the model.")] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be scored, and stop.")] = False,
    fail_on_bias: Annotated[bool, typer.Option("--fail-on-bias", help="Without a policy: exit 1 on bias.")] = False,
    as_json: Json = False,
    dtype: Dtype = "float32",
    device: Device = "cpu",
    chat_template: Template = None,
    bos_policy: BosPolicy = "one",
    truncate: Truncate = None,
    max_length: MaxLength = None,
    allow_remote_code: RemoteCode = False,
) -> None:
    """Audit MODEL: plan, score, find; writes run.json, scores.jsonl and report.html, prints the scorecard."""
    from rmaudit import api, costs
    from rmaudit.summary import summarise

    options = _load_options(dtype, device, chat_template, bos_policy, truncate, max_length, allow_remote_code)
    asked: dict[str, Any] = {
        "probes": _split(probes), "data": data or [], "profile": profile, "limit": limit, "seed": seed,
        "confidence": confidence, "battery": battery, "attributions": attributions, "command": _command(sys.argv[1:]),
    }  # fmt: skip
    if dry_run:
        price = costs.price_audit(api.prepare(**asked), api.load(model, **options))
        print(json.dumps(price, sort_keys=True) if as_json else costs.in_words(price))
        return
    folder = out or Path("runs") / (Path(model).name or "audit")
    with Meter() as meter:
        record = api.audit(
            model, out=folder, policy=policy, progress=meter.progress, load_options=options, **asked
        )  # fmt: skip
    summary = summarise(record)
    print(record.to_json() if as_json else scorecard(record, summary), end="" if as_json else "\n")
    page = folder / "report.html"
    print(f"Report: {page}", file=sys.stderr if as_json else sys.stdout)
    if policy is not None or fail_on_bias:
        raise typer.Exit(summary.exit_code)


@app.command()
def attribute(
    model: ModelArgument,
    prompt: Annotated[str, typer.Option(help="The user's turn.")],
    response: Annotated[str, typer.Option(help="The answer whose score is traced back.")],
    against: Annotated[str | None, typer.Option(help="Another answer: trace the preference between the two.")] = None,
    as_json: Json = False,
    dtype: Dtype = "float32",
    device: Device = "cpu",
    chat_template: Template = None,
    bos_policy: BosPolicy = "one",
    truncate: Truncate = None,
    max_length: MaxLength = None,
    allow_remote_code: RemoteCode = False,
) -> None:
    """Trace one score, or one preference, back to head dimensions, layers and tokens."""
    from rmaudit import api
    from rmaudit.conversations import conversation

    options = _load_options(dtype, device, chat_template, bos_policy, truncate, max_length, allow_remote_code)
    other = conversation(prompt, against) if against is not None else None
    found = api.attribute(model, conversation(prompt, response), other, **options)
    print(json.dumps(found.as_dict(), sort_keys=True) if as_json else printable(found.as_text()))


@app.command()
def score(
    model: ModelArgument,
    file: Annotated[
        Path, typer.Argument(help="Pairs, rankings, paraphrases or identity data: .jsonl, .csv, .parquet.")
    ],
    output: Annotated[Path | None, typer.Option(help="Write the lines here instead of to stdout.")] = None,
    dtype: Dtype = "float32",
    device: Device = "cpu",
    chat_template: Template = None,
    bos_policy: BosPolicy = "one",
    truncate: Truncate = None,
    max_length: MaxLength = None,
    allow_remote_code: RemoteCode = False,
) -> None:
    """Score every answer of FILE: one JSON line a row, {"id", "scores"}."""
    from rmaudit import api
    from rmaudit.datasets import read_dataset
    from rmaudit.record import canonical_json, write_atomically

    options = _load_options(dtype, device, chat_template, bos_policy, truncate, max_length, allow_remote_code)
    dataset = read_dataset(file)
    for problem in dataset.problems:
        print(f"rmaudit: {printable(problem)}; row left out", file=sys.stderr)
    rows = [row for row in dataset.rows if row.prompt]
    if not rows:
        raise UsageError(f"{file}: the rows have no prompt, so there is no answer to score")
    conversations = [row.conversation(index) for row in rows for index in range(len(row.texts))]
    scores = iter(api.score(model, conversations, **options).tolist())
    lines = [canonical_json({"id": row.id, "scores": [next(scores) for _ in row.texts]}) + "\n" for row in rows]
    if output is not None:
        write_atomically(output, "".join(lines))
        print(f"Scores: {output}")
    else:
        print("".join(lines), end="")


@app.command()
def gate(
    run: Annotated[Path, typer.Argument(help="Run folder, or its run.json.", metavar="RUN")],
    policy: Annotated[Path, typer.Option(help="TOML file of limits.")],
    as_json: Json = False,
) -> None:
    """Apply a policy to a finished run. Exit 0 pass, 1 fail, 3 inconclusive (a check not measured, or on its limit)."""
    from rmaudit import api

    verdict = api.gate(run, policy)
    if as_json:
        print(verdict.model_dump_json())
    else:
        print(f"{verdict.outcome.upper()}: {printable(verdict.sentence)}")
        for check in verdict.checks:
            print(f"  {check['outcome']:<13}{check['severity']:<7}{check['check']}: {printable(check['sentence'])}")
    raise typer.Exit(verdict.exit_code)


@app.command()
def report(
    run: Annotated[Path, typer.Argument(help="Run folder, or its run.json.", metavar="RUN")],
    html: Annotated[Path | None, typer.Option(help="Where to write the page; RUN/report.html if left out.")] = None,
) -> None:
    """Render the HTML report of a finished run again."""
    from rmaudit import registry
    from rmaudit.record import Record, write_atomically

    record = Record.load(run)
    page = html or (record.folder or Path()) / "report.html"
    write_atomically(page, registry.load_report("html").render(record, record.scores))
    print(f"Report: {page}")


@app.command()
def probes(
    name: Annotated[str | None, typer.Argument(help="A probe's name: print its card.")] = None, as_json: Json = False
) -> None:
    """List the registered probes, or print the card of one."""
    from rmaudit import registry

    cards = [probe.card for probe in registry.load_probes([name] if name else None)]
    if as_json:
        print(json.dumps([card.as_dict() for card in cards], sort_keys=True))
    elif name is None:
        for card in cards:
            print(f"{card.name:<24}{card.question}  [{card.name}.{card.headline}, {card.unit}]")
    else:
        for field, value in cards[0].as_dict().items():
            print(f"{field.replace('_', ' ')}: {', '.join(value) if isinstance(value, list) else value}")


def _version(wanted: bool) -> None:
    if wanted:
        print(f"rmaudit {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Audit decoder-based reward models."""


def _split(names: list[str] | None) -> list[str] | None:
    return [name for part in names for name in part.split(",") if name] if names is not None else None


def _command(arguments: Sequence[str]) -> str:
    """The command that gives this record again; where its files go is no part of the record."""
    import shlex

    kept: list[str] = []
    skip = False
    for argument in arguments:
        if not skip and argument != "--out" and not argument.startswith("--out="):
            kept.append(argument)
        skip = argument == "--out"
    return shlex.join(["rmaudit", *kept])


def _expanded(arguments: Sequence[str]) -> list[str]:
    """`--data a b` as `--data a --data b`: the options of SEVERAL take every value up to the next option."""
    given: list[str] = []
    option = ""
    for argument in arguments:
        if argument.startswith("-"):
            option = argument if argument in SEVERAL else ""
            given.append(argument)
        elif option and given[-1] != option:
            given += [option, argument]
        else:
            given.append(argument)
    return given


def main() -> None:
    """Entry point: user errors are one line on stderr and exit code 2, an interrupt is 130."""
    # Threads that spin while they wait make a busy machine many times slower (25 times, measured on 2 cores shared with
    # another program). Read once, when torch is first imported, which is later than here.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        app(args=_expanded(sys.argv[1:]), prog_name="rmaudit")
    except RmauditError as error:
        print(f"rmaudit: error: {printable(str(error))}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print("rmaudit: interrupted; nothing was written over", file=sys.stderr)
        raise SystemExit(130) from None
