"""Every page of the site in its states: empty, full, with errors, refused. The test proves that no address is forgotten."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.desk import FORM

#: Nobody has signed in.
NOBODY = ""
ADMIN, AUDITOR, REVIEWER, HEAD, NEW, RETURNED, REFUSED, DONE = (
    "ln.admin", "ln.audit", "sy.hr1", "kms1.head", "13840010008", "13840010005", "13877110002", "13840010001",
)  # fmt: skip
#: Who keeps the security of the system: roles, locks, second factors; and who signs in with one.
SECURITY, TWO_FACTORS = "ln.security", "gx.head"
#: Who reviews in the other province, and an applicant there whose appointment is made public.
OTHER_REVIEWER, PUBLISHED = "nn.hr1", "13877110001"
#: The head of the bureau, who may hold and end its cases.
BOSS = "sy.head"
#: Who runs the institution's own business.
OFFICE = "sy.trioffice"
#: A reviewer of the other province who delegates, and whom they ask.
LENDER, ASKED = "nn.hr1", "nn.head"
#: Applicants whose reviews are with somebody else, and back again.
LENT, BACK = "13877110005", "13877110004"
#: An applicant whose review one has been asked to sign (加签).
SIGNED = "13877110003"
#: Why the auditor looks at personal data.
PURPOSE = "核查投诉件第 12 号"
#: Applicants whose cases wait for their unit, and for the first review.
OVERDUE, CONSENTED = "13840010007", "13840010002"
#: What answers with no page: files, parts of pages, data for scripts, addresses that lead on.
NO_PAGES = {
    "static", "health.healthz", "sign_in.first_page", "diagrams.drawing", "diagrams.path", "tasks.lookup", "tasks.download",
    "audit.export_search", "deadlines.export", "audit.export_case", "operations.blank_workbook", "administration.index",
    # posts that lead on, or answer with a page listed under another name
    "appearance.choose",
    "passkeys.remove", "sign_in.by_passkey", "definition_archives.hand_out",
    "sign_in.sign_out", "sign_in.set_language", "tasks.claim", "tasks.unclaim", "desk.urge", "desk.grade", "desk.follow_up",
    "desk.colleagues", "desk.save_filter", "desk.remove_filter", "tasks.save", "tasks.body", "tasks.colleagues",
    "proxies.colleagues", "proxies.arrangeable", "proxies.revoke", "handing_over.successors", "unstaffed.assign",
    "tasks.recall", "signers.remove", "returning.take_back",
    "instances.save", "account.remove_second_factor", "account.renew_codes", "account.end_others", "own_signature.withdraw",
    "own_signature.picture",
    "instances.body", "reporting.save", "reporting.body", "notices.mark_read", "administration.end_role",
    "administration.open_account", "administration.change_account",
    "printing.receipt", "printing.case", "printing.signatures", "printing.admission_card", "printing.record",
    "workbooks.start_file", "workbooks.task_file", "again.take",
    "incidents.retry", "migrating.move", "operations.stop_job", "operations.bulk_start",
}  # fmt: skip


#: What is done on a page; it may need the numbers of ``Demo``.
Act = Callable[[Page, Mapping[str, str]], None]


@dataclass(frozen=True)
class State:
    """One page in one state."""

    #: Name of its pictures.
    name: str
    #: The endpoint that answers it.
    endpoint: str
    #: Sign-in name of whoever looks.
    who: str
    #: Address; ``{…}`` is filled from ``Demo``.
    path: str
    status: int = 200
    #: What is done on the page before it is looked at; then ``status`` is that of the answer to it.
    act: Act | None = None


def main_button(page: Page, numbers: Mapping[str, str]) -> None:
    """Press the page's first own button without filling anything in."""
    page.locator("main form button.btn-primary").first.click()


def main_button_unchecked(page: Page, numbers: Mapping[str, str]) -> None:
    """Press the page's first own button without filling anything in, past what the browser itself would ask for."""
    page.locator("main form button.btn-primary").first.evaluate("one => { one.form.noValidate = true; one.click() }")


