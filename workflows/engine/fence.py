"""What of BPMN runs and what is refused, with what to draw instead. What is not listed here is refused as unknown.

The reader consults these tables for every element and attribute, so that nothing in a diagram is silently ignored;
`bpmn/README.md` shows them and a test compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping

#: Namespace of BPMN 2.0 elements.
BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
#: Namespace of Camunda 8's extension elements.
ZEEBE = "http://camunda.org/schema/zeebe/1.0"
#: Namespace of the drawing.
BPMNDI = "http://www.omg.org/spec/BPMN/20100524/DI"
#: Namespace of xsi:type.
XSI = "http://www.w3.org/2001/XMLSchema-instance"
#: Camunda 7 and Flowable write these; their meaning is not ours.
FOREIGN = {
    "http://camunda.org/schema/1.0/bpmn": "Camunda 7",
    "http://activiti.org/bpmn": "Activiti",
    "http://flowable.org/bpmn": "Flowable",
    "http://spiffworkflow.org/bpmn/schema/1.0/core": "SpiffWorkflow",
}
#: The expression language of conditions, in small letters, as Camunda Modeler writes it when it writes it at all.
FEEL_LANGUAGES = frozenset(
    {"feel", "http://www.omg.org/spec/feel/20140401", "https://www.omg.org/spec/dmn/20191111/feel/"}
)

#: Elements that run, and what they do here.
RUNS: Mapping[str, str] = {
    "process": '可执行流程（isExecutable="true"）：至多一个无类型开始事件，另可由消息或信号开始',
    "startEvent": "流程：无类型（可带表单）、消息、信号；子流程：无类型；事件子流程：定时、消息、信号、错误、升级、条件",
    "endEvent": "结束所到达的分支；可为无类型、消息、信号、错误、升级、补偿、取消、终止",
    "intermediateCatchEvent": "等待定时、消息、信号或条件；链接的到达处",
    "intermediateThrowEvent": "无类型：随即通过；发出消息、信号、升级，触发补偿，或跳到链接的到达处",
    "boundaryEvent": (
        "附在等待的活动上：定时、消息、信号、条件可中断或不中断；错误、升级附在子流程和调用上，取消附在事务上；补偿附在任何活动上"
    ),
    "task": "随即通过，留下记录",
    "manualTask": "随即通过，留下记录；须有人办理的请用 userTask",
    "userTask": "等待一个人办理",
    "serviceTask": "按 zeebe:taskDefinition 的 type 发出一条指令，随即通过",
    "sendTask": "发出 messageRef 的消息，随即通过；带 zeebe:taskDefinition 时同 serviceTask",
    "receiveTask": "等待 messageRef 的消息",
    "businessRuleTask": "调用 zeebe:calledDecision 的决策，结果写入 resultVariable；带 zeebe:taskDefinition 时同 serviceTask",
    "scriptTask": "计算 zeebe:script 的 FEEL 表达式，结果写入 resultVariable；带 zeebe:taskDefinition 时同 serviceTask",
    "callActivity": "启动 zeebe:calledElement 的流程并等它结束；带入、带回变量",
    "subProcess": "嵌入式子流程；triggeredByEvent 时为事件子流程，由其开始事件触发，可中断或不中断",
    "transaction": "事务子流程：取消时先补偿，再从取消边界事件离开",
    "exclusiveGateway": "按书写次序取第一个成立的条件，否则走默认流向",
    "parallelGateway": "等齐每条流入各一个令牌，再走全部流出；可在循环内",
    "inclusiveGateway": "走全部成立的流出，否则走默认流向；汇合时等待仍可能到达的令牌",
    "eventBasedGateway": "等待其后的各事件，最先发生的一个取得令牌，其余不再等待",
    "sequenceFlow": "顺序流；条件为 FEEL，离开任务的条件流与默认流亦按标准执行",
    "multiInstanceLoopCharacteristics": "任何活动：列表的每一项一次，或固定次数；同时或依次，可提前结束",
    "loopCardinality": "固定次数：整数或 FEEL",
    "standardLoopCharacteristics": "任何活动：loopCondition 成立时再来一次，至多 loopMaximum 次",
    "timerEventDefinition": "timeDate、timeDuration 或 timeCycle（R3/PT1H、R/P1D），ISO 8601 或 FEEL",
    "messageEventDefinition": "消息；按 bpmn:message 的名称和 zeebe:subscription 的 correlationKey 送达一处",
    "signalEventDefinition": "信号；按名称送达所有等待处",
    "errorEventDefinition": "错误；由内向外找捕获同一错误代码（或任何错误）的事件子流程或边界事件",
    "escalationEventDefinition": "升级；查找同错误，无人捕获时继续",
    "conditionalEventDefinition": "条件由不成立变为成立时；打开时已成立则立即",
    "compensateEventDefinition": "补偿：倒序办理已完成活动的补偿处理，等其结束",
    "cancelEventDefinition": "取消所在的事务子流程",
    "linkEventDefinition": "链接：跳到同一层同名的到达处",
    "terminateEventDefinition": "终止所在流程或子流程的全部分支",
    "message": "消息的声明",
    "signal": "信号的声明",
    "error": "错误的声明",
    "escalation": "升级的声明",
    "association": "补偿边界事件与补偿处理之间的关联；其他关联供阅读",
    "laneSet": "泳道，供阅读",
    "textAnnotation": "批注，供阅读",
    "group": "分组框，供阅读",
    "collaboration": "泳池，供阅读",
    "messageFlow": "消息流，供阅读；消息由事件发出和接收",
    "dataObject": "数据对象，供阅读；每一步都看得到全部变量",
    "dataObjectReference": "数据对象，供阅读",
    "dataStore": "数据存储，供阅读",
    "dataStoreReference": "数据存储，供阅读",
    "dataInputAssociation": "数据关联，供阅读",
    "dataOutputAssociation": "数据关联，供阅读",
    "ioSpecification": "数据的声明，供阅读",
    "property": "数据的声明，供阅读",
    "itemDefinition": "类型的声明，供阅读；类型写在表单与决策表里",
    "interface": "接口的声明，供阅读",
}

#: Elements of the standard that do not run: why, and what to draw instead.
REFUSED: Mapping[str, tuple[str, str]] = {
    "adHocSubProcess": ("不执行自由子流程：没有次序可循", "subProcess"),
    "complexGateway": ("不执行复杂网关", "exclusiveGateway、inclusiveGateway 或 parallelGateway"),
    "assignment": ("不执行数据关联里的赋值", "zeebe:ioMapping"),
    "transformation": ("不执行数据关联里的变换", "zeebe:ioMapping"),
    "loopDataInputRef": ("不执行 loopDataInputRef", "zeebe:loopCharacteristics 的 inputCollection"),
    "loopDataOutputRef": ("不执行 loopDataOutputRef", "zeebe:loopCharacteristics 的 outputCollection"),
    "inputDataItem": ("不执行 inputDataItem", "zeebe:loopCharacteristics 的 inputElement"),
    "outputDataItem": ("不执行 outputDataItem", "zeebe:loopCharacteristics 的 outputElement"),
    "complexBehaviorDefinition": ("不执行多实例的复杂行为", "completionCondition"),
    "eventDefinitionRef": ("不执行引用的事件定义", "直接写在事件里的事件定义"),
    "operationRef": ("不调用接口的操作", "zeebe:taskDefinition"),
    "script": ("不执行脚本语言", "zeebe:script 的 FEEL 表达式"),
    "rendering": ("不执行 rendering", "zeebe:formDefinition"),
    "potentialOwner": ("不执行 potentialOwner", "zeebe:assignmentDefinition"),
    "humanPerformer": ("不执行 humanPerformer", "zeebe:assignmentDefinition"),
    "performer": ("不执行 performer", "zeebe:assignmentDefinition"),
    "resourceRole": ("不执行 resourceRole", "zeebe:assignmentDefinition"),
    "choreography": ("不执行编排图", "process"),
    "globalUserTask": ("不执行全局任务", "process 内的 userTask"),
    "globalManualTask": ("不执行全局任务", "process 内的 userTask"),
    "globalScriptTask": ("不执行全局任务", "process 内的 scriptTask"),
    "globalBusinessRuleTask": ("不执行全局任务", "process 内的 businessRuleTask"),
    "globalTask": ("不执行全局任务", "process 内的 userTask"),
    "import": ("不读取其他文件", "写在同一文件里"),
    "correlationKey": ("不执行消息流上的关联", "bpmn:message 的 zeebe:subscription"),
    "correlationSubscription": ("不执行 correlationSubscription", "bpmn:message 的 zeebe:subscription"),
    "auditing": ("不执行 auditing；每一步都有记录", "删除该元素"),
    "monitoring": ("不执行 monitoring；每一步都有记录", "删除该元素"),
}

#: Of elements that run: what of them is refused, and what to use instead.
LIMITS: Mapping[str, tuple[str, str]] = {
    "definitions": ("不是 BPMN 2.0、XML 有误、有 DOCTYPE、过大或过深的文件；没有可执行的流程", "修正文件"),
    "process": ("没有开始事件，或有几个无类型开始事件；其他厂商的属性", "exclusiveGateway，或由消息、信号开始"),
    "startEvent": ("流程由定时或条件开始：没有发起人；补偿开始事件", "由人、消息或信号开始；补偿边界事件"),
    "endEvent": ("没有错误或升级代码；取消不在事务中", "写明代码；画在 transaction 内"),
    "intermediateCatchEvent": ("几个事件定义，或不能等待的种类", "eventBasedGateway 后的几个事件"),
    "intermediateThrowEvent": ("几个事件定义，或不能发出的种类", "先后几个事件"),
    "boundaryEvent": (
        "附在不等待的活动上，或其中永远不会发生该事件",
        "附在 userTask、receiveTask、callActivity、subProcess 上",
    ),
    "userTask": ("其他厂商的属性、监听器", "zeebe 扩展元素"),
    "serviceTask": ("没有 zeebe:taskDefinition；其他厂商的类、表达式、连接器", "zeebe:taskDefinition"),
    "sendTask": ("既没有 messageRef 也没有 zeebe:taskDefinition；其他厂商的实现", "messageRef"),
    "receiveTask": ("没有 messageRef；由它启动流程", "消息开始事件"),
    "businessRuleTask": ("没有 zeebe:calledDecision；其他厂商的实现", "zeebe:calledDecision"),
    "scriptTask": ("没有 zeebe:script；其他语言的脚本", "zeebe:script 的 FEEL 表达式"),
    "callActivity": ("没有 zeebe:calledElement；其他厂商的参数", "zeebe:calledElement 与 zeebe:ioMapping"),
    "subProcess": ("须恰有一个开始事件", "补画开始事件"),
    "eventBasedGateway": ("其后不是等待的事件；由它启动流程；并行事件网关", "intermediateCatchEvent 或 receiveTask"),
    "exclusiveGateway": ("多条流出而没有条件", "条件或默认流向"),
    "inclusiveGateway": ("多条流出而没有条件", "条件或默认流向"),
    "sequenceFlow": ("条件不是 FEEL；一端不存在；跨越子流程", "以 = 开头的 FEEL"),
    "multiInstanceLoopCharacteristics": ("列表、次数或条件不是 FEEL；其他厂商的属性", "zeebe:loopCharacteristics"),
    "standardLoopCharacteristics": ("既没有 loopCondition 也没有 loopMaximum", "以 = 开头的 FEEL"),
    "timerEventDefinition": ("不是 ISO 8601 或 FEEL，如 cron", "R/PT1H"),
    "messageEventDefinition": ("没有 messageRef，或消息没有名称", "bpmn:message 的 name"),
    "signalEventDefinition": ("没有 signalRef，或信号没有名称", "bpmn:signal 的 name"),
    "errorEventDefinition": ("发出时没有 errorCode；其他厂商的属性", "bpmn:error 的 errorCode"),
    "escalationEventDefinition": ("发出时没有 escalationCode；其他厂商的属性", "bpmn:escalation 的 escalationCode"),
    "conditionalEventDefinition": ("条件不是 FEEL；筛选条件所读以外的变量", "以 = 开头的 FEEL"),
    "compensateEventDefinition": ("不等补偿结束；补偿不存在的活动", "waitForCompletion 不写"),
    "linkEventDefinition": ("没有恰好一个同名的到达处", "intermediateCatchEvent"),
    "extensionElements": ("其他厂商的扩展元素，不能放在该处的 zeebe 扩展元素", "zeebe 扩展元素"),
}

#: Declarations that do nothing by themselves; whatever would use them otherwise than the reader does is refused.
DECLARATIONS = frozenset(
    {
        "message",
        "signal",
        "error",
        "escalation",
        "category",
        "correlationProperty",
        "resource",
        "partnerEntity",
        "partnerRole",
        "endPoint",
        "itemDefinition",
        "interface",
        "dataStore",
    }
)
#: Children of a process or sub-process that are for readers.
SILENT = frozenset(
    {
        "textAnnotation",
        "association",
        "group",
        "laneSet",
        "dataObject",
        "dataObjectReference",
        "dataStoreReference",
        "property",
        "ioSpecification",
        "documentation",
        "extensionElements",
        "incoming",
        "outgoing",
    }
)
#: Children of a collaboration that are for readers.
IN_COLLABORATION = frozenset(
    {"participant", "messageFlow", "documentation", "extensionElements", "textAnnotation", "association", "group"}
)
#: Data associations; what they hold is looked at too.
ASSOCIATIONS = frozenset({"dataInputAssociation", "dataOutputAssociation"})

#: The activities.
ACTIVITIES = frozenset(
    {
        "task",
        "manualTask",
        "userTask",
        "serviceTask",
        "sendTask",
        "receiveTask",
        "businessRuleTask",
        "scriptTask",
        "callActivity",
        "subProcess",
        "transaction",
    }
)
#: Where each kind of event may stand. "": without event definition; "startEvent" is that of a process.
EVENTS: Mapping[str, frozenset[str]] = {
    "startEvent": frozenset({"", "message", "signal"}),
    "subProcess startEvent": frozenset({""}),
    "event subProcess startEvent": frozenset({"timer", "message", "signal", "error", "escalation", "conditional"}),
    "intermediateCatchEvent": frozenset({"timer", "message", "signal", "conditional", "link"}),
    "intermediateThrowEvent": frozenset({"", "message", "signal", "escalation", "compensate", "link"}),
    "endEvent": frozenset({"", "message", "signal", "error", "escalation", "compensate", "cancel", "terminate"}),
    "boundaryEvent": frozenset(
        {"timer", "message", "signal", "error", "escalation", "conditional", "compensate", "cancel"}
    ),
}
#: What to use instead where an event may not stand.
_MISPLACED: Mapping[tuple[str, str], str] = {
    ("startEvent", "timer"): "定时开始没有发起人；请改由人、消息或信号开始，其后再用定时事件",
    ("startEvent", "conditional"): "条件开始没有发起人；请改由人、消息或信号开始，其后再用条件事件",
    ("startEvent", "error"): "错误只能在流程之内捕获；请改用错误边界事件或事件子流程",
    ("startEvent", "escalation"): "升级只能在流程之内捕获；请改用升级边界事件或事件子流程",
    ("startEvent", "compensate"): "请改用补偿边界事件与补偿处理",
    ("event subProcess startEvent", ""): "事件子流程须由一个事件开始；请写明事件定义",
    ("event subProcess startEvent", "compensate"): "请改用补偿边界事件与补偿处理",
    ("intermediateCatchEvent", ""): "须有一个事件定义，否则什么也不等",
    ("intermediateThrowEvent", "error"): "错误会中断流程；请改用错误结束事件",
    ("boundaryEvent", ""): "须有一个事件定义，否则永远不会触发",
}

#: Attributes of an element that mean nothing more than their default; any other value is refused.
_DEFAULTS: Mapping[str, Mapping[str, str]] = {
    "activity": {"startQuantity": "1", "completionQuantity": "1"},
    "process": {"isClosed": "false"},
    "startEvent": {"parallelMultiple": "false"},
    "intermediateCatchEvent": {"parallelMultiple": "false"},
    "boundaryEvent": {"parallelMultiple": "false"},
    "userTask": {"implementation": "##unspecified"},
    "serviceTask": {"implementation": "##WebService"},
    "sendTask": {"implementation": "##WebService"},
    "receiveTask": {"implementation": "##WebService", "instantiate": "false"},
    "businessRuleTask": {"implementation": "##unspecified"},
    "transaction": {"triggeredByEvent": "false", "method": "##Compensate"},
    "eventBasedGateway": {"instantiate": "false", "eventGatewayType": "Exclusive"},
    "multiInstanceLoopCharacteristics": {"behavior": "All"},
    "compensateEventDefinition": {"waitForCompletion": "true"},
    "sequenceFlow": {"isImmediate": "false"},
}
_EXPRESSION = frozenset({"language", "evaluatesToTypeRef", f"{{{XSI}}}type"})
_OWN: Mapping[str, frozenset[str]] = {
    "definitions": frozenset({"targetNamespace", "exporter", "exporterVersion", "expressionLanguage", "typeLanguage"}),
    "process": frozenset({"isExecutable", "processType", "definitionalCollaborationRef"}),
    "sequenceFlow": frozenset({"sourceRef", "targetRef"}),
    "startEvent": frozenset({"isInterrupting"}),
    "boundaryEvent": frozenset({"attachedToRef", "cancelActivity"}),
    "sendTask": frozenset({"messageRef"}),
    "receiveTask": frozenset({"messageRef"}),
    "subProcess": frozenset({"triggeredByEvent"}),
    "exclusiveGateway": frozenset({"default", "gatewayDirection"}),
    "inclusiveGateway": frozenset({"default", "gatewayDirection"}),
    "parallelGateway": frozenset({"gatewayDirection"}),
    "eventBasedGateway": frozenset({"gatewayDirection"}),
    "messageEventDefinition": frozenset({"messageRef"}),
    "signalEventDefinition": frozenset({"signalRef"}),
    "errorEventDefinition": frozenset({"errorRef"}),
    "escalationEventDefinition": frozenset({"escalationRef"}),
    "compensateEventDefinition": frozenset({"activityRef"}),
    "message": frozenset({"itemRef"}),
    "signal": frozenset({"structureRef"}),
    "error": frozenset({"errorCode", "structureRef"}),
    "escalation": frozenset({"escalationCode", "structureRef"}),
    "standardLoopCharacteristics": frozenset({"testBefore", "loopMaximum"}),
    "multiInstanceLoopCharacteristics": frozenset({"isSequential"}),
    "conditionExpression": _EXPRESSION,
    "completionCondition": _EXPRESSION,
    "loopCondition": _EXPRESSION,
    "loopCardinality": _EXPRESSION,
    "condition": _EXPRESSION,
    "timeDate": _EXPRESSION,
    "timeDuration": _EXPRESSION,
    "timeCycle": _EXPRESSION,
}
#: Attributes by which a modeller remembers the template a step was made from; they change nothing that runs.
_OF_THE_MODELLER = frozenset(
    f"{{{ZEEBE}}}{name}" for name in ("modelerTemplate", "modelerTemplateVersion", "modelerTemplateIcon")
)

_DATA = frozenset({"property", "ioSpecification", *ASSOCIATIONS})
#: How an activity says that it happens more than once.
LOOPS = frozenset({"standardLoopCharacteristics", "multiInstanceLoopCharacteristics"})
_CAUGHT = frozenset({"property", "dataOutput", "dataOutputAssociation", "outputSet"})
_THROWN = frozenset({"property", "dataInput", "dataInputAssociation", "inputSet"})
_DEFINITIONS = frozenset(
    {
        "timerEventDefinition",
        "messageEventDefinition",
        "signalEventDefinition",
        "errorEventDefinition",
        "escalationEventDefinition",
        "conditionalEventDefinition",
        "compensateEventDefinition",
        "cancelEventDefinition",
        "linkEventDefinition",
        "terminateEventDefinition",
    }
)
#: What else an element may hold, besides documentation, extensionElements, incoming and outgoing.
CHILDREN: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(ACTIVITIES - {"subProcess", "transaction"}, _DATA | LOOPS),
    "startEvent": _DEFINITIONS | _CAUGHT,
    "intermediateCatchEvent": _DEFINITIONS | _CAUGHT,
    "boundaryEvent": _DEFINITIONS | _CAUGHT,
    "intermediateThrowEvent": _DEFINITIONS | _THROWN,
    "endEvent": _DEFINITIONS | _THROWN,
    "multiInstanceLoopCharacteristics": frozenset({"loopCardinality", "completionCondition"}),
    "standardLoopCharacteristics": frozenset({"loopCondition"}),
    "timerEventDefinition": frozenset({"timeDate", "timeDuration", "timeCycle"}),
    "conditionalEventDefinition": frozenset({"condition"}),
    "linkEventDefinition": frozenset({"source", "target"}),
    "sequenceFlow": frozenset({"conditionExpression"}),
    **dict.fromkeys(ASSOCIATIONS, frozenset({"sourceRef", "targetRef"})),
}
_ORDER = frozenset({"taskDefinition", "taskHeaders", "ioMapping"})
#: Extension elements by the BPMN element that may hold them; ``properties`` may stand anywhere.
EXTENSIONS: Mapping[str, frozenset[str]] = {
    "process": frozenset({"versionTag"}),
    "startEvent": frozenset({"formDefinition", "ioMapping"}),
    "endEvent": _ORDER,
    "intermediateThrowEvent": _ORDER,
    "intermediateCatchEvent": frozenset({"ioMapping"}),
    "boundaryEvent": frozenset({"ioMapping"}),
    "task": frozenset(),
    "manualTask": frozenset(),
    "userTask": frozenset(
        {"userTask", "formDefinition", "assignmentDefinition", "taskSchedule", "priorityDefinition", "ioMapping"}
    ),
    "serviceTask": _ORDER,
    "sendTask": _ORDER,
    "receiveTask": frozenset({"ioMapping"}),
    "businessRuleTask": _ORDER | {"calledDecision"},
    "scriptTask": _ORDER | {"script"},
    "callActivity": frozenset({"calledElement", "ioMapping"}),
    "subProcess": frozenset({"ioMapping"}),
    "transaction": frozenset({"ioMapping"}),
    "exclusiveGateway": frozenset(),
    "parallelGateway": frozenset(),
    "inclusiveGateway": frozenset(),
    "eventBasedGateway": frozenset(),
    "sequenceFlow": frozenset(),
    "multiInstanceLoopCharacteristics": frozenset({"loopCharacteristics"}),
    "message": frozenset({"subscription"}),
    "conditionalEventDefinition": frozenset({"conditionalFilter"}),
}


def refusal(tag: str) -> str:
    """Why the BPMN element ``tag`` is refused and what to use instead."""
    if tag in REFUSED:
        why, instead = REFUSED[tag]
        return f"bpmn:{tag}：{why}；请改用{instead}"
    return f"bpmn:{tag}：不认识或不能放在这里的元素，不会执行；请删除"


def misplaced(place: str, kind: str) -> str:
    """Why an event of that kind may not stand at ``place`` (a key of EVENTS)."""
    where = f"bpmn:{place.split()[-1]}"
    what = f"{where} 的 {kind}EventDefinition" if kind else where
    if known := _MISPLACED.get((place, kind)):
        return f"{what}：{known}"
    if place == "subProcess startEvent":
        return f"{what}：嵌入式子流程随令牌到达而开始；请改用无类型开始事件，或事件子流程（triggeredByEvent）"
    return f"{what} 不执行；这里可用：{'、'.join(sorted(f'{one}EventDefinition' for one in EVENTS[place] if one))}"


def attribute_refusal(tag: str, name: str, value: str) -> str:
    """Why an attribute of a BPMN element is refused; "" when it is executed or says only the default."""
    if name in {"id", "name"} or name in _OWN.get(tag, ()) or name in _OF_THE_MODELLER:
        return ""
    if tag in ACTIVITIES and name in {"default", "isForCompensation"}:
        return ""
    default = _DEFAULTS.get(tag, {}).get(name) or (_DEFAULTS["activity"].get(name) if tag in ACTIVITIES else None)
    if default == value:
        return ""
    if default is not None:
        return f'{name}="{value}" 不执行；只能为 "{default}" 或不写'
    space, _, local = name.rpartition("}")
    if space[1:] in FOREIGN:
        return f"{FOREIGN[space[1:]]} 的属性 {local} 不执行；请改用 zeebe 扩展元素"
    if tag == "definitions" and space:
        return ""  # modeler:executionPlatform and the like describe the drawing tool
    if tag == "callActivity" and name == "calledElement":
        return "属性 calledElement 不执行；请改用 zeebe:calledElement 的 processId"
    return f"属性 {local} 不执行；请删除"
