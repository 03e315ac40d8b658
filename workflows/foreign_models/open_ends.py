"""What a drawing leaves open gets a name, so that it can run: a decision a variable, a task an order, a message its name.

Drawings for readers say that there is a choice, not how it is made. Nothing is invented: the choice reads a variable called after
the gateway, which has to be one of the names written at its flows; what has to be provided is listed.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from workflows.foreign_models.model import ACTIVITIES, Model, bpmn, local

_GLOBAL = {
    "globalTask": "task",
    "globalUserTask": "userTask",
    "globalManualTask": "manualTask",
    "globalScriptTask": "scriptTask",
    "globalBusinessRuleTask": "businessRuleTask",
}
#: What happens at these while nobody waits there cannot be.
_AUTOMATIC = ("serviceTask", "sendTask", "businessRuleTask", "scriptTask")
#: The part of a declaration that names it, and what the event that has none refers to.
_DECLARATIONS = {
    "messageEventDefinition": ("message", "name"),
    "signalEventDefinition": ("signal", "name"),
    "errorEventDefinition": ("error", "errorCode"),
    "escalationEventDefinition": ("escalation", "escalationCode"),
}


def name_what_is_open(model: Model) -> None:
    """Everything below, in the order in which one follows from the other."""
    _global_tasks(model)
    _empty_sub_processes(model)
    _default_compensation(model)
    if model.for_readers:
        _starts(model)
    _boundary_hosts(model)
    _insides_that_fail(model)
    _automatic_tasks(model)
    _messages(model)
    _declarations(model)
    _choices(model)
    _timers(model)
    _conditions(model)
    _repetitions(model)


def _global_tasks(model: Model) -> None:
    """A call of a global task is that task."""
    known = {one.get("id"): one for one in model.every(*_GLOBAL) if one.getparent() is model.root}
    for call in model.steps("callActivity"):
        definition = call.find(f"{bpmn('extensionElements')}/{{*}}calledElement")
        called = call.get("calledElement") or (definition.get("processId") if definition is not None else "")
        target = known.get((called or "").rpartition(":")[2])
        if target is not None:
            if definition is not None:
                model.drop(definition)
            call.attrib.pop("calledElement", None)
            model.retag(call, _GLOBAL[local(target)])
            model.rewritten(call, f"对 {local(target)} {called} 的调用改写为 {local(call)}")
    for one in known.values():
        model.rewritten(one, f"删除 {local(one)}：调用它的地方已改写为任务")
        model.drop(one)


def _empty_sub_processes(model: Model) -> None:
    """A sub-process with nothing in it passes."""
    for scope in model.steps("subProcess", "transaction"):
        if not model.flow_nodes(scope) and scope.get("triggeredByEvent") != "true":
            scope.attrib.pop("triggeredByEvent", None)
            scope.attrib.pop("method", None)
            for flow in model.flows(scope):
                model.drop(flow)
            model.retag(scope, "task")
            model.rewritten(scope, "子流程内没有任何元素，改写为 task")


def _default_compensation(model: Model) -> None:
    """An event sub-process that on compensation only compensates everything: that is what happens without it."""
    for scope in model.steps("subProcess"):
        nodes = model.flow_nodes(scope)
        starts = [node for node in nodes if local(node) == "startEvent"]
        if scope.get("triggeredByEvent") != "true" or len(starts) != 1:
            continue
        by_compensation = starts[0].find(bpmn("compensateEventDefinition")) is not None
        if by_compensation and all(node in starts or _compensates_all(node) for node in nodes):
            model.rewritten(scope, "删除只触发补偿的补偿事件子流程：没有它时同样倒序补偿全部已完成的活动")
            model.erase(scope)


def _compensates_all(node: Any) -> bool:
    definitions = [child for child in node if local(child).endswith("EventDefinition")]
    if local(node) == "intermediateThrowEvent":
        return [local(one) for one in definitions] == ["compensateEventDefinition"] and not definitions[0].get(
            "activityRef"
        )
    return local(node) == "parallelGateway" or (local(node) == "endEvent" and not definitions)


def _starts(model: Model) -> None:
    """In a drawing for readers: what begins by itself, and every further way to begin, is begun by a message."""
    for process in model.root.findall(bpmn("process")):
        plain = 0
        for start in [node for node in model.flow_nodes(process) if local(node) == "startEvent"]:
            definitions = [child for child in start if local(child).endswith("EventDefinition")]
            plain += not definitions
            kinds = {local(one) for one in definitions}
            if not (kinds & {"timerEventDefinition", "conditionalEventDefinition"}) and (definitions or plain == 1):
                continue
            said = " ".join("".join(one.itertext()) for one in definitions).split()
            for one in definitions:
                model.drop(one)
            model.child(start, "messageEventDefinition", id=model.new_id(f"message_{start.get('id')}"))
            was = "、".join(sorted(kinds)) or "另一个无类型开始事件"
            model.rewritten(start, f"开始事件（{was}）改写为由消息开始：没有人在那时发起")
            model.provide(start, f"消息“{start.get('name') or start.get('id')}”由谁在何时发出：{' '.join(said) or was}")


def _insides_that_fail(model: Model) -> None:
    """An error on the border of a sub-process in which nothing throws comes out of work that the drawing leaves open."""
    inside = {scope.get("id"): scope for scope in model.steps("subProcess", "transaction")}
    for event in model.steps("boundaryEvent"):
        scope = inside.get(event.get("attachedToRef"))
        kinds = {local(child) for child in event} & {"errorEventDefinition", "escalationEventDefinition"}
        if scope is None or not kinds:
            continue
        thrown = any(local(one.getparent()) != "boundaryEvent" for one in scope.iter(*map(bpmn, kinds)))
        if thrown or next(scope.iter(bpmn("callActivity")), None) is not None:
            continue
        for node in model.flow_nodes(scope):
            said = {local(one) for one in model.extensions(node)} - {"taskDefinition", "taskHeaders"}
            if (
                local(node) in {"task", "serviceTask"}
                and not said
                and node.get("isForCompensation") != "true"
                and not any(space_foreign(one) for one in [node])
            ):
                _called(model, node, f"“{event.get('name') or event.get('id')}”须来自其内部")


def _boundary_hosts(model: Model) -> None:
    """Something can happen only at an activity that waits, an error only come out of one that has an inside."""
    hosts = {one.get("id"): one for one in model.steps(*ACTIVITIES)}
    for event in model.steps("boundaryEvent"):
        host = hosts.get(event.get("attachedToRef"))
        kinds = {local(child) for child in event}
        if host is None or "compensateEventDefinition" in kinds:
            continue
        throws = bool({"errorEventDefinition", "escalationEventDefinition"} & kinds)
        said = [local(one) for one in model.extensions(host) if local(one) not in {"taskDefinition", "taskHeaders"}]
        plain = local(host) in {"task", "manualTask"}
        if throws and (plain or local(host) in {"userTask", *_AUTOMATIC}) and not said:
            _called(model, host, "其上的错误或升级须来自其内部")
        elif local(host) in _AUTOMATIC and not said:
            _called(model, host, "其上有边界事件，须是需要时间的工作")
        elif plain:
            model.retag(host, "userTask")
            model.rewritten(host, "其上有边界事件，task 改写为 userTask：随即通过的任务上不会发生任何事件")
            model.provide(host, "由谁办理，以及表单")


def _called(model: Model, host: Any, why: str) -> None:
    was = local(host)
    for name in ("messageRef", "scriptFormat", "calledElement", "implementation"):
        host.attrib.pop(name, None)
    for one in model.extensions(host):
        model.drop(one)
    for one in host.findall(bpmn("script")):
        model.drop(one)
    model.retag(host, "callActivity")
    process = model.word(host)
    model.extension(host, "calledElement").set("processId", process)
    model.rewritten(host, f"{was} 改写为 callActivity：{why}")


def _automatic_tasks(model: Model) -> None:
    """An automatic task that says nothing of what it does is called after its id."""
    for task in model.steps("serviceTask", "businessRuleTask", "scriptTask", "callActivity"):
        if any(space_foreign(one) for one in [task, *model.extensions(task)]) or task.find(bpmn("script")) is not None:
            continue  # something of another vendor says it, and is lost
        kind, word = local(task), model.word(task)
        if kind == "serviceTask" and not model.has(task, "taskDefinition"):
            model.extension(task, "taskDefinition").set("type", word)
            model.rewritten(task, f"没有写明做什么，写为 zeebe:taskDefinition type={word}")
        elif kind == "businessRuleTask" and not model.has(task, "calledDecision", "taskDefinition"):
            decision = model.extension(task, "calledDecision")
            decision.set("decisionId", word)
            decision.set("resultVariable", word)
            model.rewritten(task, f"没有写明决策，写为 zeebe:calledDecision decisionId={word}")
        elif kind == "scriptTask" and not model.has(task, "script", "taskDefinition"):
            model.retag(task, "task")
            task.attrib.pop("scriptFormat", None)
            model.rewritten(task, "没有脚本的 scriptTask 改写为 task")
        elif kind == "callActivity" and not model.has(task, "calledElement") and not task.get("calledElement"):
            model.extension(task, "calledElement").set("processId", word)
            model.rewritten(task, f"没有写明流程，写为 zeebe:calledElement processId={word}")


def space_foreign(element: Any) -> bool:
    """Whether the element, or one of its attributes, is another vendor's."""
    names = [element.tag, *element.attrib]
    return any(
        name.startswith("{") and "omg.org/spec/BPMN" not in name and "/zeebe/" not in name and "w3.org" not in name
        for name in names
    )