def send_back(page: Page, numbers: Mapping[str, str]) -> None:
    """Hand a delegated task back without a note."""
    page.locator(f"{FORM} button[name=_back]").click()


def wrong_password(page: Page, numbers: Mapping[str, str]) -> None:
    """Sign in wrongly."""
    page.fill("#sign_in_name", "nobody")
    page.fill("#password", "not the password")
    main_button(page, numbers)


def half_way(page: Page, numbers: Mapping[str, str]) -> None:
    """Sign in with the password alone."""
    main_button(page, numbers)
    page.wait_for_url("**/sign-in/code*")


def unmask(page: Page, numbers: Mapping[str, str]) -> None:
    """Open the first masked answer for a purpose."""
    page.locator("#unmask-purpose").fill(PURPOSE)
    page.locator("#unmask form button").click()
    page.wait_for_url("**/unmask")


def unmask_for_nothing(page: Page, numbers: Mapping[str, str]) -> None:
    """Open a masked answer without saying what for."""
    page.locator("#unmask form button").evaluate("one => { one.form.noValidate = true; one.click() }")


def ask_contact(page: Page, numbers: Mapping[str, str]) -> None:
    """Say why somebody's number is looked at."""
    page.locator("input[name=purpose]").first.fill(PURPOSE)
    page.locator("form:has(input[name=purpose]) button").first.click()
    page.wait_for_url("**/contact")


def wrong_number(page: Page, numbers: Mapping[str, str]) -> None:
    """Give a phone number that is none."""
    page.fill("#phone", "123")
    main_button_unchecked(page, numbers)


def unfold(page: Page, numbers: Mapping[str, str]) -> None:
    """Open everything that folds."""
    page.locator("main details").evaluate_all("all => all.forEach(one => { one.open = true })")


def open_menu(page: Page, numbers: Mapping[str, str]) -> None:
    """Open the person's menu."""
    page.locator("details.menu summary").click()


def send_form(page: Page, numbers: Mapping[str, str]) -> None:
    """Press the button that sends a form from a form file."""
    page.locator(f"{FORM} .action-bar button.btn-primary").click()
    expect(page.locator("#form-errors")).to_be_visible()


def purpose(page: Page, numbers: Mapping[str, str]) -> None:
    """Say why personal data are looked at."""
    page.locator("input[name=purpose]").first.fill(PURPOSE)
    page.locator("form:has(input[name=purpose]) button").first.click()
    unfold(page, numbers)


def no_purpose(page: Page, numbers: Mapping[str, str]) -> None:
    """Ask for personal data without saying why."""
    page.locator("input[name=purpose]").first.evaluate("one => { one.required = false; one.removeAttribute('minlength') }")
    page.locator("form:has(input[name=purpose]) button").first.click()


def short_reason(page: Page, numbers: Mapping[str, str]) -> None:
    """Press the last button of the page that wants a reason, with a reason that says nothing."""
    form = page.locator("main form:has(textarea[name=reason])").last
    form.locator("textarea").fill("no")
    form.locator("button").evaluate("one => { one.form.noValidate = true; delete one.dataset.confirm; one.click() }")


def no_words(page: Page, numbers: Mapping[str, str]) -> None:
    """Send a remark that says nothing, past what the browser itself would ask for."""
    page.locator("form[action$='/remarks']:visible button").last.evaluate("one => { one.form.noValidate = true; one.click() }")


def select_all(page: Page, act: str) -> None:
    """Select what the inbox shows, and press a button below it."""
    page.locator("[data-check-all]:visible").check()
    page.locator(f"#bulk button[value={act}]").click()


def hand_on_selected(page: Page, numbers: Mapping[str, str]) -> None:
    """Ask to hand on everything that the inbox shows."""
    select_all(page, "transfer")


