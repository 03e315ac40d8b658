"""The administrators' pages for people and places: who there is, who holds which role where, and how they sign in."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from flask_wtf import FlaskForm
from wtforms import EmailField, HiddenField, StringField, TelField
from wtforms.validators import Length, Optional

from webapp import languages, route_matrix
from webapp.allowed import PUBLIC, SIGNED_IN, allowed, proves_identity
from webapp.controls import ADDRESS, Choice, Day, pattern, required
from webapp.moments import now
from webapp.office import office
from webapp.paging import page_number, words
from workflows import accounts, own_account, people, second_factor
from workflows.access import office_day
from workflows.case_file import masked_text
from workflows.errors import N_, AccountExists, NotFound

pages = Blueprint("administration", __name__, url_prefix="/administration")


@pages.app_template_filter("masked")
def masked(text: str | None) -> str:
    """A number or an address in part, for whoever has no need of the whole."""
    return masked_text(text) if text else ""


class PersonForm(FlaskForm):
    """A new person; identity numbers belong to the forms that ask for them."""

    name = StringField(lazy_gettext("姓名"), [required(), Length(2, 30, lazy_gettext("请填写 2 至 30 个字"))])
    phone = TelField(
        lazy_gettext("手机号"),
        [Optional(), pattern(rf"^{accounts.PHONE.pattern}$", lazy_gettext("请填写 11 位手机号"))],
    )
    email = EmailField(
        lazy_gettext("邮箱"),
        [
            Optional(),
            Length(max=254, message=lazy_gettext("邮箱地址太长")),
            pattern(ADDRESS, lazy_gettext("请填写正确的邮箱地址")),
        ],
    )


class AccountForm(FlaskForm):
    """A sign-in name; the first password is made here and must be changed at the first sign-in."""

    sign_in_name = StringField(
        lazy_gettext("账号"),
        [
            required(),
            pattern(r"^[A-Za-z0-9][A-Za-z0-9._-]{2,39}$", lazy_gettext("3 至 40 位字母、数字、点、横线或下划线")),
        ],
        description=lazy_gettext("手机号，或由字母和数字组成的短名"),
    )


class RoleForm(FlaskForm):
    """A role at an organisation from a day on."""

    organisation = HiddenField(lazy_gettext("单位"))
    role = Choice(lazy_gettext("角色"))
    from_on = Day(lazy_gettext("起始日期"), [required()])
    to_on = Day(lazy_gettext("终止日期"), [Optional()], description=lazy_gettext("担任的最后一天；没有确定的留空"))


class PlaceForm(FlaskForm):
    """A new organisation below another one."""

    code = StringField(
        lazy_gettext("单位代码"),
        [required(), pattern(r"^[a-z0-9][a-z0-9-]{1,59}$", lazy_gettext("小写字母、数字和连字符，2 至 60 位"))],
        description=lazy_gettext("全系统唯一，登记后不再改变"),
    )
    name = StringField(lazy_gettext("单位名称"), [required(), Length(2, 60, lazy_gettext("请填写 2 至 60 个字"))])
    org_type = Choice(lazy_gettext("单位类型"))
    level = Choice(lazy_gettext("层级"))
    from_on = Day(lazy_gettext("起始日期"), [required()])


@pages.get("/")
@allowed("system_admin", "security_admin")
def index() -> Any:
    """The administrators' first page."""
    return redirect(url_for(".list_people"))


# --- people ----------------------------------------------------------------------------------------------------------


@pages.get("/people")
@allowed("system_admin", "security_admin")
def list_people() -> str:
    """People by name, number or phone."""
    q = words("q")
    with office().db.read() as reading:
        found = people.list_people(reading, q, page_number())
    return render_template("administration/people.html", people=found, q=q)


@pages.route("/people/new", methods=["GET", "POST"])
@allowed("system_admin")
def new_person() -> Any:
    """Enter a person."""
    form = PersonForm()
    if form.validate_on_submit():
        number = people.create_person(
            office().db, people.administrator(g.viewer), name=form.name.data.strip(), phone=form.phone.data or None,
            email=form.email.data or None, at=now(),
        )  # fmt: skip
        flash(gettext("已登记 %(name)s，编号 %(number)s", name=form.name.data.strip(), number=number), "success")
        return redirect(url_for(".person", number=number))
    return render_template("administration/new_person.html", form=form), 422 if request.method == "POST" else 200


