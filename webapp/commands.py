"""The command line, and the place where everything is put together: database, clock, worker, site."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import orjson
from sqlalchemy import select

from webapp import composition
from workflows import (
    accounts,
    audit,
    bulk,
    case_file,
    control,
    definition_archives,
    deliveries,
    deployment,
    foreign_models,
    incidents,
    jobs,
    people,
    retries,
    staff_check,
    timers,
)
from workflows.access import office_day
from workflows.audit import Act, Kind, new_event_id, office_stream, record
from workflows.case import STATUSES
from workflows.clock import machine_now
from workflows.errors import ClockNotMovable, DefinitionRefused, Refusal
from workflows.models import Instance
from workflows.models import Office as OfficeRow
from workflows.rulebook import Rulebook

#: The tree that definitions are read from unless another is named.
SOURCE = Path(__file__).resolve().parent.parent

data_option = click.option(
    "--data", "data", type=click.Path(path_type=Path, file_okay=False), default=Path("./var"), show_default=True,
    help="Data directory.",
)


class Commands(click.Group):
    """Turns refusals into one clear line and exit code 2."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except DefinitionRefused as refused:
            for problem in refused.problems:
                click.echo(str(problem), err=True)
            sys.exit(2)
        except Refusal as refused:
            click.echo(f"jiaoyan: {refused}", err=True)
            sys.exit(2)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def main() -> None:
    """教研: people and duties of teaching-research institutions, as workflows with a record.

    Example: jiaoyan serve --data ./var
    """


# --- serving --------------------------------------------------------------------------------------------------------


@main.command()
@data_option
@click.option("--port", default=8000, show_default=True, help="Port to serve on.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to serve on; a demo accepts loopback only.")
@click.option("--threads", default=8, show_default=True, help="Threads that answer requests.")
@click.option("--no-worker", is_flag=True, help="Serve pages only; run `jiaoyan worker` beside it.")
def serve(data: Path, port: int, host: str, threads: int, no_worker: bool) -> None:
    """Serve the product; a data directory that does not exist yet becomes a demo.

    Example: jiaoyan serve --data ./var --port 8000
    """
    composition.serve(data, host=host, port=port, threads=threads, with_worker=not no_worker)


@main.command()
@data_option
def worker(data: Path) -> None:
    """Run the background process: timers, deliveries, notices, jobs.

    Example: jiaoyan worker --data /srv/jiaoyan
    """
    with composition.opened(data) as office:
        composition.work(office)


@main.command()
@data_option
@click.option("--demo", is_flag=True, help="Make a demo: invented people, a clock that can be moved. Cannot be undone.")
def init(data: Path, demo: bool) -> None:
    """Make a data directory with the current definitions, without any account.

    Example: jiaoyan init --data /srv/jiaoyan
    """
    with composition.opened(data, demo=demo):
        click.echo(f"{data}: {'demo' if demo else 'ready'}; next: jiaoyan admin create --data {data}")


# --- definitions, tables --------------------------------------------------------------------------------------------


@main.command()
@data_option
@click.option("--source", type=click.Path(exists=True, path_type=Path, file_okay=False), default=SOURCE,
              help="Tree that holds bpmn/ and forms/.")
def deploy(data: Path, source: Path) -> None:
    """Check bpmn/ and forms/ and store what is new; running instances keep what they started on.

    Example: jiaoyan deploy --data ./var --source .
    """
    with composition.opened(data) as office:
        done = deployment.deploy(office.db, composition.OPERATOR, deployment.read_tree(source),
                                 composition.check_form, at=office.clock.now())
        recounted = timers.recompute_provisional(office.db, at=office.clock.now()) if done.pack_set_is_new else 0
        with office.db.read() as session:
            checked = [one for process, _, is_new in done.definitions if is_new
                       for one in staff_check.check(session, process, office.clock.now())]
    if recounted:
        click.echo(f"{recounted} provisional deadline(s) counted again")
    for process, version, is_new in done.definitions:
        click.echo(f"{process} v{version}{' (new)' if is_new else ''}")
    click.echo(f"packs {done.pack_set[:12]}{' (new)' if done.pack_set_is_new else ''}")
    if stopped := _staff([one for one in checked if not one.can_finish]):
        click.echo(f"warning: today's staff cannot finish at {stopped} place(s); see jiaoyan staff-check")