def hand_on_to_nobody(page: Page, numbers: Mapping[str, str]) -> None:
    """The same, sent without saying to whom."""
    page.locator("#bulk").evaluate("form => { form.action += 'run' }")
    select_all(page, "transfer")


def decide_selected(page: Page, numbers: Mapping[str, str]) -> None:
    """Ask to decide everything that the inbox shows."""
    select_all(page, "decide")


def give_back_selected(page: Page, numbers: Mapping[str, str]) -> None:
    """Give back everything that the inbox shows; what was never claimed is refused one by one."""
    select_all(page, "unclaim")


def show_keys(page: Page, numbers: Mapping[str, str]) -> None:
    """Ask what the keyboard does."""
    page.keyboard.press("j")
    page.keyboard.press("?")
    expect(page.locator("#keys-help")).to_be_visible()


def try_nothing(page: Page, numbers: Mapping[str, str]) -> None:
    """Ask a table without saying anything of the case."""
    unfold(page, numbers)
    page.locator("#case button.btn-primary").click()


def try_teacher(page: Page, numbers: Mapping[str, str]) -> None:
    """Ask whether a teacher of long standing would be eligible."""
    page.fill("[name='teaching_history.1.start']", "2008-09-01")
    page.select_option("[name='teaching_history.1.unit_kind']", "中小学")
    page.select_option("[name='teaching_history.1.duty']", "课堂教学")
    page.select_option("[name=title_series]", "教师")
    page.fill("[name=title_level]", "一级")
    page.select_option("[name=discipline_declaration]", "无")
    page.locator("#case button.btn-primary").click()
    unfold(page, numbers)


def no_file(page: Page, numbers: Mapping[str, str]) -> None:
    """Import without a file."""
    page.locator("main form button").first.evaluate("one => { one.form.noValidate = true; one.click() }")


def too_late(page: Page, numbers: Mapping[str, str]) -> None:
    """Send the page's form to a task that is done, as an old page does whose case has gone on."""
    page.locator(FORM).evaluate("(form, path) => { form.action = path }", f"/tasks/{numbers['done']}")
    page.locator(f"{FORM} .action-bar button.btn-primary").click()


