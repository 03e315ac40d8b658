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
#: The expression language of conditions, as Camunda Modeler writes it when it writes it at all.
FEEL_LANGUAGES = frozenset(
    {"feel", "http://www.omg.org/spec/FEEL/20140401", "https://www.omg.org/spec/DMN/20191111/FEEL/"}
)

#: Elements that run, and what they do here.
RUNS: Mapping[str, str] = {
    "process": '可执行流程（isExecutable="true"），恰有一个开始事件',
    "startEvent": "无类型开始事件，可带表单",
    "endEvent": "结束所到达的分支；带 terminateEventDefinition 时结束所在流程或子流程的全部分支",
    "userTask": "等待一个人办理",
    "multiInstanceLoopCharacteristics": "在 userTask 上：列表的每一项办理一次，同时或依次，可提前结束",
    "serviceTask": "按 zeebe:taskDefinition 的 type 发出一条指令，随即通过",
    "businessRuleTask": "调用 zeebe:calledDecision 的决策，结果写入 resultVariable",
    "scriptTask": "计算 zeebe:script 的 FEEL 表达式，结果写入 resultVariable",
    "exclusiveGateway": "按书写次序取第一个成立的条件，否则走默认流向",
    "parallelGateway": "等齐每条流入各一个令牌，再走全部流出；可在循环内",
    "inclusiveGateway": "走全部成立的流出，否则走默认流向；汇合时等待仍可能到达的令牌",
    "subProcess": "嵌入式子流程，内部恰有一个开始事件",
    "intermediateCatchEvent": "带 timerEventDefinition：等到某一时刻",
    "boundaryEvent": "带 timerEventDefinition：附在用户任务或子流程上，可中断或不中断",
    "timerEventDefinition": "timeDate 或 timeDuration，ISO 8601 或 FEEL",
    "terminateEventDefinition": "终止结束事件",
    "sequenceFlow": "顺序流；条件为 FEEL，离开任务的条件流与默认流亦按标准执行",
    "laneSet": "泳道，供阅读",
    "textAnnotation": "批注，供阅读",
    "association": "批注的连线，供阅读",
    "group": "分组框，供阅读",
    "collaboration": "泳池，供阅读",
}

