"""Signing in and out, registering, confirming an address, changing a password, choosing the language."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import EmailField, HiddenField, PasswordField, StringField, TelField
from wtforms.validators import EqualTo, Length

from webapp import languages, menu, passkeys, sessions
from webapp.allowed import allowed
from webapp.controls import ADDRESS, pattern, required
from webapp.limits import limiter
from webapp.moments import machine, now
from webapp.office import office
from workflows import accounts, deployment, proving, second_factor
from workflows import passkeys as keys
from workflows.errors import AccountExists, CodeRefused, PasskeyRefused, PasswordFirst, PasswordRefused, SignInRefused

pages = Blueprint("sign_in", __name__)


class SignInForm(FlaskForm):
    """Name and password; whatever is wrong with them gets the same answer."""

    sign_in_name = StringField(
        lazy_gettext("手机号或账号"), [required()], render_kw={"autocomplete": "username", "autofocus": True}
    )
    password = PasswordField(lazy_gettext("密码"), [required()], render_kw={"autocomplete": "current-password"})
    next = HiddenField()


class CodeForm(FlaskForm):
    """One code, from the device or from paper."""

    code = StringField(
        lazy_gettext("验证码或恢复码"),
        [required(), Length(max=40, message=lazy_gettext("验证码是 6 位数字；恢复码是 10 位字母和数字"))],
        description=lazy_gettext("打开手机上的验证器应用，输入 6 位数字；手机不在身边时输入一个恢复码"),
        render_kw={"autocomplete": "one-time-code", "autofocus": True},
    )


class RegisterForm(FlaskForm):
    """What an applicant tells about themselves; identity numbers belong to the application form, not here."""

    name = StringField(
        lazy_gettext("姓名"),
        [required(), Length(2, 30, lazy_gettext("请填写 2 至 30 个字"))],
        render_kw={"autocomplete": "name"},
    )
    phone = TelField(
        lazy_gettext("手机号"),
        [required(), pattern(rf"^{accounts.PHONE.pattern}$", lazy_gettext("请填写 11 位手机号"))],
        description=lazy_gettext("用于登录"),
        render_kw={"autocomplete": "tel", "inputmode": "numeric"},
    )
    email = EmailField(
        lazy_gettext("邮箱"),
        [
            required(),
            Length(max=254, message=lazy_gettext("邮箱地址太长")),
            pattern(ADDRESS, lazy_gettext("请填写正确的邮箱地址")),
        ],
        description=lazy_gettext("我们会发送一封确认邮件；办理进展也会发到这个邮箱"),
        render_kw={"autocomplete": "email"},
    )
    password = PasswordField(
        lazy_gettext("密码"),
        [required()],
        description=lazy_gettext("至少 12 位，不能是常见密码"),
        render_kw={"autocomplete": "new-password"},
    )
    again = PasswordField(
        lazy_gettext("再次输入密码"),
        [required(), EqualTo("password", lazy_gettext("两次输入的密码不一致"))],
        render_kw={"autocomplete": "new-password"},
    )


class PasswordForm(FlaskForm):
    """The old password and the new one, twice."""

    old = PasswordField(lazy_gettext("原密码"), [required()], render_kw={"autocomplete": "current-password"})
    new = PasswordField(
        lazy_gettext("新密码"),
        [required()],
        description=lazy_gettext("至少 12 位，不能是常见密码，也不能是最近用过的密码"),
        render_kw={"autocomplete": "new-password"},
    )
    again = PasswordField(
        lazy_gettext("再次输入新密码"),
        [required(), EqualTo("new", lazy_gettext("两次输入的密码不一致"))],
        render_kw={"autocomplete": "new-password"},
    )


@pages.get("/")
@allowed("public")
def first_page() -> Response:
    """The first page of whoever comes: their own work, or the sign-in page."""
    return redirect(menu.first_door(g.viewer) if g.viewer else url_for(".sign_in"))


@pages.route("/sign-in", methods=["GET", "POST"])
@allowed("public")
@limiter.limit("120/minute", methods=["POST"])
def sign_in() -> Any:
    """Sign in. In a demo the page shows the invented people and fills in the one chosen."""
    form = SignInForm()
    here = office()
    if form.validate_on_submit():
        try:
            token = accounts.sign_in(
                here.db,
                form.sign_in_name.data.strip(),
                form.password.data,
                at=now(),
                ip=request.remote_addr,
                settings=here.settings,
                replaces=sessions.token() or None,
            )
        except SignInRefused as refused:
            return _sign_in_page(form, languages.refusal_words(refused)), SignInRefused.status
        with here.db.read() as reading:
            half = proving.awaits_code(reading, token, at=now())
        if half is not None:
            return sessions.begin(redirect(url_for(".enter_code", next=sessions.same_site_path(form.next.data))), token)
        return _signed_in(token, form.next.data) or (
            _sign_in_page(form, languages.refusal_words(SignInRefused())), SignInRefused.status
        )
    if request.method == "POST":
        return _sign_in_page(form), 422
    if g.viewer:
        return redirect(sessions.same_site_path(request.args.get("next")) or menu.first_door(g.viewer))
    form.next.data = sessions.same_site_path(request.args.get("next")) or ""
    return _sign_in_page(form)


def _signed_in(token: str, target: str | None) -> Response | None:
    """On to where the person wanted to go, or to their first page; nothing if the token is nobody's."""
    here = office()
    with here.db.glance() as reading:
        viewer = accounts.viewer(reading, token, at=now(), ip=request.remote_addr, settings=here.settings)
    if viewer is None:
        return None
    if viewer.must_change:
        return sessions.begin(redirect(url_for(".change_password")), token)
    return sessions.begin(redirect(sessions.same_site_path(target) or menu.first_door(viewer)), token)


