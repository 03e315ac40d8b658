"""What import-model rewrites, for bpmn/README.md: element, what is found, what is written instead."""

from __future__ import annotations

from collections.abc import Mapping

REWRITTEN: Mapping[str, tuple[str, str]] = {
    "definitions": ("没有按声明的编码书写；绘图工具的附注；import", "UTF-8；删除"),
    "process": ('没有一个 isExecutable="true"；没有开始事件', 'isExecutable="true"；补画开始事件'),
    "sequenceFlow": ("没有 id；`${}` 条件；没有内容的条件", "id；FEEL；删除"),
    "startEvent": (
        "formKey、formRef、formData；消息开始的表单；供阅读的图里由定时、条件开始",
        "zeebe:formDefinition；由消息带来；消息开始",
    ),
    "intermediateCatchEvent": ("其后没有任何元素", "补画结束事件"),
    "boundaryEvent": ("附在没有写明怎样做的任务上", "该任务改为 userTask 或 callActivity"),
    "task": ("其上有定时、消息等边界事件", "userTask"),
    "userTask": (
        "assignee、candidateUsers、candidateGroups、potentialOwner；dueDate、followUpDate、priority；formKey、formRef、formData",
        "zeebe:assignmentDefinition、taskSchedule、priorityDefinition、formDefinition",
    ),
    "serviceTask": (
        "外部任务 topic；class、delegateExpression 的名称；能译的 expression；没有写明做什么",
        "zeebe:taskDefinition；scriptTask；以 id 为名",
    ),
    "sendTask": ("外部任务 topic；没有 messageRef", "zeebe:taskDefinition；按名称声明消息"),
    "businessRuleTask": ("decisionRef；没有写明决策", "zeebe:calledDecision；以 id 为名"),
    "scriptTask": ("一个能译的表达式；没有脚本", "zeebe:script；task"),
    "callActivity": ("calledElement、in、out；对全局任务的调用", "zeebe:calledElement、zeebe:ioMapping；该任务"),
    "subProcess": ("内部没有任何元素；只触发补偿的补偿事件子流程", "task；删除（本来如此）"),
    "exclusiveGateway": ("一条流出没有条件；都没有条件；供阅读的文字条件", "默认流向；以网关 id 为名的变量"),
    "inclusiveGateway": ("流出没有条件", "=true；供阅读的图里为变量"),
    "multiInstanceLoopCharacteristics": (
        "collection、elementVariable、loopDataInputRef；没有写明",
        "zeebe:loopCharacteristics；以 id 为名的变量",
    ),
    "standardLoopCharacteristics": ("没有写明条件", "以 id 为名的变量"),
    "timerEventDefinition": ("`${}` 表达式；没有写明时间", "FEEL；以 id 为名的变量"),
    "messageEventDefinition": ("没有 messageRef；messageFlow 的两端", "按名称声明消息；同一消息"),
    "signalEventDefinition": ("没有 signalRef", "按名称声明信号"),
    "errorEventDefinition": ("没有 errorRef、errorCode；errorCodeVariable", "按名称声明错误；output"),
    "escalationEventDefinition": ("没有 escalationRef、escalationCode", "按名称声明升级"),
    "conditionalEventDefinition": ("`${}` 条件；文字条件", "FEEL；以 id 为名的变量"),
    "linkEventDefinition": ("没有 name", "事件的名称"),
    "extensionElements": (
        "camunda:inputOutput、camunda:properties；异步、重试、保留期",
        "zeebe:ioMapping、zeebe:properties；删除",
    ),
    "globalTask": ("被调用的全局任务（globalUserTask 等）", "调用处改为该任务"),
}