def _card(number: str) -> people.PersonCard:
    with office().db.read() as reading:
        return people.person_card(reading, number)


def _person_page(
    number: str, account_form: AccountForm | None = None, password: str = "", status: int = 200,
    contact: tuple[str | None, str | None] | None = None,
) -> Any:
    card = _card(number)
    today = office_day(now())
    return (
        render_template(
            "administration/person.html", card=card, today=today, account_form=account_form or AccountForm(formdata=None),
            password=password, contact=contact,
        ),
        status,
    )  # fmt: skip


@pages.get("/people/<number>")
@allowed("system_admin", "security_admin")
def person(number: str) -> Any:
    """One person: roles ever held, and the account."""
    return _person_page(number)


@pages.post("/people/<number>/contact")
@allowed("system_admin", "security_admin")
def open_contact(number: str) -> Any:
    """Phone number and address in full, for a stated purpose; recorded."""
    found = own_account.open_contact(office().db, g.viewer, number, request.form.get("purpose", ""), at=now())
    return _person_page(number, contact=found)


@pages.route("/people/<number>/role", methods=["GET", "POST"])
@allowed("security_admin")
@proves_identity
def grant_role(number: str) -> Any:
    """Give a role: find the organisation, then choose role and day."""
    card = _card(number)
    form = RoleForm()
    form.role.choices = [
        ("", gettext("请选择")),
        *((key, languages.translate(role.name)) for key, role in people.ROLES.items()),
    ]
    code = form.organisation.data or words("organisation")
    chosen = _organisation(code) if code else None
    if request.method == "GET":
        form.from_on.data = office_day(now())
        form.organisation.data = code
    elif form.validate_on_submit() and chosen is not None and _fits(form, chosen):
        people.grant(
            office().db, people.administrator(g.viewer), card.number, chosen.code, form.role.data, form.from_on.data, at=now(),
            to_on=form.to_on.data,
        )  # fmt: skip
        flash(gettext("已授予角色"), "success")
        return redirect(url_for(".person", number=card.number))
    q = words("q")
    with office().db.read() as reading:
        found = people.find_organisations(reading, q, on=office_day(now())) if q else []
    page = render_template("administration/role.html", card=card, form=form, q=q, found=found, chosen=chosen)
    return page, 422 if request.method == "POST" else 200


def _organisation(code: str) -> people.OrgView | None:
    with office().db.read() as reading:
        return next((one for one in people.organisations(reading, office_day(now())) if one.code == code), None)


def _fits(form: RoleForm, organisation: people.OrgView) -> bool:
    """Whether that kind of organisation has the role, and the days are in order; says beside the field if not."""
    org_type = people.ROLES[form.role.data].org_type if form.role.data in people.ROLES else "-"
    if org_type == "-":
        form.role.errors = [gettext("请从列表中选择")]
    elif org_type is not None and org_type != organisation.org_type:
        form.role.errors = [gettext("这类单位没有这个角色")]
    if form.to_on.data is not None and form.to_on.data < form.from_on.data:
        form.to_on.errors = [gettext("早于起始日期")]
    return not (form.role.errors or form.to_on.errors)


@pages.post("/people/<number>/role/end")
@allowed("security_admin")
@proves_identity
def end_role(number: str) -> Any:
    """End a role today; the row stays, with its last day."""
    card = _card(number)
    given = request.form.get("membership", "")
    held = {str(membership): membership for membership, *_ in card.roles}
    if given not in held:
        raise NotFound()
    people.revoke(office().db, people.administrator(g.viewer), held[given], office_day(now()), at=now())
    flash(gettext("角色已收回，今天是最后一天"), "success")
    return redirect(url_for(".person", number=card.number))


@pages.post("/people/<number>/account")
@allowed("system_admin")
def open_account(number: str) -> Any:
    """Open an account; the first password is shown once, on the answer."""
    form = AccountForm()
    if not form.validate():
        return _person_page(number, form, status=422)
    try:
        password = accounts.create_account(
            office().db, people.administrator(g.viewer), number, form.sign_in_name.data.strip(), at=now()
        )
    except AccountExists:
        form.sign_in_name.errors = [gettext("这个账号已有人使用，或此人已有账号")]
        return _person_page(number, form, status=422)
    return _person_page(number, password=password)