@pages.route("/sign-in/code", methods=["GET", "POST"])
@allowed("public")
@limiter.limit("30/minute", methods=["POST"])
def enter_code() -> Any:
    """The second step: a passkey, a code of one's device, or one from paper. Only who has just given the password gets here."""
    here, token = office(), sessions.token()
    with here.db.read() as reading:
        account_id = proving.awaits_code(reading, token, at=now())
        has = second_factor.state(reading, account_id) if account_id is not None else second_factor.State()
    if account_id is None:
        return redirect(url_for(".sign_in"))
    form, passkey = CodeForm(), passkeys.answered()
    refused = passkeys.unanswered() if passkey == "" else ""
    if not refused and (passkey or form.validate_on_submit()):
        try:
            fresh = proving.enter(
                here.db, token, form.code.data or "", sessions.key(), at=now(), clock=machine(),
                ip=request.remote_addr, settings=here.settings, passkey=passkey or "",
            )  # fmt: skip
            return _signed_in(fresh, request.args.get("next")) or redirect(url_for(".sign_in"))
        except (CodeRefused, PasskeyRefused) as refusal:
            refused = languages.refusal_words(refusal)
    page = render_template(
        "sign_in/code.html", form=form, refused=refused, has=has, asked=passkeys.asked(keys.CODE, account_id) if has.passkeys else None
    )
    return page, (CodeRefused.status if refused else 422) if request.method == "POST" else 200


@pages.post("/sign-in/passkey")
@allowed("public")
@limiter.limit("60/minute")
def by_passkey() -> Any:
    """Sign in with a passkey alone; whoever may not is told to give the password first."""
    here, form, passkey = office(), SignInForm(), passkeys.answered()
    refused = passkeys.unanswered()
    if passkey:
        try:
            token = proving.enter_by_passkey(
                here.db, passkey, sessions.key(), at=now(), clock=machine(), ip=request.remote_addr, settings=here.settings,
                replaces=sessions.token() or None,
            )  # fmt: skip
            return _signed_in(token, form.next.data) or redirect(url_for(".sign_in"))
        except (PasskeyRefused, PasswordFirst) as refusal:
            refused = languages.refusal_words(refusal)
    return _sign_in_page(form, refused), PasskeyRefused.status


