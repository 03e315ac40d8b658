"""What the invented people fill in: each form's values, and small true files to attach."""

from __future__ import annotations

import base64
import hashlib
import io
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from PIL import Image, ImageDraw
from stdnum.cn import ric

from workflows.access import Viewer
from workflows.db import Database
from workflows.registers import evidence
from workflows.registers.evidence import FileStore
from workflows.submission import AttachmentRef

#: The smallest whole JPEG picture: one grey pixel.
_PIXEL = (
    "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////////////////////////"
    "////////wgALCAABAAEBAREA/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxA="
)


def picture() -> bytes:
    """A JPEG file."""
    return base64.b64decode(_PIXEL)


def signature(whose: str) -> bytes:
    """A JPEG picture of a signature: a line up and down over white paper, other for everybody."""
    drawn = Image.new("L", (320, 120), "white")
    heights = hashlib.sha256(whose.encode()).digest()[:24]
    line = [(20 + 12 * number, 15 + 90 * height // 255) for number, height in enumerate(heights)]
    ImageDraw.Draw(drawn).line(line, fill="black", width=5, joint="curve")
    made = io.BytesIO()
    drawn.save(made, "JPEG")
    return made.getvalue()


def page(title: str) -> bytes:
    """A one-page PDF file whose text names what it stands for; each title gives other bytes, so another digest."""
    words = title.encode("utf-16-be").hex()
    stream = zlib.compress(f"BT /F1 18 Tf 72 720 Td <{words}> Tj ET".encode())
    font = b"<</Type/Font/Subtype/Type0/BaseFont/STSong-Light/Encoding/UniGB-UCS2-H/DescendantFonts[6 0 R]>>"
    cid = (
        b"<</Type/Font/Subtype/CIDFontType0/BaseFont/STSong-Light/CIDSystemInfo"
        b"<</Registry(Adobe)/Ordering(GB1)/Supplement 2>>/FontDescriptor 7 0 R>>"
    )
    descriptor = (
        b"<</Type/FontDescriptor/FontName/STSong-Light/Flags 4/FontBBox[0 -120 1000 880]/ItalicAngle 0"
        b"/Ascent 880/Descent -120/CapHeight 880/StemV 80>>"
    )
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d/Filter/FlateDecode>>stream\n%s\nendstream" % (len(stream), stream),
        font, cid, descriptor,
    ]  # fmt: skip
    out, places = bytearray(b"%PDF-1.5\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table)
    return bytes(out)


@dataclass
class Folder:
    """One person's files: uploaded through the real store, named in form data by their digests."""

    db: Database
    store: FileStore
    viewer: Viewer
    at: datetime

    def __post_init__(self) -> None:
        self.files: list[AttachmentRef] = []

    def upload(self, name: str, raw: bytes, field: str) -> list[dict[str, Any]]:
        """Upload a file and return the value that a form keeps of it."""
        ref = evidence.add(self.db, self.viewer, self.store, io.BytesIO(raw), name, field, at=self.at)
        self.files.append(ref)
        return [{"sha256": ref.sha256, "name": ref.name, "media_type": ref.media_type, "size": ref.size}]


def id_card(region: str, born: date, serial: int) -> str:
    """An identity number with a right check digit for an invented person (GB 11643)."""
    number = f"{region}{born:%Y%m%d}{serial:03d}"
    return number + str(ric.calc_check_digit(number + "0"))


_STATEMENT = (
    "本人长期在一线从事{stage}{subject}教学，坚持以学生发展为本，注重课堂实效。近年来承担校级、区级公开课与研究课，"
    "参与编写校本作业设计，主持和参与课题研究，指导青年教师成长。在教学中重视学科育人，探索情境化、问题化的教学方式，"
    "积累了较为丰富的课例与命题素材。担任备课组工作期间，组织集体备课与听评课，推动教研组形成主题式校本教研机制；"
    "积极参加区域教研、网络教研和送教下乡活动，与乡村学校教师结对研修。希望加入教研员队伍，发挥专业所长，"
    "深入学校、课堂、教师和学生之中，服务区域教学改革，研究课程标准与学业质量，参与教学视导与质量分析，"
    "为教师专业发展和学生全面发展提供专业支持。本人愿意遵守教研工作纪律和学术道德，听取基层经验，踏实做好各项工作，"
    "在工作中不断学习，努力提升理论功底和研究能力，服从组织安排，接受群众监督。"
)


def application(teacher: Mapping[str, Any], folder: Folder, documents: Sequence[str], *, without: Sequence[str] = ()) -> dict[str, Any]:
    """Form A2 as an invented teacher fills it; ``without`` names documents that are left out."""
    born = date.fromisoformat(teacher["born"])
    region = "450103" if teacher["unit"].startswith("gx") else "210102"
    name, subject, stage = teacher["name"], teacher["subject"], teacher["stage"]
    started = int(teacher["history"][0][0][:4])
    return {
        "full_name": name,
        "gender": teacher.get("gender", "女"),
        "birth_date": teacher["born"],
        "id_card": id_card(region, born, int(teacher["phone"][-3:]) % 500 * 2),
        "ethnicity": teacher.get("ethnicity", "汉族"),
        "political_status": "中共党员",
        "phone": teacher["phone"],
        "email": "",
        "photo": folder.upload(f"{name}-证件照.jpg", picture(), "photo"),
        "current_unit": teacher["unit"],
        "current_post": f"{subject}教师",
        "subject": subject,
        "stage": stage,
        "applied_post": teacher["post"],
        "source_kind": teacher.get("source_kind", "在职教师"),
        "education": [
            {"level": "本科", "major": f"{subject}教育", "school": "沈阳师范大学" if region[0] == "2" else "广西师范大学",
             "graduated": f"{started}-07-01"}
        ],
        "teacher_cert_no": f"{started}{region}{teacher['phone'][-6:]}",
        "cert_scope": f"{stage}{subject}",
        "title_series": "教师",
        "title_level": teacher["title"],
        "title_date": f"{min(started + 5, folder.at.year - 1)}-12-01",
        "teaching_history": [
            {"start": start, "end": end or None, "unit": unit, "unit_kind": kind, "duty": duty, "subject": subject,
             "stage": stage}
            for start, end, unit, kind, duty in teacher["history"]
        ],
        "annual_appraisals": [
            {"year": year, "result": "优秀" if year % 2 else "合格"} for year in range(folder.at.year - 5, folder.at.year)
        ],
        "achievements": [
            {"type": "优质课", "level": "市级", "name": f"{stage}{subject}优质课评比", "rank": "一等奖",
             "date": f"{folder.at.year - 2}-05-20",
             "evidence": folder.upload(f"{name}-优质课证书.pdf", page(f"{name} 优质课一等奖证书"), "achievements.0.evidence")}
        ],
        "research_projects": [],
        "publications": [],
        "school_research_role": "备课组长",
        "statement": _STATEMENT.format(stage=stage, subject=subject),
        "health_declaration": "健康",
        "discipline_declaration": "无",
        "kinship_status": "无",
        "attachments": [
            {"kind": kind, "files": [] if kind in without else
             folder.upload(f"{name}-{kind.replace('/', '、')}.pdf", page(f"{name} {kind}"), f"attachments.{number}.files")}
            for number, kind in enumerate(documents)
        ],
        "truth_commitment": True,
    }  # fmt: skip


def recommendation(name: str, months: int, folder: Folder, *, recommend: str = "推荐") -> dict[str, Any]:
    """Form A3 as a principal fills it."""
    return {
        "conflict_declared": "否",
        "recommend": recommend,
        "teaching_performance": f"{name}老师教学功底扎实，课堂教学效果好，所任班级学业质量稳定提升，多次承担区级公开课，"
                                "主动承担教研组工作，深受学生和家长好评，是学校的骨干教师。",
        "ethics_statement": "师德高尚，为人师表，关爱学生，团结同事，近五年无师德问题。",
        "discipline_record": "无",
        "months_confirmed": months,
        "release_agreed": "是",
        "seal_file": folder.upload(f"{name}-推荐意见盖章.pdf", page(f"{name} 单位推荐意见（盖章）"), "seal_file"),
        "opinion": "" if recommend == "推荐" else "该教师承担毕业班教学任务，学校暂不推荐其报考。",
    }  # fmt: skip


def bureau_opinion(name: str, folder: Folder, *, consent: str = "同意") -> dict[str, Any]:
    """Form A3b as the home bureau fills it."""
    reason = "" if consent == "同意" else "该教师服务期未满，暂不同意调出。"
    return {
        "conflict_declared": "否",
        "consent": consent,
        "consent_reason": reason,
        "consent_file": folder.upload(f"{name}-主管局意见.pdf", page(f"{name} 主管教育局意见（盖章）"), "consent_file"),
        "opinion": reason,
    }


def qualification_review(
    prefill: Mapping[str, Any], conclusion: str, opinion: str = "", return_items: Sequence[tuple[str, str]] = ()
) -> dict[str, Any]:
    """Form A4 as the bureau's personnel office fills it, over what the form already holds."""
    return {
        "conflict_declared": "否",
        "checked_documents": [
            {**row, "seen": "是", "remark": ""} for row in prefill["checked_documents"]
        ],
        "conditions_judgement": [
            {**row, "judgement": "符合", "evidence": "见单位推荐意见和业绩材料"} for row in prefill["conditions_judgement"]
        ],
        "qualification": conclusion,
        "opinion": opinion,
        "return_items": [{"field_key": field, "reason": reason} for field, reason in return_items],
    }


def reconsideration(apply: bool) -> dict[str, Any]:
    """Form A11 as an applicant fills it."""
    if not apply:
        return {"apply": "不申请"}
    return {
        "apply": "申请复核",
        "review_reason": "本人认为此前在支教学校任教的经历应当计入教学经历，支教期间一直承担课堂教学任务，恳请复核并核对支教证明材料。",
    }


# --- from the exception to the appointment ---------------------------------------------------------------------------


def exception(name: str, folder: Folder, *, opinion: str = "建议破格") -> dict[str, Any]:
    """Form A5, the panel's part."""
    return {
        "conflict_declared": "否",
        "exception_reason": f"{name}老师虽未达到规定条件，但教学实绩突出，获省级优质课一等奖，主持完成省级课题两项，成果在多地推广，"
                            "在区域教研中发挥了骨干作用，同行专家一致推荐。",
        "peer_letters": [
            one for number in (1, 2)
            for one in folder.upload(f"{name}-推荐信{number}.pdf", page(f"{name} 同行专家推荐信 {number}"), "peer_letters")
        ],
        "panel_opinion": opinion,
    }  # fmt: skip


def ballot(*, due: int = 9, present: int = 9, votes: tuple[int, int, int] = (9, 0, 0)) -> dict[str, Any]:
    """The 票决 block: due, present, and votes for, against and abstained."""
    return {
        "members_due": due, "members_present": present, "votes_for": votes[0], "votes_against": votes[1],
        "votes_abstain": votes[2],
    }  # fmt: skip


def exception_ballot(name: str, folder: Folder, *, result: str = "同意破格", **votes: Any) -> dict[str, Any]:
    """Form A5, the ballot."""
    return {
        "conflict_declared": "否",
        "meeting_date": folder.at.date().isoformat(),
        "minutes": folder.upload(f"{name}-破格审定纪要.pdf", page(f"{name} 破格审定会议纪要"), "minutes"),
        **ballot(**votes),
        "exception_result": result,
        "valid_until": (folder.at + timedelta(days=180)).date().isoformat() if result == "同意破格" else None,
        "opinion": "" if result == "同意破格" else "会议认为实绩不足以支持破格，不予同意。",
    }  # fmt: skip


def external(body: str, result: str, folder: Folder, field: str, **more: Any) -> dict[str, Any]:
    """Form X1, at the top of a form or under a path of it."""
    day = folder.at.date().isoformat()
    return {
        "external_body": body, "external_result": result, "doc_no": f"〔{folder.at.year}〕{len(folder.files) + 1}号",
        "doc_date": day, "received_on": day,
        "external_file": folder.upload(f"外部意见-{len(folder.files)}.pdf", page(f"{body} {result} {field}"), field), **more,
    }  # fmt: skip


def inspection(
    name: str, folder: Folder, had: Mapping[str, Any], *, team: Sequence[str], hospital: str, discipline: str,
    recommendation: str = "拟聘", medical: str = "合格", archive: str = "无问题",
) -> dict[str, Any]:
    """Form A7; ``team`` are numbers of people, ``hospital`` and ``discipline`` codes of organisations."""
    clean = recommendation == "拟聘"
    return {
        "conflict_declared": "否",
        "medical_result": medical,
        "medical_org": "市第一人民医院",
        "medical_reply": external(hospital, medical, folder, "medical_reply.external_file"),
        "archive_items": [
            {**row, "finding": "一致" if archive == "无问题" else "待核", "remark": ""} for row in had["archive_items"]
        ],
        "archive_result": archive,
        "check_team": [{"person": one} for one in team],
        "check_methods": ["访谈", "民主测评", "听课"],
        "ethics_confirmed": "无问题",
        "findings": f"考察组到{name}老师所在学校召开座谈会，访谈校领导、同事和学生家长，进行民主测评，"
                    "随堂听课两节，查阅教学档案和近五年年度考核材料。"
                    "总体反映该同志政治立场坚定，师德良好，教学业务扎实，教研能力较强，能够团结同事，廉洁自律，群众基础较好。",
        "inspection_result": "合格" if clean else "不合格",
        "discipline_reply": external(discipline, "无影响聘任的问题", folder, "discipline_reply.external_file"),
        "recommendation": recommendation,
        "opinion": "" if clean else "考察中了解的情况与岗位要求不符，不作为拟聘人选。",
    }  # fmt: skip


def collective_decision(name: str, folder: Folder, *, result: str = "拟聘", **votes: Any) -> dict[str, Any]:
    """Form A8."""
    taken = ballot(**votes)
    return {
        "conflict_declared": "否",
        "meeting_date": folder.at.date().isoformat(),
        "attendees": [{"name": f"委员{number}"} for number in range(1, int(taken["members_present"]) + 1)],
        "minutes": folder.upload(f"{name}-会议纪要.pdf", page(f"{name} 党组会议纪要 {folder.at:%m%d%H%M}"), "minutes"),
        **taken,
        "appointment_result": result,
        "opinion": "" if result == "拟聘" else "会议研究认为有关情况需要进一步了解，暂不聘任。",
    }  # fmt: skip


def publicity(*, days: int | None = None) -> dict[str, Any]:
    """Form A9 as the bureau fills it; without ``days`` the shortest period stays."""
    filled: dict[str, Any] = {"channels": ["门户网站", "用人单位"], "contact": "024-00000000 renshi@example.org"}
    return filled if days is None else {**filled, "days": days}


def publicity_closing(name: str, folder: Folder) -> dict[str, Any]:
    """The trace of the publicity (A9 screenshot)."""
    return {"screenshot": folder.upload(f"{name}-公示留痕.png.pdf", page(f"{name} 公示留痕"), "screenshot"), "closing_note": ""}


def objection(folder: Folder, *, kind: str = "实名", content: str = "反映其公开课获奖材料与本人实际不符。") -> dict[str, Any]:
    """Form A10, the part that receives."""
    return {"objector_kind": kind, "received_at": f"{folder.at:%Y-%m-%dT%H:%M}", "objection_content": content, "objection_file": []}


def objection_finding(
    name: str, folder: Folder, *, effect: str = "维持", result: str = "不属实", asked: str | None = None
) -> dict[str, Any]:
    """Form A10, the inquiry; ``asked`` is the code of the discipline body when its opinion was asked for."""
    return {
        "conflict_declared": "否",
        "facts_found": f"核查组调阅{name}老师的获奖证书原件和主办单位发文，向主办单位和学校核实，并与反映人取得联系，"
                       "逐项核对了反映的内容，形成书面核查记录。",
        "objection_result": result,
        "discipline_asked": "是" if asked else "否",
        **({"discipline_reply": external(asked, "有影响聘任的问题" if effect == "取消拟聘" else "无影响聘任的问题", folder,
                                         "discipline_reply.external_file")} if asked else {}),
        "effect": effect,
        "reply_file": [] if effect == "暂缓续查" else
        folder.upload(f"{name}-异议答复.pdf", page(f"{name} 异议答复 {folder.at:%m%d}"), "reply_file"),
        "opinion": "" if effect == "维持" else "根据核查情况作出以上处理，详见核查记录。",
    }  # fmt: skip


def entry_query(name: str, folder: Folder, *, result: str = "无记录") -> dict[str, Any]:
    """Form A12."""
    return {
        "query_no": f"CX{folder.at:%Y%m%d}01",
        "consent_given": folder.upload(f"{name}-知情书.pdf", page(f"{name} 准入查询知情书"), "consent_given"),
        "queried_on": folder.at.date().isoformat(),
        "query_result": result,
    }  # fmt: skip


def appointment(name: str, folder: Folder, *, order_no: str, result: str = "签约") -> dict[str, Any]:
    """Form A8b."""
    if result != "签约":
        return {"signing_result": result, "decline_reason": "本人因家庭原因书面声明放弃聘任。"}
    first = folder.at.date() + timedelta(days=10)
    return {
        "signing_result": result,
        "order_no": order_no,
        "report_on": first.isoformat(),
        "term_start": first.isoformat(),
        "term_end": first.replace(year=first.year + 3).isoformat(),
        "contract_file": folder.upload(f"{name}-聘任文件.pdf", page(f"{name} 聘任文件与合同"), "contract_file"),
    }  # fmt: skip