STATES = (
    State("sign-in", "sign_in.sign_in", NOBODY, "/sign-in"),
    State("sign-in-chosen", "sign_in.sign_in", NOBODY, "/sign-in?as=sy.hr1"),
    State("sign-in-refused", "sign_in.sign_in", NOBODY, "/sign-in", 401, wrong_password),
    State("sign-in-code", "sign_in.enter_code", NOBODY, f"/sign-in?as={TWO_FACTORS}", 200, half_way),
    State("account", "account.index", REVIEWER, "/account/"),
    State("account-contact", "account.contact", REVIEWER, "/account/contact"),
    State("account-contact-errors", "account.contact", REVIEWER, "/account/contact", 422, wrong_number),
    State("account-proof", "account.prove", REVIEWER, "/account/proof?next=/account/contact"),
    State("account-proof-errors", "account.prove", REVIEWER, "/account/proof", 422, main_button_unchecked),
    State("account-signature", "own_signature.keep", REVIEWER, "/account/signature/"),
    State("account-signature-errors", "own_signature.keep", REVIEWER, "/account/signature/", 422, main_button_unchecked),
    State("account-passkey", "passkeys.add", REVIEWER, "/account/passkeys/new"),
    State("account-second-factor", "account.second_factor", REVIEWER, "/account/second-factor"),
    State("account-second-factor-errors", "account.second_factor", REVIEWER, "/account/second-factor", 422, main_button_unchecked),
    State("register", "sign_in.register", NOBODY, "/register"),
    State("register-errors", "sign_in.register", NOBODY, "/register", 422, main_button),
    State("confirm", "sign_in.confirm", NOBODY, "/confirm/no-such-link"),
    State("confirm-expired", "sign_in.confirm", NOBODY, "/confirm/no-such-link", 410, main_button),
    State("public", "public.index", NOBODY, "/public/"),
    State("public-empty", "public.index", NOBODY, "/public/?kind=公示"),
    State("check", "printing.check", NOBODY, "/public/check"),
    State("check-refused", "printing.check", NOBODY, "/public/check?number=LN-2026-00001&code=1-AAAA-BBBB-CCCC"),
    State("public-notice", "public.notice", NOBODY, "/public/{notice}"),
    State("eligibility", "rules.eligibility", NOBODY, "/rules/eligibility/{round}"),
    State("eligibility-refused", "rules.eligibility", NOBODY, "/rules/eligibility/{round}", 422, main_button),
    State("eligibility-told", "rules.eligibility", NEW, "/rules/eligibility/{round}", 200, try_teacher),
    State("registers", "registers.index", OFFICE, "/registers/"),
    State("registers-own", "registers.index", NEW, "/registers/"),
    State("roster", "registers.researchers", OFFICE, "/registers/researchers"),
    State("roster-nothing", "registers.researchers", OFFICE, "/registers/researchers?q=没有这个人"),
    State("roster-empty", "registers.researchers", NEW, "/registers/researchers"),
    State("roster-person", "registers.researcher", OFFICE, "/registers/researchers/{researcher}"),
    State("staffing", "registers.institutions", OFFICE, "/registers/staffing"),
    State("staffing-none", "registers.institutions", NEW, "/registers/staffing"),
    State("staffing-matrix", "registers.matrix", OFFICE, "/registers/staffing/ln-sy-tri"),
    State("staffing-matrix-empty", "registers.matrix", AUDITOR, "/registers/staffing/ln-tri"),
    State("register-publicity", "registers.publicised", REVIEWER, "/registers/publicity"),
    State("register-publicity-nothing", "registers.publicised", REVIEWER, "/registers/publicity?q=没有这样的公示"),
    State("register-matters", "registers.reported", OTHER_REVIEWER, "/registers/matters"),
    State("register-matters-nothing", "registers.reported", OTHER_REVIEWER, "/registers/matters?q=没有这样的办件"),
    State("register-evidence", "registers.uploaded", REVIEWER, "/registers/evidence"),
    State("register-evidence-nothing", "registers.uploaded", REVIEWER, "/registers/evidence?q=没有这个文件"),
    State("rules", "rules.index", REVIEWER, "/rules/"),
    State("rules-nothing", "rules.index", REVIEWER, "/rules/?q=没有这样的规则"),
    State("rules-tables", "rules.tables", AUDITOR, "/rules/tables/"),
    State("rules-table", "rules.show", REVIEWER, "/rules/tables/ADM-B2", act=unfold),
    State("rules-table-refused", "rules.show", REVIEWER, "/rules/tables/DT-ADM-02", 422, try_nothing),
    State("not-found", "", NOBODY, "/no-such-page", 404),
    State("not-found-signed-in", "", REVIEWER, "/instances/LN-2026-99999", 404),
    State("forbidden", "audit.index", REVIEWER, "/audit/", 403),
    State("password", "sign_in.change_password", REVIEWER, "/password"),
    State("password-errors", "sign_in.change_password", REVIEWER, "/password", 422, main_button),
    State("menu", "inbox.index", REVIEWER, "/inbox/", 200, open_menu),
    State("inbox", "inbox.index", REVIEWER, "/inbox/"),
    State("inbox-done", "inbox.index", REVIEWER, "/inbox/?tab=done"),
    State("inbox-started-empty", "inbox.index", REVIEWER, "/inbox/?tab=started"),
    State("inbox-nothing-found", "inbox.index", REVIEWER, "/inbox/?q=nothing"),
    State("inbox-empty", "inbox.index", NEW, "/inbox/"),
    State("inbox-started", "inbox.index", RETURNED, "/inbox/?tab=started"),
    State("proxies-empty", "proxies.index", REVIEWER, "/proxies/"),
    State("proxies-none", "proxies.index", NEW, "/proxies/"),
    State("proxies-new", "proxies.grant", REVIEWER, "/proxies/new"),
    State("proxies-new-errors", "proxies.grant", REVIEWER, "/proxies/new", 422, main_button_unchecked),
    State("proxies-arrange", "proxies.arrange", BOSS, "/proxies/arrange"),
    State("proxies-arrange-errors", "proxies.arrange", BOSS, "/proxies/arrange", 422, main_button_unchecked),
    State("proxies-new-applicant", "proxies.grant", NEW, "/proxies/new"),
    State("hand-over", "handing_over.hand_over", ADMIN, "/administration/people/{person}/hand-over"),
    State("admin-staff-check", "operations.staff", ADMIN, "/administration/staff-check"),
    State("admin-unstaffed", "unstaffed.index", ADMIN, "/administration/unstaffed/"),
    State("admin-proxies", "proxies.every", SECURITY, "/administration/proxies"),
    State("notices", "notices.index", REVIEWER, "/notices/"),
    State("notices-empty", "notices.index", NEW, "/notices/"),
    State("notices-applicant", "notices.index", REFUSED, "/notices/"),
    State("start", "instances.start_page", NEW, "/instances/start"),
    State("start-with-case", "instances.start_page", RETURNED, "/instances/start"),
    State("apply", "instances.start", NEW, "/instances/start/admission/{round}"),
    State("apply-errors", "instances.send", NEW, "/instances/start/admission/{round}", 422, send_form),
    State("apply-twice", "instances.start", RETURNED, "/instances/start/admission/{round}", 422),
    State("workbook", "workbooks.start", NEW, "/instances/start/admission/{round}/workbook"),
    State("workbook-refused", "workbooks.fill_start", NEW, "/instances/start/admission/{round}/workbook", 422, main_button_unchecked),
    State("received", "instances.received", DONE, "/instances/{qualified}/received"),
    State("admission-card", "instances.admission_card", DONE, "/instances/{qualified}/admission-card"),
    State("cases", "instances.index", REVIEWER, "/instances/"),
    State("cases-empty", "instances.index", NEW, "/instances/"),
    State("cases-nothing-found", "instances.index", REVIEWER, "/instances/?q=nothing"),
    State("overview", "dashboard.index", BOSS, "/overview/"),
    State("overview-reviewer", "dashboard.index", REVIEWER, "/overview/"),
    State("overview-auditor", "dashboard.index", AUDITOR, "/overview/"),
    State("overview-administrator", "dashboard.index", ADMIN, "/overview/"),
    State("overview-empty", "dashboard.index", NEW, "/overview/"),
    State("deadlines", "deadlines.index", BOSS, "/deadlines/"),
    State("deadlines-empty", "deadlines.index", NEW, "/deadlines/"),
    State("deadlines-nothing-found", "deadlines.index", REVIEWER, "/deadlines/?when=today&whose=own"),
    State("case-applicant", "instances.show", RETURNED, "/instances/{returned}", 200, unfold),
    State("case-ended", "instances.show", DONE, "/instances/{qualified}", 200, unfold),
    State("case-reviewer", "instances.show", REVIEWER, "/instances/{returned}"),
    State("task-workbook", "workbooks.task", HEAD, "/tasks/{adm_u1}/workbook"),
    State("task-workbook-refused", "workbooks.fill_task", HEAD, "/tasks/{adm_u1}/workbook", 422, main_button_unchecked),
    State("task-recommend", "tasks.show", HEAD, "/tasks/{adm_u1}"),
    State("task-review", "tasks.show", REVIEWER, "/tasks/{adm_u2}", 200, unfold),
    State("task-review-errors", "tasks.complete", REVIEWER, "/tasks/{adm_u2}", 422, send_form),
    State("task-transfer", "tasks.transfer", LENDER, "/tasks/{back}/transfer"),
    State("task-delegate", "tasks.delegate", LENDER, "/tasks/{back}/delegate"),
    State("task-delegate-errors", "tasks.delegate", LENDER, "/tasks/{back}/delegate", 422, main_button_unchecked),
    State("task-delegated", "tasks.show", ASKED, "/tasks/{lent}", 200, unfold),
    State("task-delegated-no-note", "tasks.complete", ASKED, "/tasks/{lent}", 422, send_back),
    State("task-signers", "signers.ask", LENDER, "/tasks/{back}/signers"),
    State("task-signers-errors", "signers.ask", LENDER, "/tasks/{back}/signers", 422, main_button_unchecked),
    State("task-waits-for-signers", "tasks.show", LENDER, "/tasks/{signed}"),
    State("task-sign", "tasks.show", ASKED, "/tasks/{sign}", 200, unfold),
    State("task-sign-errors", "tasks.complete", ASKED, "/tasks/{sign}", 422, send_form),
    State("task-no-opinion", "signers.decline", ASKED, "/tasks/{sign}/no-opinion"),
    State("task-no-opinion-errors", "signers.decline", ASKED, "/tasks/{sign}/no-opinion", 422, short_reason),
    State("task-return", "returning.send_back", LENDER, "/tasks/{back}/return"),
    State("task-return-errors", "returning.send_back", LENDER, "/tasks/{back}/return", 422, short_reason),
    State("task-decline", "tasks.decline", ASKED, "/tasks/{lent}/decline"),
    State("task-decline-errors", "tasks.decline", ASKED, "/tasks/{lent}/decline", 422, short_reason),
    State("copy", "desk.copy", REVIEWER, "/instances/{returned}/copy"),
    State("copy-errors", "desk.copy", REVIEWER, "/instances/{returned}/copy", 422, main_button_unchecked),
    State("remark-errors", "desk.remark", REVIEWER, "/instances/{returned}", 422, no_words),
    State("inbox-to-read-empty", "inbox.index", NEW, "/inbox/?tab=copies"),
    State("inbox-narrowed", "inbox.index", REVIEWER, "/inbox/?grade=urgent&follow=any", 200, unfold),
    State("inbox-keys", "inbox.index", REVIEWER, "/inbox/", 200, show_keys),
    State("bulk-transfer", "bulk.choose", REVIEWER, "/inbox/", 200, hand_on_selected),
    State("bulk-transfer-errors", "bulk.run", REVIEWER, "/inbox/", 422, hand_on_to_nobody),
    State("bulk-decide", "bulk.choose", REVIEWER, "/inbox/", 200, decide_selected),
    State("bulk-result", "bulk.result", REVIEWER, "/inbox/", 200, give_back_selected),
    State("inbox-delegated", "inbox.index", ASKED, "/inbox/"),
    State("task-lent", "tasks.show", LENDER, "/tasks/{lent}"),
    State("task-handed-back", "tasks.show", LENDER, "/tasks/{back}", 200, unfold),
    State("case-delegated", "instances.show", LENDER, "/instances/{delegated}"),
    State("inbox-lent", "inbox.index", LENDER, "/inbox/"),
    State("notices-delegated", "notices.index", ASKED, "/notices/"),
    State("task-correct", "tasks.show", RETURNED, "/tasks/{adm_u3}"),
    State("task-reconsider", "tasks.show", REFUSED, "/tasks/{adm_u5}"),
    State("task-reconsider-errors", "tasks.complete", REFUSED, "/tasks/{adm_u5}", 422, send_form),
    State("report", "reporting.show", OTHER_REVIEWER, "/instances/{published}/reports/adm_bm2"),
    State("report-errors", "reporting.send", OTHER_REVIEWER, "/instances/{published}/reports/adm_bm2", 422, send_form),
    State("case-published", "instances.show", OTHER_REVIEWER, "/instances/{published}", 200, unfold),
    State("task-done", "tasks.show", REVIEWER, "/tasks/{done}"),
    State("task-sent", "tasks.sent", REVIEWER, "/tasks/{done}/sent"),
    State("task-too-late", "tasks.complete", REVIEWER, "/tasks/{adm_u2}", 409, too_late),
    State("audit", "audit.index", AUDITOR, "/audit/"),
    State("audit-found", "audit.index", AUDITOR, "/audit/?person=林书豪"),
    State("audit-nothing-found", "audit.index", AUDITOR, "/audit/?q=nothing"),
    State("audit-case", "audit.case", AUDITOR, "/audit/cases/{qualified}", 200, unfold),
    State("audit-case-reviewed", "audit.case", AUDITOR, "/audit/cases/{reviewed}", 200, unfold),
    State("audit-case-running", "audit.case", AUDITOR, "/audit/cases/{returned}", 200, unfold),
    State("audit-revealed", "audit.reveal", AUDITOR, "/audit/cases/{qualified}", 200, purpose),
    State("audit-reveal-refused", "audit.reveal", AUDITOR, "/audit/cases/{qualified}", 422, no_purpose),
    State("audit-check", "audit.check", AUDITOR, "/audit/check"),
    State("audit-checked", "audit.check", AUDITOR, "/audit/check?run=1"),
    State("admin-people", "administration.list_people", ADMIN, "/administration/people"),
    State("admin-people-none", "administration.list_people", ADMIN, "/administration/people?q=nobody"),
    State("admin-person", "administration.person", ADMIN, "/administration/people/{person}"),
    State("admin-new-person", "administration.new_person", ADMIN, "/administration/people/new"),
    State("admin-new-person-errors", "administration.new_person", ADMIN, "/administration/people/new", 422, main_button),
    State("admin-role", "administration.grant_role", SECURITY, "/administration/people/{person}/role?q=沈阳"),
    State("admin-role-chosen", "administration.grant_role", SECURITY, "/administration/people/{person}/role?organisation=ln-sy"),
    State("admin-person-contact", "administration.open_contact", ADMIN, "/administration/people/{teacher}", 200, ask_contact),
    State("security-permissions", "administration.permissions", SECURITY, "/administration/permissions"),
    State("security-permissions-none", "administration.permissions", SECURITY, "/administration/permissions?q=nothing-of-the-kind"),
    State("auditor-permissions", "administration.permissions", AUDITOR, "/administration/permissions?q=审计员"),
    State("case-unmasked", "unmasking.unmask", BOSS, "/instances/{qualified}", 200, unmask),
    State("case-unmask-refused", "unmasking.unmask", BOSS, "/instances/{qualified}", 422, unmask_for_nothing),
    State("security-people", "administration.list_people", SECURITY, "/administration/people"),
    State("security-person", "administration.person", SECURITY, "/administration/people/{person}"),
    State("admin-places", "administration.places", ADMIN, "/administration/places"),
    State("admin-new-place", "administration.new_place", ADMIN, "/administration/places/new?parent=ln-sy"),
    State("admin-new-place-errors", "administration.new_place", ADMIN, "/administration/places/new?parent=ln-sy", 422, main_button),
    State("admin-definitions", "operations.definitions", ADMIN, "/administration/definitions"),
    State("admin-take-in", "definition_archives.take_in", ADMIN, "/administration/definitions/import"),
    State("admin-take-in-refused", "definition_archives.take_in", ADMIN, "/administration/definitions/import", 422, no_file),
    State("admin-imports", "operations.imports", ADMIN, "/administration/imports"),
    State("admin-import-refused", "operations.import_workbook", ADMIN, "/administration/imports", 422, no_file),
    State("admin-incidents", "incidents.index", ADMIN, "/administration/incidents/"),
    State("admin-incidents-none", "incidents.index", ADMIN, "/administration/incidents/?q=nothing"),
    State("admin-incident", "incidents.show", ADMIN, "/administration/incidents/{incident}", 200, unfold),
    State("admin-incident-errors", "incidents.dismiss", ADMIN, "/administration/incidents/{incident}", 422, short_reason),
    State("admin-migrate", "migrating.show", ADMIN, "/administration/definitions/admission/migrate"),
    State("admin-control", "control.show", ADMIN, "/instances/{returned}/control"),
    State("control", "control.show", BOSS, "/instances/{returned}/control"),
    State("control-errors", "control.change", BOSS, "/instances/{returned}/control", 422, short_reason),
    State("case-failed", "instances.show", BOSS, "/instances/{failed}"),
    State("withdraw", "control.withdraw", RETURNED, "/instances/{returned}/withdraw"),
    State("withdraw-errors", "control.withdraw", RETURNED, "/instances/{returned}/withdraw", 422, short_reason),
    State("admin-jobs", "operations.list_jobs", ADMIN, "/administration/jobs"),
    State("admin-bulk-start", "operations.new_bulk_start", ADMIN, "/administration/jobs/new?q=沈阳"),
    State("admin-bulk-start-none", "operations.new_bulk_start", ADMIN, "/administration/jobs/new?organisation=ln-sy"),
    State("admin-health", "operations.health", ADMIN, "/administration/health"),
)  # fmt: skip