def _messages(model: Model) -> None:
    """Two ends of a message flow send and receive the same message."""
    ends: dict[str, Any] = {}
    for task in model.steps("sendTask", "receiveTask"):
        if not model.has(task, "taskDefinition"):
            ends[task.get("id")] = task
    for definition in model.every("messageEventDefinition"):
        event = definition.getparent()
        if not model.has(event, "taskDefinition"):
            ends[event.get("id")] = definition
    for flow in model.every("messageFlow"):
        pair = [ends[flow.get(name)] for name in ("sourceRef", "targetRef") if flow.get(name) in ends]
        known = {one.get("messageRef") for one in pair if one.get("messageRef")}
        if len(pair) == 2 and len(known) <= 1:
            reference = next(iter(known), None) or _declare(
                model, "message", flow.get("name") or flow.get("id", ""), flow
            )
            for one in pair:
                one.set("messageRef", reference)
    for name, holder in ends.items():
        element = holder if local(holder) in ACTIVITIES else holder.getparent()
        if not holder.get("messageRef") and not space_foreign(element) and not space_foreign(holder):
            holder.set("messageRef", _declare(model, "message", element.get("name") or name, element))


def _declare(model: Model, kind: str, name: str, element: Any, wanted: str = "") -> str:
    """A new declaration; returns its id, which is ``wanted`` if that can be one."""
    name = " ".join(name.split()) or kind
    given = model.new_id(wanted or f"{kind}_{element.get('id') or 'x'}")
    created = model.root.makeelement(bpmn(kind), {"id": given, "name": name})
    if kind in {"error", "escalation"}:
        created.set(f"{kind}Code", name)
    model.first.addprevious(created)
    model.rewritten(element, f"没有声明这个 {kind}，按“{name}”声明")
    return str(created.get("id"))


