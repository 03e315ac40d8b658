"""One's own account: how one is reached, the second factor, the browsers that are signed in; and proving who one is."""

from __future__ import annotations

import io
from typing import Any

import segno
from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from flask_wtf import FlaskForm
from markupsafe import Markup
from werkzeug.wrappers import Response
from wtforms import EmailField, HiddenField, PasswordField, StringField, TelField
from wtforms.validators import Length, Optional

from webapp import languages, menu, passkeys, sessions
from webapp.allowed import allowed, proves_identity
from webapp.controls import ADDRESS, pattern, required
from webapp.limits import limiter
from webapp.moments import machine, now
from webapp.office import office
from workflows import accounts, own_account, proving, second_factor, signature_images
from workflows import passkeys as keys
from workflows.errors import AccountExists, CodeRefused, IdentityRefused, SecondFactorNeeded

pages = Blueprint("account", __name__, url_prefix="/account")


class ProofForm(FlaskForm):
    """The password, or a code of one's device; one of them is enough."""

    password = PasswordField(lazy_gettext("密码"), [Optional()], render_kw={"autocomplete": "current-password", "autofocus": True})
    code = StringField(
        lazy_gettext("验证码或恢复码"), [Optional(), Length(max=40)], render_kw={"autocomplete": "one-time-code"},
        description=lazy_gettext("填写密码或验证码，任选其一"),
    )
    next = HiddenField()


class ContactForm(FlaskForm):
    """How one is reached."""

    phone = TelField(
        lazy_gettext("手机号"), [Optional(), pattern(rf"^{accounts.PHONE.pattern}$", lazy_gettext("请填写 11 位手机号"))],
        render_kw={"autocomplete": "tel", "inputmode": "numeric"},
    )
    email = EmailField(
        lazy_gettext("邮箱"),
        [Optional(), Length(max=254, message=lazy_gettext("邮箱地址太长")), pattern(ADDRESS, lazy_gettext("请填写正确的邮箱地址"))],
        description=lazy_gettext("新邮箱须打开确认邮件中的链接后才生效"),
        render_kw={"autocomplete": "email"},
    )


class FirstCodeForm(FlaskForm):
    """The first code of a device that has just taken the secret over."""

    code = StringField(
        lazy_gettext("验证码"), [required(), Length(max=10, message=lazy_gettext("验证码是 6 位数字"))],
        description=lazy_gettext("验证器应用显示的 6 位数字，每 30 秒更换一次"),
        render_kw={"autocomplete": "one-time-code", "inputmode": "numeric"},
    )


@pages.get("/")
@allowed("signed_in")
def index() -> str:
    """The account as its owner sees it."""
    here = office()
    with here.db.read() as reading:
        own = own_account.own_account(reading, g.viewer, sessions.token(), at=now(), settings=here.settings)
        state = second_factor.state(reading, g.viewer.account_id)
        held = keys.own(reading, g.viewer.account_id)
        signature = signature_images.in_use(reading, g.viewer.person_id)
    return render_template(
        "account/index.html", own=own, state=state, passkeys=held, signature=signature,
        must=accounts.needs_second_factor(g.viewer, here.settings),
        minutes=here.settings.prove_minutes, idle=here.settings.idle_minutes,
    )  # fmt: skip


@pages.route("/proof", methods=["GET", "POST"])
@allowed("signed_in")
@limiter.limit("30/minute", methods=["POST"])
def prove() -> Any:
    """Password, code or passkey once more; then back to what was asked for."""
    here = office()
    with here.db.read() as reading:
        has = second_factor.state(reading, g.viewer.account_id)
    form = ProofForm()
    refused, passkey = "", passkeys.answered()
    if form.validate_on_submit():
        if passkey == "":
            refused = passkeys.unanswered()
        elif not (passkey or form.password.data or (has.stands and form.code.data)):
            form.password.errors = [gettext("请填写")]
        else:
            try:
                fresh = _proved(form.password.data or "", form.code.data or "", passkey or "")
            except IdentityRefused as refusal:
                refused = languages.refusal_words(refusal)
            else:
                if request.args.get("again"):
                    flash(gettext("身份已确认，请再按一次刚才的按钮"), "success")
                target = sessions.same_site_path(form.next.data) or url_for(".index")
                return sessions.begin(redirect(target, 303), fresh)
    if request.method == "GET":
        form.next.data = sessions.same_site_path(request.args.get("next")) or ""
    status = 200 if request.method == "GET" else IdentityRefused.status if refused else 422
    return render_template(
        "account/proof.html", form=form, refused=refused, has_code=has.stands, minutes=here.settings.prove_minutes,
        asked=passkeys.asked(keys.PROOF, g.viewer.account_id) if has.passkeys else None,
    ), status  # fmt: skip