class Demo:
    """What the demo's database holds: numbers for addresses, and every word that is data and stays as it was written."""

    def __init__(self, data: Path) -> None:
        self._connection = sqlite3.connect(f"file:{data / 'jiaoyan.sqlite3'}?mode=ro", uri=True)

    def close(self) -> None:
        """Let go of the database."""
        self._connection.close()

    def all(self, question: str, *given: Any) -> list[Any]:
        """First column of every row."""
        return [row[0] for row in self._connection.execute(question, given)]

    def numbers(self) -> Mapping[str, str]:
        """What stands in the addresses."""
        found: dict[str, str] = {
            "round": self.all("SELECT number FROM round WHERE place = 'liaoning'")[0],
            "notice": self.all("SELECT number FROM public_notice ORDER BY number")[-1],
            "researcher": self.all(
                "SELECT p.number FROM researcher r JOIN person p ON p.id = r.person_id JOIN organisation o ON o.id = r.organisation_id"
                " WHERE o.code = 'ln-sy-tri' ORDER BY r.id"
            )[0],
            "teacher": self.all("SELECT number FROM person WHERE phone = ?", DONE)[0],
            "person": self.all("SELECT p.number FROM person p JOIN account a ON a.person_id = p.id WHERE sign_in_name = 'hp.bureau'")[0],
        }
        case = "SELECT i.number FROM instance i JOIN person p ON p.id = i.starter_id WHERE p.phone = ?"
        found |= {"published": self.all(case, PUBLISHED)[0], "qualified": self.all(case, DONE)[0], "returned": self.all(case, RETURNED)[0]}
        for found["incident"], found["failed"] in self._connection.execute(
            "SELECT n.number, i.number FROM incident n JOIN instance i ON i.id = n.instance_id"
        ):
            pass  # the newest one
        found["reviewed"] = self.all(case, "13840010004")[0]
        held = (
            "SELECT t.number FROM task t JOIN instance i ON i.id = t.instance_id JOIN person p ON p.id = i.starter_id"
            " WHERE t.status = 'open' AND t.step_id = ? AND p.phone = ?"
        )
        for name, phone in (("lent", LENT), ("back", BACK)):
            found[name] = self.all(held, "adm_u2", phone)[0]
        found["delegated"] = self.all(case, BACK)[0]
        signed = self.all(held + " ORDER BY t.main_id IS NULL, t.id", "adm_u2", SIGNED)
        found["sign"], found["signed"] = signed[0], signed[-1]
        starters = {"adm_u1": OVERDUE, "adm_u2": CONSENTED, "adm_u3": RETURNED, "adm_u5": REFUSED}
        found |= {step: self.all(held, step, phone)[0] for step, phone in starters.items()}
        found["done"] = self.all(
            "SELECT t.number FROM task t JOIN instance i ON i.id = t.instance_id"
            " WHERE i.number = ? AND step_id = 'adm_u2' AND t.status = 'done'", found["qualified"],
        )[0]  # fmt: skip
        return found