def _declarations(model: Model) -> None:
    """Events that name nothing, and declarations without the part that tells them apart."""
    for tag, (kind, attribute) in _DECLARATIONS.items():
        known = {one.get("id") for one in model.every(kind)}
        for definition in model.every(tag):
            event = definition.getparent()
            code = definition.get(f"{kind}Ref", "").rpartition(":")[2]
            if attribute != "name" and code and code not in known:
                known.add(_declare(model, kind, code, event, code))  # as Camunda 7 reads it: the code itself
            throws = local(event) in {"endEvent", "intermediateThrowEvent"}
            needed = kind in {"message", "signal"} or throws
            if needed and not definition.get(f"{kind}Ref") and not model.has(event, "taskDefinition"):
                if kind == "message" and (space_foreign(definition) or space_foreign(event)):
                    continue
                name = event.get("name") or event.get("id", kind)
                definition.set(f"{kind}Ref", _declare(model, kind, name, event))
        used = {
            one.get(f"{kind}Ref")
            for one in model.every(tag)
            if kind in {"message", "signal"} or local(one.getparent()) in {"endEvent", "intermediateThrowEvent"}
        }
        for declaration in model.every(kind):
            if not declaration.get(attribute):
                name = declaration.get("name") or declaration.get("id", "")
                if name and (kind in {"message", "signal"} or declaration.get("id") in used):
                    declaration.set(attribute, name)
                    model.rewritten(declaration, f"没有 {attribute}，写为“{name}”")
    for link in model.every("linkEventDefinition"):
        if not link.get("name") and link.getparent().get("name"):
            link.set("name", link.getparent().get("name"))
            model.rewritten(link.getparent(), f"链接没有名称，写为“{link.get('name')}”")


def _choices(model: Model) -> None:
    """Gateways with several ways out that do not say when each is taken."""
    for scope in model.scopes():
        leaving_from = defaultdict(list)
        for flow in model.flows(scope):
            leaving_from[flow.get("sourceRef")].append(flow)
        for gateway in model.flow_nodes(scope):
            if local(gateway) not in {"exclusiveGateway", "inclusiveGateway"}:
                continue
            leaving = leaving_from[gateway.get("id")]
            bare = [flow for flow in leaving if not _condition(flow) and flow.get("id") != gateway.get("default")]
            for flow in leaving:
                _words(model, gateway, flow)
            if len(leaving) < 2 or not bare:
                continue
            if local(gateway) == "inclusiveGateway" and not model.for_readers:
                for flow in bare:  # an engine takes such a flow always
                    model.child(flow, "conditionExpression", text="=true")
                    model.rewritten(flow, "没有条件，总是走，写为 =true")
                continue
            said = len(leaving) - len(bare)
            if len(bare) == 1 and said and not gateway.get("default"):
                gateway.set("default", bare[0].get("id"))
                model.rewritten(gateway, f"没有条件的流出 {bare[0].get('id')} 设为默认流向")
                continue
            for flow in bare:
                _choose(model, gateway, flow)
            model.provide(gateway, f"变量 {model.word(gateway)}，取值：{'、'.join(_label(flow) for flow in bare)}")


