"""Flask: thin pages over the verbs and reads of ``workflows``. ``create_app`` puts them together."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, Flask
from flask_wtf import CSRFProtect

from webapp import addresses, fence, languages, moments, paging, refusals, rendering, sessions, standing
from webapp.allowed import guard_every_route
from webapp.limits import limiter
from webapp.office import Office, office

__all__ = ["Office", "create_app", "office"]

#: Bytes of one request: attachments are at most 20 MB each (domain.md 3.0.3).
MAX_REQUEST = 64 * 1024 * 1024
#: Bytes of the fields of one form that are not files, and how many parts it may have.
MAX_FORM_FIELDS, MAX_FORM_PARTS = 2 * 1024 * 1024, 5000


def _pages() -> list[Blueprint]:
    """Every part of the site; a new one is added here."""
    # each imports this package
    from webapp import (
        account,
        administration,
        again,
        appearance,
        audit,
        bulk_acts,
        control,
        dashboard,
        deadlines,
        definition_archives,
        desk,
        diagrams,
        handing_over,
        health,
        inbox,
        incidents,
        instances,
        migrating,
        notices,
        operations,
        own_signature,
        passkeys,
        printing,
        proxies,
        public,
        registers,
        reporting,
        returning,
        rules,
        sign_in,
        signers,
        tasks,
        unmasking,
        unstaffed,
        workbooks,
    )

    return [
        health.pages, sign_in.pages, account.pages, passkeys.pages, public.pages, notices.pages, inbox.pages, bulk_acts.pages,
        desk.pages, tasks.pages, signers.pages, returning.pages, instances.pages, diagrams.pages, audit.pages,
        administration.pages, operations.pages, definition_archives.pages, incidents.pages, migrating.pages, control.pages, proxies.pages,
        handing_over.pages, unstaffed.pages, reporting.pages, registers.pages, rules.pages, printing.pages, workbooks.pages,
        again.pages, deadlines.pages, unmasking.pages, dashboard.pages, appearance.pages, own_signature.pages,
    ]


def create_app(office: Office) -> Flask:
    """The site over one office. Raises ``LookupError`` when a route does not declare who may use it."""
    app = Flask(__name__)
    settings = office.settings
    plain = sessions.is_plain_http(settings.base_url)
    app.config.update(
        SECRET_KEY=sessions.secret_key(settings.data),
        SESSION_COOKIE_NAME="jiaoyan-form" if plain else "__Host-jiaoyan-form",
        SESSION_COOKIE_SECURE=not plain,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=MAX_REQUEST,
        MAX_FORM_MEMORY_SIZE=MAX_FORM_FIELDS,
        MAX_FORM_PARTS=MAX_FORM_PARTS,
        SEND_FILE_MAX_AGE_DEFAULT=timedelta(hours=1),
        TRUSTED_HOSTS=fence.trusted_hosts(settings),
        # A form may stay open as long as the sign-in lasts; what was typed is not lost to a shorter limit.
        WTF_CSRF_TIME_LIMIT=None,
        RATELIMIT_STORAGE_URI="memory://",
        RATELIMIT_HEADERS_ENABLED=False,
    )
    app.extensions["jiaoyan"] = office
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    fence.install(app)
    languages.install(app)
    sessions.install(app)
    CSRFProtect(app)
    from webapp import appearance, case_pages  # these import this package

    for part in (rendering, addresses, moments, paging, standing, refusals, case_pages, appearance):
        part.install(app)
    limiter.init_app(app)
    for pages in _pages():
        app.register_blueprint(pages)
    guard_every_route(app)
    return app
