"""Rights and manners of a process and its steps: what ``jiaoyan:*`` properties of a diagram may say, checked at deploy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, time
from functools import lru_cache
from typing import Any

import orjson

from workflows import engine, feel, policies
from workflows.engine.names import variables
from workflows.errors import N_, Problem
from workflows.notices import KINDS
from workflows.people import LEVELS, ROLES
from workflows.settings import OFFICE_ZONE

#: Property of a process that offices start: the roles that may.
MAY_START = "jiaoyan:may-start"
#: Property of a step whose papers only their authors read until the case has come to another step.
SEALED_UNTIL = "jiaoyan:sealed-until"
#: Property of a step whose papers only their authors and some roles read.
READERS = "jiaoyan:readers"
#: Properties of a place that waits for a message which people report (登记事项): its form, and the roles that may.
FORM, REPORTED_BY = "jiaoyan:form", "jiaoyan:reported-by"
#: Property that names the decision which says, before applying, whether somebody would be eligible.
ELIGIBILITY = "jiaoyan:eligibility"
#: Property of a step from which the case may be sent back (退回): to which steps, or to every one that was done.
SEND_BACK = "jiaoyan:send-back"
ANYWHERE = "*"
#: Properties of a process that name its cases: the series of their numbers, their titles, and a line that says what each is about.
NUMBER, TITLE, SUMMARY = "jiaoyan:number", "jiaoyan:title", "jiaoyan:summary"
#: What a rule for numbers gives: letters, one part at least of its own, the year. A serial number of five digits follows.
SERIES = r"[A-Z]{1,4}(?:-[A-Z][A-Z0-9]{0,11}){1,3}-\d{4}"
#: What such a rule sees: a case has its number before anything has happened in it.
NUMBER_NAMES = ("instance", "policy", *policies.FUNCTION_NAMES)
#: Property of a step that sends the case to people to read once it is done (抄送); and one that names the choices which may be
#: made for several tasks at once (批量办理).
CC, BULK = "jiaoyan:cc", "jiaoyan:bulk"
#: Property of a step that names what people may do with it besides deciding (办理操作); and what it says for nothing of that.
ACTIONS, NOTHING = "jiaoyan:actions", "none"
#: Such acts by their word in a diagram -> the office's word. Where a step does not say, all may be done that the rest of it allows.
ACTS: Mapping[str, str] = {
    "transfer": N_("转办"), "delegate": N_("委派"), "add-signer": N_("加签"), "return": N_("退回"), "take-back": N_("取回"),
    "cc": N_("抄送"), "urge": N_("催办"),
}  # fmt: skip
#: Properties of a step: who does it when nobody fits its rule, and when only the applicant would.
IF_NOBODY, IF_OWN = "jiaoyan:if-nobody", "jiaoyan:if-own"
#: What the latter says for the head of the next organisation above.
SUPERIOR = "superior"
#: Properties of a process -> what they mean.
OF_PROCESS: Mapping[str, str] = {
    NUMBER: "办件编号的序列，FEEL，得出如 LN-JS-2026 的文字，其后接五位顺序号，同一序列不断号；只能用 instance 和 policy",
    TITLE: "办件标题，FEEL",
    SUMMARY: "办件摘要，FEEL：列表和办件页上的一行话，每办一步重新计算；凡能看到办件的人都能看到",
    ELIGIBILITY: "申报前“我是否符合条件”所问的决策",
    "jiaoyan:withdraw": "撤回申请时交给办件的消息名：由可中断的消息边界事件或事件子流程接收，接收之处即可撤回的阶段",
    "jiaoyan:withdraw-until": "用户任务 id（空格分隔）：到达其中任一环节之前，申请人可以撤回，办件随即结束；同时写明撤回消息的，按图办理",
    "jiaoyan:may-suspend": "除系统管理员外可以暂停和恢复办件的角色（空格分隔）",
    "jiaoyan:may-cancel": "除系统管理员外可以终止办理的角色（空格分隔）",
    "jiaoyan:may-rewind": "除系统管理员外可以把办件退回到先前环节的角色（空格分隔）",
    MAY_START: "可以为本单位发起办件的角色（空格分隔）；没有这一属性的流程由申请人在批次中发起",
}
#: Those of them that list roles.
ROLE_LISTS = frozenset({"jiaoyan:may-suspend", "jiaoyan:may-cancel", "jiaoyan:may-rewind", MAY_START})
#: Properties of a step -> what they mean.
OF_STEP: Mapping[str, str] = {
    "jiaoyan:stage": "进度条上的阶段名",
    "jiaoyan:review": "true：审核环节，同一人不得连续办理两个审核环节",
    "jiaoyan:separate-from": "环节 id（空格分隔）：办过这些环节的人不得办理本环节",
    SEND_BACK: (
        "环节 id（空格分隔），或 *：办理本环节的人可以把办件退回到这些（* 为任一）办过的环节重办；在并行的分支内只退回本分支，"
        "退到分支之前则各分支一并退回，多人办理的环节由各人重办；分支已经汇合等分不清的，按名拒绝"
    ),
    IF_NOBODY: "按规则没有人可以办理时由谁办理，FEEL，如 =role(\"bureau_head\")；仍没有人的，转管理员指派，绝不跳过",
    IF_OWN: "只有申请人本人可以办理时由谁办理：superior（上一级单位负责人）或 FEEL 规则；不写的同“没有人可以办理”，绝不由本人办理",
    ACTIONS: f"环节上可以做的操作（空格分隔，取 {'、'.join(f'{act} {word}' for act, word in ACTS.items())}），或 none；不写的都可以，"
             "退回还须写明 jiaoyan:send-back",
    "jiaoyan:outcome": "表单中作为办理结果的字段",
    "jiaoyan:notice": "打开环节、经过自动环节或到达结束时发出的通知",
    "jiaoyan:escalate-to": "超期报告给谁，FEEL，如 =role(\"bureau_head\")",
    CC: "本环节办完后抄送给谁，FEEL，如 =role(\"tri_head\") 或其列表；每人每件只抄送一次",
    BULK: "可以批量办理的结果（空格分隔，取 jiaoyan:outcome 字段的选项）；表单的其余必填项须已有值",
    FORM: "登记事项的表单：写在等待消息的边界事件或事件子流程的开始事件上",
    REPORTED_BY: "可以登记该事项的角色（空格分隔）",
    READERS: "只有这些角色（空格分隔）和填写人能看本环节提交的内容",
    SEALED_UNTIL: "环节 id：办件到达该环节之前，本环节提交的内容和草稿只有填写人自己能看",
}
#: Those of them that are FEEL; the others are text.
FORMULAS = frozenset({NUMBER, TITLE, SUMMARY, "jiaoyan:escalate-to", CC, IF_NOBODY, IF_OWN})
#: What the house lends to every expression of a diagram (``workflows.case.house``).
HOUSE_NAMES = (
    "instance", "task", "policy", "role", "head of", "heads above", "members of", "bureau of", "name of", "type of", "people of",
    "vacancies of", "somebody holds",
    "applications of", "blind numbers of", "submissions", *policies.FUNCTION_NAMES,
)


def check(diagram: engine.Diagram) -> list[Problem]:
    """Every ``jiaoyan:*`` property that nothing would heed or that cannot be right; none is silently ignored."""
    found = [
        Problem(diagram.file, diagram.start.line, diagram.process_id, reason)
        for reason in _of(diagram.properties, OF_PROCESS, diagram)
    ]
    for step in diagram.steps.values():
        found += [
            Problem(diagram.file, step.line, step.id, reason)
            for reason in (*_of(step.properties, OF_STEP, diagram), *_reported(step))
        ]
    return found


def _reported(step: engine.Step) -> Iterator[str]:
    """What is wrong with a place to which people report (登记事项)."""
    if (FORM in step.properties) != (REPORTED_BY in step.properties):
        yield f"{FORM} 和 {REPORTED_BY} 须同时写明"
    waits = step.event is not None and step.event.kind == "message" and step.kind in {"boundary", "start"}
    if FORM in step.properties and not waits:
        yield f"{FORM} 只能写在等待消息的边界事件或事件子流程的开始事件上"


def _of(properties: Mapping[str, str], known: Mapping[str, str], diagram: engine.Diagram) -> Iterator[str]:
    for name, value in properties.items():
        if not name.startswith("jiaoyan:"):
            continue
        if name not in known:
            yield f"没有名为 {name} 的属性；可用：{'、'.join(known)}"
        elif name == "jiaoyan:review" and value != "true":
            yield f"jiaoyan:review 只能是 true，不是“{value}”"
        elif name == "jiaoyan:notice" and value not in KINDS:
            yield f"没有名为“{value}”的通知；可用：{'、'.join(KINDS)}"
        elif name == "jiaoyan:separate-from":
            for step_id in value.split():
                if step_id not in diagram.steps:
                    yield f"jiaoyan:separate-from：图中没有环节 {step_id}"
        elif name == ACTIONS:
            yield from _actions(value, properties)
        elif name == SEND_BACK:
            yield from _sent_back_to(value, diagram)
        elif name == SEALED_UNTIL:
            if value not in diagram.steps:
                yield f"{name}：图中没有环节 {value}"
        elif name in ROLE_LISTS or name in {REPORTED_BY, READERS}:
            for role in value.split():
                if role not in ROLES:
                    yield f"{name}：没有名为 {role} 的角色；可用：{'、'.join(ROLES)}"
        elif name == "jiaoyan:withdraw":
            if not any(_interrupted_by(step, value) for step in diagram.steps.values()):
                yield f"{name}：图中没有可中断的消息边界事件或事件子流程等待消息“{value}”"
        elif name == "jiaoyan:withdraw-until":
            for step_id in value.split():
                if step_id not in diagram.steps or diagram.steps[step_id].kind != "user":
                    yield f"{name}：图中没有用户任务 {step_id}"
        elif name in FORMULAS:
            yield from _formula(name, value, diagram)
        elif name == BULK and "jiaoyan:outcome" not in properties:
            yield f"{BULK} 所列结果属于 jiaoyan:outcome 的字段，须一并写明"
        elif value.startswith("="):
            yield f"{name} 是文字，不是 FEEL 表达式"


#: Why somebody is refused an act that the diagram does not let them do at a step.
NOT_ALLOWED = N_("流程图没有允许")


def allows(step: engine.Step, act: str) -> bool:
    """Whether a diagram lets people do an act (a key of ``ACTS``) with a step's task."""
    named = step.properties.get(ACTIONS)
    return named is None or act in named.split()