def _staff(checked: Sequence[staff_check.Checked]) -> int:
    """Print what today's staff cannot finish; how many processes at how many places those are."""
    for one in checked:
        for found in one.findings:
            steps = "、".join(name for _, name in found.steps)
            who = f"（{'、'.join(found.people)}）" if found.people else ""
            level = "cannot finish" if found.stops else "risk"
            place = f"{one.process_id} @ {one.organisation_code} {one.organisation_name}"
            click.echo(f"{place}: {level}: {steps}：{staff_check.KINDS[found.kind]}{who}")
    return sum(not one.can_finish for one in checked)


@main.group("definitions")
def definitions_group() -> None:
    """Deployed definitions (流程定义): handed out as one file, taken in from another office."""


@definitions_group.command("list")
@data_option
def definitions_list(data: Path) -> None:
    """List every stored version, as JSON lines.

    Example: jiaoyan definitions list
    """
    with composition.opened(data) as office, office.db.read() as session:
        for one in deployment.definitions(session):
            _print_line({"process": one.process_id, "name": one.name, "version": one.version, "digest": one.digest,
                         "deployed_at": one.deployed_at.isoformat(), "running": one.running})


@definitions_group.command("export")
@click.argument("process")
@data_option
@click.option("--version", type=int, help="Version to hand out; the newest unless given.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="File to write.")
def definitions_export(process: str, data: Path, version: int | None, out: Path) -> None:
    """Write a deployed process, with its tables and forms and what it calls, into one file.

    Example: jiaoyan definitions export admission --out admission.zip
    """
    with composition.opened(data) as office:
        if version is None:
            with office.db.read() as session:
                version = deployment.definition(session, deployment.newest(session, process)).version
        made = definition_archives.hand_out(office.db, composition.OPERATOR, process, version, at=office.clock.now())
    out.write_bytes(made.content)
    click.echo(f"{out}: {process} v{version}, {len(made.content)} bytes, sha256 {made.sha256}")


@definitions_group.command("import")
@click.argument("file", type=click.Path(exists=True, path_type=Path, dir_okay=False))
@data_option
@click.option("--do", "really", is_flag=True, help="Deploy it; without it only say what would happen.")
def definitions_import(file: Path, data: Path, really: bool) -> None:
    """Check a file that `definitions export` wrote and say what it would deploy; with --do deploy it.

    Example: jiaoyan definitions import admission.zip --do
    """
    raw = file.read_bytes()
    with composition.opened(data) as office:
        with office.db.read() as session:
            looked = definition_archives.look(session, raw, composition.check_form, file.name)
        for one in looked.changes:
            files = {state: sum(found == state for found in one.files.values()) for state in definition_archives.STATES}
            _print_line({"process": one.held.process_id, "name": one.held.name, "digest": one.held.digest,
                         "here": one.newest, "becomes": one.known or one.newest + 1, "new": not one.known, "files": files})
        if really:
            done = definition_archives.take_in(office.db, composition.OPERATOR, raw, composition.check_form,
                                               at=office.clock.now(), file=file.name)
            for process, version, is_new in done.definitions:
                click.echo(f"{process} v{version}{' (new)' if is_new else ''}")


@main.command("staff-check")
@data_option
@click.option("--process", default="", help="Only this process.")
@click.option("--organisation", default="", help="Only this organisation, by its code; needs --process.")
def staff_check_command(data: Path, process: str, organisation: str) -> None:
    """Can today's staff finish every process? Steps nobody may do, and steps that need more people than there are.

    Example: jiaoyan staff-check --process admission --organisation ln-sy-tri
    """
    with composition.opened(data) as office, office.db.read() as session:
        at = office.clock.now()
        checked = staff_check.check(session, process, at, organisation=organisation) if process else staff_check.every(session, at)
        stopped = _staff(checked)
    click.echo(f"{len(checked)} place(s) checked, {stopped} cannot finish")
    sys.exit(2 if stopped else 0)


@main.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, path_type=Path))
def lint(files: tuple[Path, ...]) -> None:
    """Check diagrams, tables, forms and packs without storing anything; without FILE the whole tree.

    Example: jiaoyan lint bpmn/admission/admission.bpmn
    """
    problems = composition.lint(files, SOURCE)
    for problem in problems:
        click.echo(str(problem))
    click.echo(f"{len(problems)} problem(s)")
    sys.exit(2 if problems else 0)


