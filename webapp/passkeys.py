"""Passkeys of one's own account: adding one and giving one up; and what any page needs that asks for one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import StringField
from wtforms.validators import Length

from webapp import languages, menu, sessions
from webapp.allowed import allowed, proves_identity
from webapp.controls import required
from webapp.limits import limiter
from webapp.moments import machine, now
from webapp.office import office
from workflows import passkeys
from workflows.errors import PasskeyNameNeeded, PasskeyRefused, SecondFactorNeeded, TooManyPasskeys

pages = Blueprint("passkeys", __name__, url_prefix="/account/passkeys")

#: The field in which a page's script sends what the device answered.
ANSWER = "passkey"


class NewPasskeyForm(FlaskForm):
    """What its owner calls a new passkey."""

    name = StringField(
        lazy_gettext("名称"),
        [required(), Length(max=passkeys.LONGEST_NAME, message=lazy_gettext("请填写 1 至 40 个字"))],
        description=lazy_gettext("便于以后辨认，例如“办公室电脑”“手机”“安全密钥”"),
        render_kw={"autocomplete": "off"},
    )


@dataclass(frozen=True)
class Asked:
    """What a page hands to the browser to ask for a passkey."""

    #: JSON for the browser; empty where the page was opened under an address for which no passkey is good.
    options: str
    #: Where to open the page instead.
    elsewhere: str = ""


def asked(purpose: str, account_id: int | None = None) -> Asked:
    """What a page asks the browser for: to make a passkey (``passkeys.ADD``), or to show one."""
    here = office()
    site = passkeys.site(here.settings)
    if urlsplit(f"//{request.host}").hostname != site.domain:
        return Asked("", site.origin + request.full_path.rstrip("?"))
    with here.db.read() as reading:
        if purpose == passkeys.ADD:
            return Asked(passkeys.to_add(reading, g.viewer, sessions.key(), clock=machine(), settings=here.settings))
        return Asked(passkeys.to_show(reading, sessions.key(), purpose, account_id, clock=machine(), settings=here.settings))


def answered() -> str | None:
    """What the device answered; nothing when the form that was sent does not ask for a passkey."""
    return request.form.get(ANSWER) if request.method == "POST" else None


def unanswered() -> str:
    """What a person reads whose browser sent no answer at all."""
    return gettext("浏览器没有给出通行密钥：它可能不支持，或没有启用脚本。请改用其他方式")


@pages.route("/new", methods=["GET", "POST"])
@allowed("signed_in")
@proves_identity
@limiter.limit("30/minute", methods=["POST"])
def add() -> Any:
    """Add a passkey; where the account had no recovery codes, they stand on the answer."""
    here, form, refused = office(), NewPasskeyForm(), ""
    if form.validate_on_submit():
        if not answered():
            refused = unanswered()
        else:
            try:
                codes = passkeys.add(
                    here.db, g.viewer, answered() or "", form.name.data, sessions.key(), sessions.token(), at=now(),
                    clock=machine(), settings=here.settings,
                )  # fmt: skip
            except (PasskeyRefused, PasskeyNameNeeded, TooManyPasskeys) as refusal:
                refused = languages.refusal_words(refusal)
            else:
                flash(gettext("已添加通行密钥“%(name)s”", name=form.name.data), "success")
                if not codes:
                    return redirect(url_for("account.index"), 303)
                return render_template("account/codes.html", codes=codes, added=True, first=menu.first_door(g.viewer))
    page = render_template("account/new_passkey.html", form=form, refused=refused, asked=asked(passkeys.ADD), must=g.viewer.must_set_up)
    return page, 422 if request.method == "POST" else 200


@pages.post("/remove")
@allowed("signed_in")
@proves_identity
def remove() -> Response:
    """Give one up; whoever may not be without a second factor is told so."""
    try:
        passkeys.remove(office().db, g.viewer, request.form.get("credential", ""), at=now(), settings=office().settings)
    except SecondFactorNeeded as refused:
        flash(languages.refusal_words(refused), "danger")
    else:
        flash(gettext("通行密钥已删除"), "success")
    return redirect(url_for("account.index"), 303)