#: Elements of the standard that do not run: why, and what to draw instead.
REFUSED: Mapping[str, tuple[str, str]] = {
    "task": ("未注明由谁执行的任务不会执行", "userTask、serviceTask 或 scriptTask"),
    "manualTask": ("手工任务不会被等待，也不会留下办理记录", "userTask"),
    "sendTask": ("尚不执行消息", "serviceTask 发出通知指令"),
    "receiveTask": ("尚不执行消息", "userTask，由收到的人登记"),
    "callActivity": ("尚不执行调用活动", "subProcess"),
    "transaction": ("尚不执行事务子流程", "subProcess"),
    "adHocSubProcess": ("不执行自由子流程", "subProcess"),
    "eventBasedGateway": ("尚不执行事件网关", "附在 userTask 上的定时边界事件"),
    "complexGateway": ("不执行复杂网关", "exclusiveGateway、inclusiveGateway 或 parallelGateway"),
    "intermediateThrowEvent": ("尚不执行抛出事件", "serviceTask"),
    "messageEventDefinition": ("尚不执行消息事件", "userTask 或 serviceTask"),
    "signalEventDefinition": ("尚不执行信号事件", "exclusiveGateway 上的条件"),
    "errorEventDefinition": ("尚不执行错误事件", "exclusiveGateway 上的条件"),
    "escalationEventDefinition": ("尚不执行升级事件", "不中断的定时边界事件"),
    "conditionalEventDefinition": ("尚不执行条件事件", "exclusiveGateway 上的条件"),
    "compensateEventDefinition": ("尚不执行补偿", "画出撤销的步骤"),
    "cancelEventDefinition": ("尚不执行取消事件", "exclusiveGateway 上的条件"),
    "linkEventDefinition": ("尚不执行链接事件", "直接画顺序流"),
    "timeCycle": ("尚不执行循环定时", "画一条回到定时事件的顺序流"),
    "multiInstanceLoopCharacteristics": ("多实例只在 userTask 上执行", "userTask，或 exclusiveGateway 与返回的顺序流"),
    "loopCardinality": ("不执行固定次数的多实例", "zeebe:loopCharacteristics 的 inputCollection"),
    "standardLoopCharacteristics": ("尚不执行循环任务", "exclusiveGateway 与返回的顺序流"),
    "dataObject": ("不执行数据对象；数据是流程变量", "textAnnotation"),
    "dataObjectReference": ("不执行数据对象；数据是流程变量", "textAnnotation"),
    "dataStore": ("不执行数据存储", "serviceTask"),
    "dataStoreReference": ("不执行数据存储", "serviceTask"),
    "dataInputAssociation": ("不执行数据关联", "zeebe:ioMapping"),
    "dataOutputAssociation": ("不执行数据关联", "zeebe:ioMapping"),
    "ioSpecification": ("不执行 ioSpecification", "zeebe:ioMapping"),
    "property": ("不执行 property", "流程变量"),
    "script": ("不执行脚本语言", "zeebe:script 的 FEEL 表达式"),
    "rendering": ("不执行 rendering", "zeebe:formDefinition"),
    "potentialOwner": ("不执行 potentialOwner", "zeebe:assignmentDefinition"),
    "humanPerformer": ("不执行 humanPerformer", "zeebe:assignmentDefinition"),
    "performer": ("不执行 performer", "zeebe:assignmentDefinition"),
    "resourceRole": ("不执行 resourceRole", "zeebe:assignmentDefinition"),
    "messageFlow": ("尚不执行消息流", "textAnnotation"),
    "choreography": ("不执行编排图", "process"),
    "globalUserTask": ("不执行全局任务", "process 内的 userTask"),
    "globalManualTask": ("不执行全局任务", "process 内的 userTask"),
    "globalScriptTask": ("不执行全局任务", "process 内的 scriptTask"),
    "globalBusinessRuleTask": ("不执行全局任务", "process 内的 businessRuleTask"),
    "globalTask": ("不执行全局任务", "process 内的 userTask"),
    "import": ("不读取其他文件", "写在同一文件里"),
    "itemDefinition": ("不执行类型声明", "表单与决策表里的类型"),
    "interface": ("不执行接口声明", "serviceTask 的 zeebe:taskDefinition"),
    "correlationSubscription": ("尚不执行消息关联", "userTask"),
    "auditing": ("不执行 auditing；每一步都有记录", "删除该元素"),
    "monitoring": ("不执行 monitoring；每一步都有记录", "删除该元素"),
}

#: Declarations that do nothing by themselves; whatever would use them is refused above.
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
    }
)