@main.command("import-model")
@click.argument("file", type=click.Path(exists=True, path_type=Path, dir_okay=False))
@click.option("--as-drawing", is_flag=True, help="Make a drawing that is not executable where something would be lost.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="File to write; FILE.imported.bpmn unless given.")
def import_model(file: Path, as_drawing: bool, out: Path | None) -> None:
    """Rewrite a BPMN model that was drawn elsewhere into our dialect, and list every change; nothing is deployed.

    Example: jiaoyan import-model leave.bpmn20.xml --out bpmn/leave/leave.bpmn
    """
    done = foreign_models.import_model(file.read_bytes(), file=file.name, as_drawing=as_drawing,
                                       names=deployment.HOUSE_NAMES,
                                       there=deployment.named_in(deployment.read_tree(SOURCE)))
    for kind, word in (("rewritten", "rewritten"), ("provide", "to be provided"), ("lost", "lost")):
        for note in done.of(kind):
            click.echo(f"{word}: {file.name}:{note}", err=kind == "lost")
    if done.content is None:
        click.echo(f"{file.name}: refused; --as-drawing makes a drawing of it", err=True)
        sys.exit(2)
    target = out or file.with_name(f"{file.name.partition('.')[0]}.imported.bpmn")
    target.write_bytes(done.content)
    click.echo(f"{target}: {done.outcome}, {len(done.of('rewritten'))} rewritten, {len(done.of('provide'))} to be provided")


@main.command()
@click.argument("table", required=False)
@click.option("--policy", help="Place whose pack applies: liaoning, guangxi, …")
@click.option("--facts", "facts_file", type=click.Path(exists=True, path_type=Path, dir_okay=False),
              help="JSON file with the facts.")
@click.option("--on", "on", type=click.DateTime(["%Y-%m-%d"]), help="Ruling day; today unless given.")
@click.option("--words", "in_words", is_flag=True, help="Answer in words as well.")
@click.option("--describe", is_flag=True, help="Print the facts and outcomes of the table (of all without TABLE).")
@click.option("--source", type=click.Path(exists=True, path_type=Path, file_okay=False), default=SOURCE, hidden=True)
def decide(table: str | None, policy: str | None, facts_file: Path | None, on: datetime | None, in_words: bool,
           describe: bool, source: Path) -> None:
    """Ask a decision table: the same table that the process asks. Prints JSON.

    Example: jiaoyan decide DT-ADM-01 --policy guangxi --facts facts.json --words
    """
    book = Rulebook.from_directory(source / "bpmn")
    if describe:
        described = [book.describe(one) for one in ([table] if table else book.tables)]
        _print(described[0] if table else described)
        return
    if not (table and policy and facts_file):
        raise click.UsageError("TABLE, --policy and --facts are needed (or --describe)")
    try:
        facts = orjson.loads(facts_file.read_bytes())
    except orjson.JSONDecodeError as error:
        click.echo(f"jiaoyan: {facts_file}: not JSON: {error}", err=True)
        sys.exit(2)
    day = on.date() if on else office_day(machine_now())
    answer = book.answer(table, policy=policy, facts=facts, on=day)
    _print({**answer, "words": book.words(answer)} if in_words else answer)


@main.command()
@click.argument("suite", type=click.Choice(["dmn-tck"]))
@click.argument("directory", type=click.Path(exists=True, path_type=Path, file_okay=False))
def conformance(suite: str, directory: Path) -> None:
    """Run a conformance suite: the DMN TCK in DIRECTORY. Failures are listed by case.

    Example: jiaoyan conformance dmn-tck ../tck
    """
    from workflows.decisions import conformance as tck  # the suite is large and nobody else needs it

    report = tck.run(directory)
    for failure in report.failures:
        click.echo(str(failure))
    click.echo(f"{suite}: {report.passed} of {report.total} ({100 * report.passed / max(report.total, 1):.2f} %)")
    sys.exit(0)


@main.command()
@click.argument("name", type=click.Choice([
    "ageing", "bulk", "completion", "completion-postgres", "decisions", "fanout", "feel", "http", "lists",
    "lists-postgres", "memory", "pages", "timers",
]))
@click.option("--json", "as_json", is_flag=True, help="Print a list of figures as JSON.")
@click.option("--rows", type=click.IntRange(min=1000), help="For lists and pages: open tasks at most.")
def bench(name: str, as_json: bool, rows: int | None) -> None:
    """Run a benchmark: our figure beside a peer's from the same run.

    Example: jiaoyan bench http --json
    """
    given = {"rows": rows} if rows is not None and name.startswith(("lists", "pages")) else {}
    figures = importlib.import_module(f"benchmarks.{name.replace('-', '_')}").run(**given)
    if as_json:
        _print([figure.as_json() for figure in figures])
        return
    for figure in figures:
        beside = f"; {figure.peer}: {figure.peer_value} ({figure.ratio} times)" if figure.peer else ""
        click.echo(f"{figure.name}: {figure.ours} {figure.unit}{beside}")


@main.command()
@click.option("--write", is_flag=True, help="Write docs/routes.md instead of printing.")
def routes(write: bool) -> None:
    """Who may use which address of the site: the route matrix, as the guard asks it.

    Example: jiaoyan routes
    """
    text = composition.routes()
    if write:
        (SOURCE / "docs" / "routes.md").write_text(text, encoding="utf-8")
    else:
        click.echo(text, nl=False)


# --- people, clock --------------------------------------------------------------------------------------------------


@main.group()
def admin() -> None:
    """Administrators' accounts."""


@admin.command("create")
@data_option
@click.option("--name", prompt="姓名 name", help="The administrator's name.")
@click.option("--sign-in", prompt="登录名 sign-in name", help="What they type to sign in.")
@click.option("--organisation", default="office", show_default=True, help="Code of their organisation; made if there is none.")
@click.option("--place", default="", help="Pack of that organisation when it is made; the first one unless given.")
@click.option("--role", type=click.Choice(sorted(people.EXCLUSIVE)), default="system_admin", show_default=True,
              help="Which of the three administrators (三员): of the system, of its security, or the auditor.")
def admin_create(data: Path, name: str, sign_in: str, organisation: str, place: str, role: str) -> None:
    """Open one of the first three accounts, with a first password that must be changed; each is another person's.

    Example: jiaoyan admin create --data /srv/jiaoyan --name 张三 --sign-in safety --role security_admin
    """
    with composition.opened(data) as office:
        at = office.clock.now()
        with office.db.read() as session:
            known = {view.code for view in people.organisations(session, office_day(at))}
            place = place or next(iter(deployment.packs(session, deployment.newest_pack_set(session))))
        if organisation not in known:
            people.create_organisation(office.db, composition.OPERATOR, code=organisation, name="系统管理机构",
                                       org_type="edu_bureau", level="province", parent_code=None, place=place,
                                       from_on=office_day(at), at=at)
        number = people.create_person(office.db, composition.OPERATOR, name=name, phone=None, email=None, at=at)
        people.grant(office.db, composition.OPERATOR, number, organisation, role, office_day(at), at=at)
        password = accounts.create_account(office.db, composition.OPERATOR, number, sign_in, at=at)
    click.echo(f"{sign_in}: {password}  (to be changed at the first sign-in)")


@main.group()
def clock() -> None:
    """The office clock; it can be moved in a demo only."""


@clock.command("show")
@data_option
def clock_show(data: Path) -> None:
    """Show office time and how far it was moved.

    Example: jiaoyan clock show --data ./var
    """
    with composition.opened(data) as office:
        click.echo(f"{office.clock.now().isoformat(timespec='seconds')} (moved by {office.clock.offset()})")


@clock.command("advance")
@click.argument("by")
@data_option
def clock_advance(by: str, data: Path) -> None:
    """Move a demo's clock forward: 5wd (working days), 3d, 12h, 30m. Timers that become due then fire.

    Example: jiaoyan clock advance 5wd --data ./var
    """
    with composition.opened(data) as office:
        with office.db.read() as session:
            if not session.execute(select(OfficeRow.demo)).scalar_one():
                raise ClockNotMovable()
            calendar = deployment.packs(session, deployment.newest_pack_set(session)).calendar
        before = office.clock.now()
        seconds = composition.span(by, before, calendar)
        with office.db.write() as session:
            row = session.execute(select(OfficeRow)).scalar_one()
            row.clock_offset_seconds += seconds
            record(session, Act(office_stream("configuration"), Kind.CLOCK_MOVED, before, composition.OPERATOR,
                                payload={"by": by, "seconds": seconds, "offset": row.clock_offset_seconds}))
        click.echo(office.clock.now().isoformat(timespec="seconds"))


# --- the record -----------------------------------------------------------------------------------------------------


@main.group("audit")
def audit_group() -> None:
    """The record: verify, export."""


@audit_group.command("verify")
@data_option
def audit_verify(data: Path) -> None:
    """Check every stream from its first event to its head; exit 1 when something does not hold.

    Example: jiaoyan audit verify --data ./var
    """
    with composition.opened(data) as office, office.db.read() as session:
        found = audit.verify(session)
    for finding in found.findings:
        click.echo(f"{finding.stream} {finding.seq}: {finding.reason}")
    demo = "; DEMO data directory: its clock may have been moved" if found.demo else ""
    state = "holds" if found.holds else f"{len(found.findings)} finding(s)"
    click.echo(f"{found.events} events in {found.streams} streams, {found.erased} lawfully erased: {state}{demo}")
    sys.exit(0 if found.holds else 1)


@audit_group.command("export")
@data_option
@click.option("--instance", "number", required=True, help="Number of the instance, e.g. LN-2026-00001.")
@click.option("--format", "kind", type=click.Choice(["xlsx", "json"]), default="xlsx", show_default=True)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="File to write.")
def audit_export(data: Path, number: str, kind: str, out: Path) -> None:
    """Write everything the record holds of an instance into one file.

    Example: jiaoyan audit export --instance LN-2026-00001 --format xlsx --out case.xlsx
    """
    with composition.opened(data) as office:
        raw = case_file.export(office.db, None, number, kind, at=office.clock.now()).content
    out.write_bytes(raw)
    click.echo(f"{out}: {len(raw)} bytes")