def barred(step: engine.Step) -> tuple[str, ...]:
    """The office's words of what a diagram lets nobody do with a step's task; nothing of one that does not say."""
    return tuple(word for act, word in ACTS.items() if ACTIONS in step.properties and not allows(step, act))


def _actions(value: str, properties: Mapping[str, str]) -> Iterator[str]:
    named = value.split()
    if not named or (NOTHING in named and len(named) > 1):
        yield f"{ACTIONS} 须列出操作，或只写 {NOTHING}"
    for act in named:
        if act not in ACTS and act != NOTHING:
            yield f"{ACTIONS}：没有名为 {act} 的操作；可用：{'、'.join(ACTS)}、{NOTHING}"
    if ("return" in named) != (SEND_BACK in properties):
        yield f"{ACTIONS} 与 {SEND_BACK} 矛盾：可以退回的，两处都要写明"


def _sent_back_to(value: str, diagram: engine.Diagram) -> Iterator[str]:
    for step_id in value.split() if value != ANYWHERE else ():
        if step_id not in diagram.steps or diagram.steps[step_id].kind != "user":
            yield f"{SEND_BACK}：图中没有用户任务 {step_id}"


def _interrupted_by(step: engine.Step, message: str) -> bool:
    event = step.event
    waits = step.kind == "boundary" or (step.kind == "start" and step.scope != "")
    return waits and step.interrupting and event is not None and (event.kind, event.name) == ("message", message)