#: Attributes of an element that mean nothing more than their default; any other value is refused.
_DEFAULTS: Mapping[str, Mapping[str, str]] = {
    "activity": {"isForCompensation": "false", "startQuantity": "1", "completionQuantity": "1"},
    "process": {"isClosed": "false"},
    "startEvent": {"isInterrupting": "true", "parallelMultiple": "false"},
    "intermediateCatchEvent": {"parallelMultiple": "false"},
    "boundaryEvent": {"parallelMultiple": "false"},
    "subProcess": {"triggeredByEvent": "false"},
    "sequenceFlow": {"isImmediate": "false"},
}
_OWN: Mapping[str, frozenset[str]] = {
    "definitions": frozenset({"targetNamespace", "exporter", "exporterVersion", "expressionLanguage", "typeLanguage"}),
    "process": frozenset({"isExecutable", "processType"}),
    "sequenceFlow": frozenset({"sourceRef", "targetRef"}),
    "boundaryEvent": frozenset({"attachedToRef", "cancelActivity"}),
    "exclusiveGateway": frozenset({"default", "gatewayDirection"}),
    "inclusiveGateway": frozenset({"default", "gatewayDirection"}),
    "parallelGateway": frozenset({"gatewayDirection"}),
    "conditionExpression": frozenset({"language", f"{{{XSI}}}type"}),
    "completionCondition": frozenset({"language", f"{{{XSI}}}type"}),
    "multiInstanceLoopCharacteristics": frozenset({"isSequential"}),
    "timeDate": frozenset({f"{{{XSI}}}type"}),
    "timeDuration": frozenset({f"{{{XSI}}}type"}),
}
#: The activities: tasks and sub-processes.
ACTIVITIES = frozenset({"userTask", "serviceTask", "businessRuleTask", "scriptTask", "subProcess"})
#: What else an element may hold, besides documentation, extensionElements, incoming and outgoing.
CHILDREN: Mapping[str, frozenset[str]] = {
    "startEvent": frozenset(),
    "userTask": frozenset({"multiInstanceLoopCharacteristics"}),
    "multiInstanceLoopCharacteristics": frozenset({"completionCondition"}),
    "endEvent": frozenset({"terminateEventDefinition"}),
    "intermediateCatchEvent": frozenset({"timerEventDefinition"}),
    "boundaryEvent": frozenset({"timerEventDefinition"}),
    "timerEventDefinition": frozenset({"timeDate", "timeDuration"}),
    "sequenceFlow": frozenset({"conditionExpression"}),
}
#: Extension elements by the BPMN element that may hold them.
EXTENSIONS: Mapping[str, frozenset[str]] = {
    "process": frozenset({"properties"}),
    "startEvent": frozenset({"properties", "formDefinition"}),
    "endEvent": frozenset({"properties"}),
    "userTask": frozenset(
        {
            "properties",
            "userTask",
            "formDefinition",
            "assignmentDefinition",
            "taskSchedule",
            "priorityDefinition",
            "ioMapping",
        }
    ),
    "multiInstanceLoopCharacteristics": frozenset({"loopCharacteristics"}),
    "serviceTask": frozenset({"properties", "taskDefinition", "taskHeaders", "ioMapping"}),
    "businessRuleTask": frozenset({"properties", "calledDecision", "ioMapping"}),
    "scriptTask": frozenset({"properties", "script", "ioMapping"}),
    "exclusiveGateway": frozenset({"properties"}),
    "parallelGateway": frozenset({"properties"}),
    "inclusiveGateway": frozenset({"properties"}),
    "subProcess": frozenset({"properties"}),
    "intermediateCatchEvent": frozenset({"properties"}),
    "boundaryEvent": frozenset({"properties"}),
    "sequenceFlow": frozenset({"properties"}),
}


def refusal(tag: str) -> str:
    """Why the BPMN element ``tag`` is refused and what to use instead."""
    if tag in REFUSED:
        why, instead = REFUSED[tag]
        return f"bpmn:{tag}：{why}；请改用{instead}"
    return f"bpmn:{tag}：不认识或不能放在这里的元素，不会执行；请删除"


def attribute_refusal(tag: str, name: str, value: str) -> str:
    """Why an attribute of a BPMN element is refused; "" when it is executed or says only the default."""
    if name in {"id", "name"} or name in _OWN.get(tag, ()):
        return ""
    if tag in ACTIVITIES and name == "default":
        return ""
    default = _DEFAULTS.get(tag, {}).get(name) or (_DEFAULTS["activity"].get(name) if tag in ACTIVITIES else None)
    if default == value:
        return ""
    if name == "triggeredByEvent":
        return f'{name}="{value}"：尚不执行事件子流程；请改用附在子流程上的边界事件'
    if default is not None:
        return f'{name}="{value}" 不执行；只能为 "{default}" 或不写'
    space, _, local = name.rpartition("}")
    if space[1:] in FOREIGN:
        return f"{FOREIGN[space[1:]]} 的属性 {local} 不执行；请改用 zeebe 扩展元素"
    if tag == "definitions" and space:
        return ""  # modeler:executionPlatform and the like describe the drawing tool
    return f"属性 {local} 不执行；请删除"