@main.group("instances")
def instances_group() -> None:
    """Instances (办件)."""


@instances_group.command("list")
@data_option
@click.option("--status", type=click.Choice(list(STATUSES)), help="Only those.")
@click.option("--limit", default=50, show_default=True)
def instances_list(data: Path, status: str | None, limit: int) -> None:
    """List instances, the newest first, as JSON lines.

    Example: jiaoyan instances list --status running
    """
    with composition.opened(data) as office, office.db.read() as session:
        query = select(Instance).order_by(Instance.id.desc()).limit(limit)
        if status:
            query = query.where(Instance.status == status)
        for row in session.execute(query).scalars():
            _print_line({"number": row.number, "title": row.title, "process": row.process_id, "status": row.status,
                         "outcome": row.outcome, "started_at": row.started_at.isoformat(),
                         "ended_at": row.ended_at.isoformat() if row.ended_at else None})


@instances_group.command("show")
@click.argument("number")
@data_option
def instances_show(number: str, data: Path) -> None:
    """Show one instance with its events, as JSON.

    Example: jiaoyan instances show LN-2026-00001
    """
    with composition.opened(data) as office:
        click.echo(case_file.export(office.db, None, number, "json", at=office.clock.now()).content.decode())


reason_option = click.option("--reason", prompt="理由 reason", help="Why; it stands in the record.")