def _sign_in_page(form: SignInForm, refused: str = "") -> str:
    people: list[accounts.DemoAccount] = []
    packs: list[deployment.PackSetView] = []
    chosen = None
    if office().settings.demo:
        with office().db.read() as reading:
            people = accounts.demo_accounts(reading, now())
            packs = deployment.pack_sets(reading)[:1]
        chosen = next((one for one in people if one.sign_in_name == request.args.get("as")), None)
        if chosen is not None and request.method == "GET":
            form.sign_in_name.data = chosen.sign_in_name
    # Staff by province in the order in which they stand in the demo, then those who hold no role: the applicants.
    names = {place: languages.translate(name) for pack_set in packs for place, name, _ in pack_set.places}
    order = list(dict.fromkeys(one.place for one in people if one.place))
    people.sort(key=lambda one: order.index(one.place) if one.place else len(order))
    groups = [
        (names.get(place, place) if place else gettext("申请人"), list(some))
        for place, some in groupby(people, lambda one: one.place)
    ]
    asked = passkeys.asked(keys.SIGN_IN) if office().settings.passkey_alone != "nobody" else None
    return render_template("sign_in/sign_in.html", form=form, refused=refused, groups=groups, chosen=chosen, asked=asked)


@pages.post("/sign-out")
@allowed("public")
def sign_out() -> Response:
    """End this browser's sign-in; a second click harms nothing."""
    token = sessions.token()
    if token:
        accounts.sign_out(office().db, token, at=now(), ip=request.remote_addr)
    return sessions.end(redirect(url_for(".sign_in")))


@pages.route("/register", methods=["GET", "POST"])
@allowed("public")
@limiter.limit("30/hour", methods=["POST"])
def register() -> Any:
    """Register as an applicant."""
    form = RegisterForm()
    if form.validate_on_submit():
        here = office()
        try:
            made = accounts.register_applicant(
                here.db,
                name=form.name.data.strip(),
                phone=form.phone.data.strip(),
                email=form.email.data.strip(),
                password=form.password.data,
                at=now(),
                ip=request.remote_addr,
                link_days=here.settings.link_days,
            )
        except PasswordRefused as refused:
            form.password.errors = [languages.refusal_words(refused)]
        except AccountExists as refused:
            form.phone.errors = [languages.refusal_words(refused)]
        else:
            # A demo without a mail server shows the link that the mail would carry.
            link = (
                url_for(".confirm", token=made.link_token)
                if here.settings.demo and not here.settings.smtp and made.link_token
                else None
            )
            return render_template("sign_in/registered.html", email=form.email.data, link=link)
    status = 422 if request.method == "POST" else 200
    return render_template("sign_in/register.html", form=form), status


@pages.route("/confirm/<token>", methods=["GET", "POST"])
@allowed("public")
@limiter.limit("60/minute", methods=["POST"])
def confirm(token: str) -> Any:
    """Confirm an address by the link that was mailed. A mail program that opens links does not confirm: a button does."""
    if request.method == "POST":
        accounts.confirm_email(office().db, token, at=now(), ip=request.remote_addr)
        flash(gettext("邮箱已确认"), "success")
        return redirect(url_for(".first_page"))
    return render_template("sign_in/confirm.html")


@pages.route("/password", methods=["GET", "POST"])
@allowed("signed_in")
@limiter.limit("30/minute", methods=["POST"])
def change_password() -> Any:
    """Change one's own password; other browsers are signed out, this one gets a new token."""
    form = PasswordForm()
    if form.validate_on_submit():
        try:
            token = accounts.change_password(
                office().db, g.viewer, form.old.data, form.new.data, at=now(), settings=office().settings
            )
        except PasswordRefused as refused:
            form.new.errors = [languages.refusal_words(refused)]
        except SignInRefused:
            form.old.errors = [gettext("原密码不正确")]
        else:
            answer = sessions.begin(redirect(menu.first_door(g.viewer)), token)
            flash(gettext("密码已修改，其他设备上的登录已退出"), "success")
            return answer
    return render_template("sign_in/password.html", form=form), 422 if request.method == "POST" else 200


@pages.post("/language")
@allowed("public")
def set_language() -> Response:
    """Show the pages in the other language, and remember it."""
    language = request.form.get("language", "zh")
    language = language if language in languages.LANGUAGES else "zh"
    if g.viewer:
        accounts.set_language(office().db, g.viewer, language)
    answer = redirect(sessions.same_site_path(request.form.get("next")) or url_for(".first_page"))
    answer.set_cookie(
        languages.COOKIE, language, max_age=365 * 86400, secure=sessions.is_secure(), httponly=True, samesite="Lax"
    )
    return answer
