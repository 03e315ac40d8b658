"""One's own handwritten signature (手写签名图样): the picture kept for papers, brought, replaced, withdrawn; and shown."""

from __future__ import annotations

from io import BytesIO
from typing import Any, cast

from flask import Blueprint, Response, flash, g, redirect, render_template, request, send_file, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as Answer

from webapp import languages
from webapp.allowed import allowed, proves_identity
from webapp.case_pages import SANDBOX, turned_away
from webapp.limits import limiter
from webapp.moments import now
from webapp.office import office
from workflows import case_file, signature_images
from workflows.access import OFFICE_ROLES
from workflows.errors import NoSignature, NotFound, SignatureOfAnother, SignatureUnreadable
from workflows.registers import evidence

pages = Blueprint("own_signature", __name__, url_prefix="/account/signature")


@pages.route("/", methods=["GET", "POST"])
@allowed("signed_in")
@proves_identity
@limiter.limit("20/minute", methods=["POST"])
def keep() -> Any:
    """The picture in use and those before it; another one is brought here."""
    refused, status = "", 200
    if request.method == "POST":
        brought = request.files.get("picture")
        try:
            if brought is None or not brought.filename:
                raise SignatureUnreadable()
            with turned_away("page", request.path):
                signature_images.keep(office().db, g.viewer, office().files, cast(Any, brought.stream), at=now())
        except (SignatureUnreadable, SignatureOfAnother) as refusal:
            refused, status = languages.refusal_words(refusal), refusal.status
        else:
            flash(gettext("手写签名图样已留存，签署材料时可以点选使用"), "success")
            return redirect(url_for("account.index"), 303)
    with office().db.read() as reading:
        found = signature_images.history(reading, g.viewer.person_id)
    return render_template("account/signature.html", found=found, refused=refused), status


@pages.post("/withdraw")
@allowed("signed_in")
@proves_identity
def withdraw() -> Answer:
    """End its use; papers that bear it stay as they are."""
    try:
        signature_images.withdraw(office().db, g.viewer, at=now())
    except NoSignature as refused:
        flash(languages.refusal_words(refused), "danger")
    else:
        flash(gettext("手写签名图样已停用，此前签署的材料不受影响"), "success")
    return redirect(url_for("account.index"), 303)


@pages.get("/<sha256>.png")
@allowed("signed_in")
def picture(sha256: str) -> Response:
    """A kept picture, to be shown in place: it was made anew here.

    For its owner, for the office whose paper bears it, and for whoever may open the paper's files.
    """
    with turned_away("file", sha256), office().db.read() as reading:
        path = office().files.path(sha256)
        known = signature_images.owner_of(reading, sha256)
        if known is None or not path.is_file():
            raise NotFound()
        if known != g.viewer.person_id:
            evidence.for_viewer(reading, g.viewer, sha256, now())
            if not (g.viewer.has(*OFFICE_ROLES) or case_file.may_open_file(reading, g.viewer, sha256, now())):
                raise NotFound()
    answer = send_file(BytesIO(path.read_bytes()), mimetype=signature_images.MEDIA_TYPE)
    answer.headers["Content-Security-Policy"] = SANDBOX
    answer.headers["Cache-Control"] = "private, max-age=3600"
    return answer