@instances_group.command("suspend")
@click.argument("number")
@data_option
@reason_option
def instances_suspend(number: str, data: Path, reason: str) -> None:
    """Hold an instance with everything that it called; no deadline runs until it is resumed.

    Example: jiaoyan instances suspend LN-2026-00001 --reason 情况核实期间暂停办理
    """
    with composition.opened(data) as office:
        control.suspend(office.db, composition.OPERATOR, number, reason, at=office.clock.now())
    click.echo(f"{number}: suspended")


@instances_group.command("resume")
@click.argument("number")
@data_option
def instances_resume(number: str, data: Path) -> None:
    """Let a suspended instance go on; the days that were left are counted again from today.

    Example: jiaoyan instances resume LN-2026-00001
    """
    with composition.opened(data) as office:
        control.resume(office.db, composition.OPERATOR, number, at=office.clock.now())
    click.echo(f"{number}: running")


@instances_group.command("cancel")
@click.argument("number")
@data_option
@reason_option
def instances_cancel(number: str, data: Path, reason: str) -> None:
    """End an instance from outside; what was done in it and its record are kept.

    Example: jiaoyan instances cancel LN-2026-00001 --reason 岗位取消，不再办理
    """
    with composition.opened(data) as office:
        control.cancel(office.db, composition.OPERATOR, number, reason, at=office.clock.now())
    click.echo(f"{number}: cancelled")