def _formula(name: str, value: str, diagram: engine.Diagram) -> Iterator[str]:
    if (name == TITLE and not value.startswith("=")) or (name == IF_OWN and value == SUPERIOR):
        return
    if not value.startswith("="):
        yield f"{name} 应是以 = 开头的 FEEL 表达式" + (f"，或 {SUPERIOR}" if name == IF_OWN else "")
        return
    lent = NUMBER_NAMES if name == NUMBER else HOUSE_NAMES
    try:
        read = feel.compile(value[1:].strip(), names=lent).names
    except feel.FeelSyntaxError as error:
        yield f"{name}：{error}"
        return
    known = frozenset(lent) if name == NUMBER else variables(diagram) | frozenset(lent)
    for unknown in sorted(set(read) - known):
        yield f"{name}：没有名为“{unknown}”的变量或函数；可用：{'、'.join(sorted(known))}"
    if name in ("jiaoyan:escalate-to", CC) and not any(f'role("{role}"' in value for role in ROLES):
        yield f"{name} 应写明角色，如 =role(\"bureau_head\")"


@lru_cache(maxsize=1024)
def expression(text: str) -> feel.Expression:
    """An expression of a diagram's property (``=…``), compiled once."""
    return feel.compile(text[1:].strip())


def series(rule: str, about: Mapping[str, Any], pack: policies.Pack, at: datetime) -> str | None:
    """What a rule for numbers gives for a case about to start (``about`` is its ``instance``); None when that is no series."""
    found = expression(rule).evaluate({"instance": about, "policy": pack, **policies.functions(pack, now=at)}, now=at)
    return found if isinstance(found, str) and re.fullmatch(SERIES, found) else None