def _proved(password: str, code: str, passkey: str) -> str:
    """The new token of a browser whose person has proved who they are."""
    here = office()
    return proving.prove(
        here.db, g.viewer, sessions.token(), sessions.key(), password=password, code=code, at=now(), clock=machine(),
        settings=here.settings, passkey=passkey,
    )  # fmt: skip


@pages.route("/contact", methods=["GET", "POST"])
@allowed("signed_in")
@proves_identity
def contact() -> Any:
    """Change phone number and mail address."""
    here, form = office(), ContactForm()
    with here.db.read() as reading:
        own = own_account.own_account(reading, g.viewer, sessions.token(), at=now(), settings=here.settings)
    if request.method == "GET":
        form.phone.data, form.email.data = own.phone, own.email
    elif form.validate_on_submit():
        try:
            token = own_account.change_contact(
                here.db, g.viewer, phone=form.phone.data or None, email=form.email.data or None, at=now(),
                link_days=here.settings.link_days,
            )  # fmt: skip
        except AccountExists as refused:
            form.phone.errors = [languages.refusal_words(refused) if form.phone.data else gettext("您用手机号登录，不能留空")]
        else:
            flash(gettext("已保存。请打开发往新邮箱的链接，确认后新邮箱生效") if token else gettext("已保存"), "success")
            if token and here.settings.demo and not here.settings.smtp:
                return redirect(url_for("sign_in.confirm", token=token), 303)
            return redirect(url_for(".index"), 303)
    return render_template("account/contact.html", form=form, own=own), 422 if request.method == "POST" else 200


@pages.route("/second-factor", methods=["GET", "POST"], endpoint="second_factor")
@allowed("signed_in")
@proves_identity
def set_up() -> Any:
    """Set the second factor up: the secret for the device, then its first code; the recovery codes stand on the answer."""
    here, form = office(), FirstCodeForm()
    with here.db.read() as reading:
        if second_factor.state(reading, g.viewer.account_id).confirmed_at is not None:
            return redirect(url_for(".index"))
    if form.validate_on_submit():
        try:
            codes = second_factor.confirm(
                here.db, g.viewer, form.code.data, sessions.key(), sessions.token(), at=now(), clock=machine()
            )
        except CodeRefused:
            form.code.errors = [gettext("验证码不正确，请核对手机时间后输入最新的 6 位数字")]
        else:
            return render_template("account/codes.html", codes=codes, added=True, first=menu.first_door(g.viewer))
    given = second_factor.offer(here.db, g.viewer, sessions.key(), at=now())
    page = render_template(
        "account/second_factor.html", form=form, secret=_in_fours(given.secret), drawing=_drawing(given.address),
        must=g.viewer.must_set_up,
    )  # fmt: skip
    return page, 422 if request.method == "POST" else 200


def _in_fours(secret: str) -> str:
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))


def _drawing(address: str) -> Markup:
    """The QR code as SVG in the page, without any style of its own."""
    drawn = io.BytesIO()
    segno.make(address, error="m").save(
        drawn, kind="svg", scale=5, border=4, xmldecl=False, svgns=False, omitsize=False, svgclass=None, lineclass=None,
        dark="#000", light="#fff", title=gettext("二次验证二维码"),
    )  # fmt: skip
    return Markup(drawn.getvalue().decode())  # noqa: S704 - drawn here, from our own text


@pages.post("/second-factor/remove")
@allowed("signed_in")
@proves_identity
def remove_second_factor() -> Response:
    """Turn one's own off; whoever may not be without is told so."""
    try:
        second_factor.remove(office().db, g.viewer, at=now(), settings=office().settings)
    except SecondFactorNeeded as refused:
        flash(languages.refusal_words(refused), "danger")
    else:
        flash(gettext("二次验证已关闭"), "success")
    return redirect(url_for(".index"), 303)


@pages.post("/second-factor/codes")
@allowed("signed_in")
@proves_identity
def renew_codes() -> str:
    """New recovery codes, shown once."""
    codes = second_factor.renew_codes(office().db, g.viewer, at=now())
    return render_template("account/codes.html", codes=codes, added=False, first=url_for(".index"))


@pages.post("/browsers/end")
@allowed("signed_in")
def end_others() -> Response:
    """Sign every other browser of one's own out."""
    own_account.end_others(office().db, g.viewer, sessions.token(), at=now())
    flash(gettext("其他设备上的登录已退出"), "success")
    return redirect(url_for(".index"), 303)