@instances_group.command("rewind")
@click.argument("number")
@click.argument("step", required=False)
@data_option
@click.option("--reason", help="Why; it stands in the record.")
def instances_rewind(number: str, step: str | None, data: Path, reason: str | None) -> None:
    """Take an instance back to the last time a step was done; without STEP list the steps there are.

    Example: jiaoyan instances rewind LN-2026-00001 adm_u2 --reason 审查结论有误，须重新审查
    """
    with composition.opened(data) as office:
        with office.db.read() as session:
            found = control.earlier(session, number)
        if step is None:
            for one in found:
                _print_line({"step": one.step_id, "name": one.name, "by": one.by_name, "at": one.done_at.isoformat()})
            return
        task = next((one.task for one in found if one.step_id == step), None)
        if task is None:
            raise click.UsageError(f"{step}: no such step was done in {number}")
        control.rewind(office.db, composition.OPERATOR, number, task, reason or "", at=office.clock.now())
    click.echo(f"{number}: at {step}")


@instances_group.command("migrate")
@click.argument("process")
@click.argument("numbers", nargs=-1)
@data_option
@click.option("--to", "version", type=int, help="Version to move to; the newest unless given.")
@click.option("--map", "pairs", multiple=True, metavar="OLD=NEW", help="A step with another id in the new version.")
@click.option("--do", "really", is_flag=True, help="Move them; without it only say what would change.")
def instances_migrate(process: str, numbers: tuple[str, ...], data: Path, version: int | None, pairs: tuple[str, ...],
                      really: bool) -> None:
    """Take instances of PROCESS to another version: those named, or all that have not ended. Exit 1 when some stay.

    Example: jiaoyan instances migrate admission --map adm_u2=adm_review
    """
    mapping = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    stayed = 0
    with composition.opened(data) as office:
        at = office.clock.now()
        with office.db.read() as session:
            versions = {known: digest for digest, known in control.newest_first(session, process)}
            if not versions or (version is not None and version not in versions):
                raise click.UsageError(f"{process}: no such process or version")
            target = versions[version or max(versions)]
            planned = control.plan(session, composition.OPERATOR, numbers or control.movable(session, process, target),
                                   target, mapping, at=at)
        for one in planned:
            stayed += bool(one.problems)
            if really and not one.problems:
                control.migrate(office.db, composition.OPERATOR, one.number, target, mapping, at=at)
            _print_line({
                "number": one.number, "from": one.version, "moved": really and not one.problems,
                "changes": [{"was": change.was, "becomes": change.becomes, "differs": list(change.differs)}
                            for change in one.changes],
                "opens": list(one.opens), "closes": list(one.closes),
                "problems": [{"step": step, "reason": reason} for step, reason in one.problems],
            })
    sys.exit(1 if stayed else 0)


@main.group("incidents")
def incidents_group() -> None:
    """Incidents (流程异常): what the system could not carry out."""


@incidents_group.command("list")
@data_option
@click.option("--status", type=click.Choice(list(incidents.STATUSES)), help="Only those.")
@click.option("--limit", default=50, show_default=True)
def incidents_list(data: Path, status: str | None, limit: int) -> None:
    """List incidents, the open ones first, as JSON lines. Nothing that people typed stands in them.

    Example: jiaoyan incidents list --status open
    """
    with composition.opened(data) as office, office.db.read() as session:
        for one in incidents.find(session, incidents.Sought(status=status or ""), size=limit).rows:
            _print_line({"number": one.number, "instance": one.instance_number, "what": one.kind, "step": one.step_id,
                         "cause": one.cause, "at": one.at.isoformat(), "tries": one.tries, "status": one.status,
                         "next_try_at": one.next_try_at.isoformat() if one.next_try_at else None})


@incidents_group.command("retry")
@click.argument("number")
@data_option
def incidents_retry(number: str, data: Path) -> None:
    """Try again what failed, as whoever did it; exit 1 when it fails again.

    Example: jiaoyan incidents retry 3f9a01bc42
    """
    with composition.opened(data) as office:
        became = retries.retry(office.db, composition.OPERATOR, number, at=office.clock.now())
    click.echo(f"{number}: {became}")
    sys.exit(1 if became == "open" else 0)