@pages.post("/people/<number>/account/<act>")
@allowed("system_admin", "security_admin")
@proves_identity
def change_account(number: str, act: str) -> Any:
    """Disable, enable or unlock an account (security), or give a new first password (system); nobody does so to their own."""
    here, by = office(), people.administrator(g.viewer)
    if act == "reset":
        return _person_page(number, password=accounts.reset_password(here.db, by, number, at=now()))
    acts = {
        "disable": (accounts.disable_account, gettext("账号已停用，此人的登录已全部退出")),
        "enable": (accounts.enable_account, gettext("账号已启用")),
        "unlock": (accounts.unlock_account, gettext("账号已解锁")),
        "second-factor": (second_factor.reset, gettext("二次验证已重置，此人的登录已全部退出")),
    }
    if act not in acts:
        raise NotFound()
    change, said = acts[act]
    change(here.db, by, number, at=now())
    flash(said, "success")
    return redirect(url_for(".person", number=number))


@pages.get("/permissions")
@allowed("system_admin", "security_admin", "auditor")
def permissions() -> str:
    """Who may use which address: the route matrix, as the guard asks it."""
    q = words("q")
    found = [
        one for one in route_matrix.entries(current_app)
        if not q or q in one.address or any(q in languages.translate(_who(key)) or q == key for key in one.who)
    ]  # fmt: skip
    return render_template("administration/permissions.html", entries=found, q=q, who=_who)


def _who(key: str) -> str:
    """The office's word for whom a declaration names; a message id."""
    return {PUBLIC: N_("任何人"), SIGNED_IN: N_("登录用户")}.get(key) or people.ROLES[key].name


# --- places ----------------------------------------------------------------------------------------------------------


@pages.get("/places")
@allowed("system_admin")
def places() -> str:
    """The tree of places; schools are listed below the one that is opened, because there are thousands of them."""
    q, under = words("q"), words("under")
    with office().db.read() as reading:
        tree = people.organisations(reading, office_day(now()))
    below: dict[str, int] = {}
    for one in tree:
        if one.level == "school" and one.parent_code:
            below[one.parent_code] = below.get(one.parent_code, 0) + 1
    if q:
        shown = [one for one in tree if q in one.name or q == one.code]
    else:
        shown = [one for one in tree if one.level != "school" or one.parent_code == under]
    return render_template(
        "administration/places.html", places=shown[:2000], total=len(tree), below=below, q=q, under=under,
        org_types=people.ORG_TYPES, levels=people.LEVELS,
    )  # fmt: skip


@pages.route("/places/new", methods=["GET", "POST"])
@allowed("system_admin")
def new_place() -> Any:
    """Enter a place below another."""
    above = _organisation(words("parent"))
    if above is None:
        raise NotFound()
    form = PlaceForm()
    form.org_type.choices = [(key, languages.translate(name)) for key, name in people.ORG_TYPES.items()]
    order = list(people.LEVELS)
    allowed_levels = order[order.index(above.level) :]
    form.level.choices = [(key, languages.translate(people.LEVELS[key])) for key in allowed_levels]
    if request.method == "GET":
        form.from_on.data = office_day(now())
    elif form.validate_on_submit():
        if _organisation_exists(form.code.data):
            form.code.errors = [gettext("这个单位代码已经存在")]
        else:
            people.create_organisation(
                office().db, people.administrator(g.viewer), code=form.code.data, name=form.name.data.strip(),
                org_type=form.org_type.data, level=form.level.data, parent_code=above.code, place=above.place,
                from_on=form.from_on.data, at=now(),
            )  # fmt: skip
            flash(gettext("已登记 %(name)s", name=form.name.data.strip()), "success")
            return redirect(url_for(".places", under=above.code))
    return render_template(
        "administration/new_place.html", form=form, above=above
    ), 422 if request.method == "POST" else 200


def _organisation_exists(code: str) -> bool:
    with office().db.read() as reading:
        try:
            people.organisation_by_code(reading, code)
        except NotFound:
            return False
    return True