def _words(model: Model, gateway: Any, flow: Any) -> None:
    """A condition in words is no condition of a machine: it is the name of a choice."""
    for condition in flow.findall(bpmn("conditionExpression")):
        text = (condition.text or "").strip()
        if text.startswith("="):
            continue
        if flow.get("id") == gateway.get("default") or not text:
            model.drop(condition)
            model.rewritten(flow, "删除没有内容或写在默认流向上的条件")
            continue
        if not model.for_readers:
            model.lost(flow, f"条件“{text[:60]}”不能译为 FEEL")
        flow.set("name", flow.get("name") or text)
        model.drop(condition)
        _choose(model, gateway, flow)
        model.provide(gateway, f"变量 {model.word(gateway)}，取值：{_label(flow)}（原文：{text[:80]}）")


def _choose(model: Model, gateway: Any, flow: Any) -> None:
    word, label = model.word(gateway), _label(flow).replace("\\", "\\\\").replace('"', '\\"')
    test = f'={word} = "{label}"' if local(gateway) == "exclusiveGateway" else f'=list contains({word}, "{label}")'
    model.child(flow, "conditionExpression", text=test)
    model.rewritten(flow, f"没有可计算的条件，写为 {test}")


def _label(flow: Any) -> str:
    return " ".join((flow.get("name") or flow.get("id", "")).split())


def _condition(flow: Any) -> bool:
    return any((one.text or "").strip() for one in flow.findall(bpmn("conditionExpression")))


def _timers(model: Model) -> None:
    for definition in model.every("timerEventDefinition"):
        event = definition.getparent()
        times = [child for child in definition if local(child) in {"timeDate", "timeDuration", "timeCycle"}]
        if not any((one.text or "").strip() for one in times):
            for one in times:
                model.drop(one)
            model.child(definition, "timeDuration", text=f"={model.word(event)}")
            model.rewritten(event, f"没有写明时间，写为变量 {model.word(event)}")
            model.provide(event, f"变量 {model.word(event)}（时长，如 P5D）：“{event.get('name') or ''}”")


def _conditions(model: Model) -> None:
    for definition in model.every("conditionalEventDefinition"):
        event = definition.getparent()
        found = definition.findall(bpmn("condition"))
        if any((one.text or "").strip().startswith("=") for one in found):
            continue
        text = " ".join((one.text or "").strip() for one in found)
        for one in found:
            model.drop(one)
        model.child(definition, "condition", text=f"={model.word(event)} = true")
        model.rewritten(event, f"没有可计算的条件，写为变量 {model.word(event)}")
        model.provide(event, f"变量 {model.word(event)}（true 或 false）：“{text or event.get('name') or ''}”")


def _repetitions(model: Model) -> None:
    for loop in model.every("multiInstanceLoopCharacteristics"):
        activity = loop.getparent()
        numbers = [one for one in loop.findall(bpmn("loopCardinality")) if (one.text or "").strip()]
        foreign = space_foreign(loop) or loop.find(bpmn("loopDataInputRef")) is not None
        if numbers or foreign or model.has(loop, "loopCharacteristics"):
            continue
        for one in loop.findall(bpmn("loopCardinality")):
            model.drop(one)
        model.extension(loop, "loopCharacteristics").set("inputCollection", f"={model.word(activity)}")
        model.rewritten(activity, f"没有写明重复几次，写为列表变量 {model.word(activity)}")
        model.provide(activity, f"变量 {model.word(activity)}（列表）：每一项办理一次")
    for loop in model.every("standardLoopCharacteristics"):
        activity = loop.getparent()
        found = [one for one in loop.findall(bpmn("loopCondition")) if (one.text or "").strip().startswith("=")]
        if found or loop.get("loopMaximum"):
            continue
        for one in loop.findall(bpmn("loopCondition")):
            model.drop(one)
        model.child(loop, "loopCondition", text=f"={model.word(activity)} = true")
        model.rewritten(activity, f"没有写明何时再来一次，写为变量 {model.word(activity)}")
        model.provide(activity, f"变量 {model.word(activity)}（true 或 false）：是否再来一次")