@main.group("messages")
def messages_group() -> None:
    """Messages between cases, and into them."""


variables_option = click.option(
    "--variables", "variables_file", type=click.Path(exists=True, path_type=Path, dir_okay=False),
    help="JSON file with the variables that it carries; numbers keep their digits.",
)
origin_option = click.option(
    "--origin", help="Name of this sending: the same one twice is sent once. A new one unless given."
)


@messages_group.command("send")
@click.argument("name")
@click.option("--key", default="", help="Correlation key that the waiting step asks for.")
@variables_option
@origin_option
@data_option
def messages_send(name: str, key: str, variables_file: Path | None, origin: str | None, data: Path) -> None:
    """Send a message to the one case that waits for NAME with that key; else it waits for 30 days.

    Example: jiaoyan messages send 撤回 --key LN-2026-00001 --variables reason.json
    """
    carried = _variables(variables_file)
    with composition.opened(data) as office:
        sent = deliveries.send_message(office.db, composition.OPERATOR, name, key, carried,
                                       origin=origin or new_event_id(), at=office.clock.now())
    _say_sent(sent)


@main.group("signals")
def signals_group() -> None:
    """Signals to every case that waits for them."""


@signals_group.command("send")
@click.argument("name")
@variables_option
@origin_option
@data_option
def signals_send(name: str, variables_file: Path | None, origin: str | None, data: Path) -> None:
    """Send a signal to every case that waits for NAME now.

    Example: jiaoyan signals send 停止评审
    """
    carried = _variables(variables_file)
    with composition.opened(data) as office:
        sent = deliveries.broadcast(office.db, composition.OPERATOR, name, carried, origin=origin or new_event_id(),
                                    at=office.clock.now())
    _say_sent(sent)


def _variables(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        found = json.loads(file.read_bytes(), parse_float=Decimal)
    except ValueError as error:
        raise click.UsageError(f"{file}: not JSON: {error}") from None
    if not isinstance(found, dict):
        raise click.UsageError(f"{file}: must be a JSON object: name -> value")
    return found


def _say_sent(sent: deliveries.Sent) -> None:
    for number in sent.reached:
        click.echo(number)
    before = "; sent before, nothing was sent again" if sent.repeated else ""
    click.echo(f"{len(sent.reached)} reached, {sent.waiting} on the way{before}")


@instances_group.command("bulk-start")
@click.argument("process")
@click.option("--role", required=True, help="Role that the people hold today, e.g. tri_office.")
@click.option("--organisation", required=True, help="Code of an organisation: everybody there and below it.")
@click.option("--variables", "variables_file", type=click.Path(exists=True, path_type=Path, dir_okay=False),
              help="JSON file with variables that every case starts with.")
@click.option("--dry-run", is_flag=True, help="Only say how many cases it would be.")
@click.option("--here", is_flag=True, help="Do it in this process, instead of leaving it to the worker.")
@data_option
def instances_bulk_start(process: str, role: str, organisation: str, variables_file: Path | None, dry_run: bool,
                         here: bool, data: Path) -> None:
    """Start a process for everybody who holds a role in a place, as a job; who has one open is left out.

    Example: jiaoyan instances bulk-start annual --role tri_office --organisation ln --dry-run
    """
    try:
        variables = orjson.loads(variables_file.read_bytes()) if variables_file else {}
    except orjson.JSONDecodeError as error:
        raise click.UsageError(f"{variables_file}: not JSON: {error}") from None
    wanted = bulk.Selection(process, role, organisation)
    with composition.opened(data) as office:
        at = office.clock.now()
        with office.db.read() as session:
            found = bulk.preview(session, wanted, variables=variables, at=at)
        click.echo(f"{found.process} v{found.version}, {found.organisation}, {found.role}: "
                   f"{found.people} to start, {found.left_out} left out (have one open)")
        if dry_run:
            return
        number = bulk.request(office.db, composition.OPERATOR, wanted, variables=variables, at=at)
        click.echo(f"job {number}")
        while here and jobs.run_next(office.db, {bulk.BULK_START: bulk.run}, office.clock.now):
            pass


def _print(value: Any) -> None:
    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def _print_line(value: Mapping[str, Any]) -> None:
    click.echo(orjson.dumps(value).decode())


if __name__ == "__main__":
    main()