def check_numbers(diagram: engine.Diagram, packs: policies.Packs) -> Iterator[Problem]:
    """A rule for numbers that gives no series at some level of some place, by the newest values there."""
    rule = diagram.properties.get(NUMBER, "")
    if not rule or any(_formula(NUMBER, rule, diagram)):
        return
    for place in packs:
        day = max(dated.citation.since for values in packs[place].history.values() for dated in values)
        at = datetime.combine(day, time(12), OFFICE_ZONE)
        for level in LEVELS:
            about = {"started_at": at.isoformat(), "organisation": place, "organisation_name": place, "level": level,
                     "place": packs[place].name}  # fmt: skip
            if series(rule, about, packs[place].on(day), at) is None:
                yield Problem(diagram.file, diagram.start.line, diagram.process_id,
                              f"{NUMBER}：在{packs[place].name}（{level}）没有得出形如 LN-JS-2026 的编号序列")
                break


def check_bulk(diagram: engine.Diagram, forms: Mapping[str, bytes]) -> Iterator[Problem]:
    """A step whose outcome its form does not ask, or that would decide many at once (批量办理) by a choice that it does not offer.

    ``forms``: id -> file.
    """
    for step in diagram.steps.values():
        raw, key = forms.get(step.form_id or ""), step.properties.get("jiaoyan:outcome")
        if raw is None or key is None:
            continue
        asked = next((one for one in _fields(orjson.loads(raw).get("components") or ()) if one.get("key") == key), None)
        if asked is None:
            yield Problem(diagram.file, step.line, step.id, f"jiaoyan:outcome：表单 {step.form_id} 没有字段 {key}")
            continue
        offered = _offered(step, asked)
        for choice in step.properties.get(BULK, "").split():
            if offered and choice not in offered:
                yield Problem(diagram.file, step.line, step.id,
                              f"{BULK}：表单 {step.form_id} 的字段 {key} 没有选项“{choice}”；可用：{'、'.join(offered)}")


def _offered(step: engine.Step, asked: Mapping[str, Any]) -> list[str]:
    """The choices of a field: those that its form lists, or that the step hands it as a fixed list; none where only a case knows."""
    if asked.get("values"):
        return [str(one.get("value")) for one in asked["values"]]
    source = str(asked.get("valuesExpression") or "").removeprefix("=").strip()
    given = next((one.source for one in step.inputs if f"task.{one.target}" == source), None)
    if given is None or isinstance(given, engine.Text):
        return []
    formula = expression("=" + given.text)
    found = formula.evaluate({}, now=datetime.min.replace(tzinfo=OFFICE_ZONE)) if not formula.names else None
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def _fields(components: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Every field outside tables."""
    for one in components:
        if one.get("key"):
            yield one
        if one.get("type") == "group":
            yield from _fields(one.get("components") or ())


#: Kinds of field that pages show in part only, to whoever has no need of the whole.
_COVERED = frozenset({"id_card", "phone", "email"})


def check_words(diagram: engine.Diagram, forms: Iterable[bytes]) -> Iterator[Problem]:
    """A title or summary that says what pages show in part only: identity numbers, phones, addresses. Lists cover nothing."""
    rules = {name: diagram.properties[name] for name in (TITLE, SUMMARY) if name in diagram.properties}
    for form in map(orjson.loads, forms if rules else ()):
        variable = str(form.get("id", "")).rpartition(".")[2]
        for key in _covered(form.get("components") or ()):
            for name, rule in rules.items():
                if re.search(rf"\b{re.escape(variable)}\b", rule) and re.search(rf"\.{re.escape(key)}\b", rule):
                    yield Problem(diagram.file, diagram.start.line, diagram.process_id,
                                  f"{name}：不能写入 {variable} 的 {key}，凡能看到办件的人都会看到")


def _covered(components: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for one in components:
        if (one.get("properties") or {}).get("kind") in _COVERED:
            yield str(one.get("key"))
        yield from _covered(one.get("components") or ())
