"""Forms, people and dates of Camunda 7, Activiti and Flowable, said in the dialect."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from workflows.engine.moments import due_moment, span
from workflows.foreign_models.model import FOREIGN_TEXT, Model, bpmn, local
from workflows.foreign_models.vendor import Vendor


class People(Vendor):
    """Who does what on which paper, by when."""

    def translate(self) -> None:
        """Every process, form, assignment and date."""
        model = self._model
        for start in model.every("startEvent"):
            model.initiator = self._take(start, "initiator") or model.initiator
        for process in model.every("process"):
            self._process(process)
        for element in model.every("startEvent", "userTask"):
            self._form(element)
        for element in model.every("userTask"):
            self._people(element)
            self._dates(element)
        for owner in model.every("potentialOwner", "humanPerformer", "performer", "resourceRole"):
            element = owner.getparent()
            if local(element) != "userTask":
                model.rewritten(element, f"删除 {local(owner)}：{local(element)} 不由人办理，{local(owner)} 只供阅读")
                model.drop(owner)
        self._properties()

    def _process(self, process: Any) -> None:
        tag = self._take(process, "versionTag")
        if tag:
            self._model.extension(process, "versionTag").set("value", tag)
            self._model.rewritten(process, f"versionTag {tag} 改写为 zeebe:versionTag")

    def _properties(self) -> None:
        for element in list(self._model.root.iter()):
            for given in self._given(element, "properties"):
                if element.tag == bpmn(local(element)):
                    holder = self._model.extension(element, "properties")
                    for one in given:
                        name, value = one.get("name") or one.get("id", ""), one.get("value", "")
                        if name and all(old.get("name") != name for old in holder):
                            holder.append(
                                holder.makeelement(
                                    holder.tag[: -len("properties")] + "property", {"name": name, "value": value}
                                )
                            )
                    self._model.drop(given)
                    self._model.rewritten(element, "camunda:properties 改写为 zeebe:properties")

    def _form(self, element: Any) -> None:
        model = self._model
        given = self._given(element, "formData", "formProperty")
        key, ref = self._peek(element, "formKey"), self._peek(element, "formRef")
        binding = self._peek(element, "formRefBinding") or "deployment"
        if ref and (FOREIGN_TEXT.search(ref) or binding == "version"):
            return  # a computed form, or one version of it: nothing here says that
        if key and FOREIGN_TEXT.search(key):
            return
        if not (key or ref or given):
            return
        form = ref or (form_id(key) if key else f"{_process_id(element)}.{model.word(element)}")
        for name in ("formKey", "formRef", "formRefBinding", "formRefVersion"):
            self._take(element, name)
        if any(local(child).endswith("EventDefinition") for child in element):
            model.rewritten(element, f"删除开始事件上的表单 {key or ref}：由消息或信号开始时没有人填写")
            model.provide(element, f"随消息或信号带来表单 {form} 的内容")
            return
        model.extension(element, "formDefinition").set("formId", form)
        model.rewritten(element, f"表单 {key or ref or '（写在图中的字段）'} 改写为 zeebe:formDefinition formId={form}")
        fields = [
            _field(one)
            for holder in given
            for one in ([holder] if local(holder) == "formProperty" else holder)
            if local(one) in {"formField", "formProperty"}
        ]
        if fields:
            model.provide(element, f"表单 {form} 的字段：{'；'.join(fields)}")
        for holder in given:
            model.drop(holder)

    def _people(self, element: Any) -> None:
        for name in ("assignee", "candidateUsers", "candidateGroups"):
            text = self._peek(element, name)
            if text is None:
                continue
            value = self._list(text) if name != "assignee" else self._model.value(text)
            if value is not None:
                self._take(element, name)
                if value:
                    self._model.extension(element, "assignmentDefinition").set(name, value)
                    self._model.rewritten(element, f"{name} {text} 改写为 zeebe:assignmentDefinition {name}={value}")
        for owner in [
            *element.findall(bpmn("potentialOwner")),
            *element.findall(bpmn("humanPerformer")),
            *element.findall(bpmn("performer")),
            *element.findall(bpmn("resourceRole")),
        ]:
            self._owner(element, owner)

    def _owner(self, element: Any, owner: Any) -> None:
        """Who does it, as the standard writes it: a resource, or the engines' `user(a), group(b)`."""
        model = self._model
        reference = owner.find(bpmn("resourceRef"))
        text = "".join(one.text or "" for one in owner.iter(bpmn("formalExpression"))).strip()
        users: list[str] = []
        groups: list[str] = []
        if reference is not None:
            wanted = (reference.text or "").strip().rpartition(":")[2]
            named = [one.get("name") for one in model.every("resource") if one.get("id") == wanted]
            groups = [str(named[0] or wanted) if named else wanted]
        elif text and local(owner) == "humanPerformer" and not FOREIGN_TEXT.search(text):
            users = [text]
        elif text and not FOREIGN_TEXT.search(text):
            for part in re.split(r",\s*(?![^(]*\))", text):
                found = re.fullmatch(r"(user|group)\((.*)\)", part.strip())
                (users if found and found[1] == "user" else groups).append(found[2] if found else part.strip())
        elif text:
            return
        definition = model.extension(element, "assignmentDefinition") if users or groups else None
        for name, values in (("candidateUsers", users), ("candidateGroups", groups)):
            if values and definition is not None:
                known = [definition.get(name)] if definition.get(name) else []
                definition.set(name, ", ".join([*known, *values]))
        model.rewritten(
            element, f"{local(owner)} 改写为 zeebe:assignmentDefinition：{'、'.join(users + groups) or '没有写明'}"
        )
        model.drop(owner)

    def _list(self, text: str) -> str | None:
        """Names separated by commas, some of them computed."""
        if not FOREIGN_TEXT.search(text):
            return ", ".join(part.strip() for part in text.split(",") if part.strip())
        parts = [part.strip() for part in re.split(r",(?![^{]*\})", text) if part.strip()]
        values = [self._model.formula(part) if FOREIGN_TEXT.search(part) else f'="{part}"' for part in parts]
        if None in values:
            return None
        found = [str(value)[1:] for value in values]
        return "=" + (found[0] if len(found) == 1 else f"[{', '.join(found)}]")

    def _dates(self, element: Any) -> None:
        for name in ("dueDate", "followUpDate"):
            text = self._peek(element, name)
            value = _date(self._model, text) if text else None
            if text and value is not None:
                self._take(element, name)
                self._model.extension(element, "taskSchedule").set(name, value)
                self._model.rewritten(element, f"{name} {text} 改写为 zeebe:taskSchedule {name}={value}")
        text = self._peek(element, "priority")
        value = self._model.value(text) if text else None
        if text and value and (value.startswith("=") or (value.isdecimal() and int(value) <= 100)):
            self._take(element, "priority")
            self._model.extension(element, "priorityDefinition").set("priority", value)
            self._model.rewritten(element, f"priority {text} 改写为 zeebe:priorityDefinition")


def _process_id(element: Any) -> str:
    process = next(one for one in element.iterancestors() if local(one) == "process")
    return re.sub(r"\W", "_", process.get("id", "process"))


def form_id(key: str) -> str:
    """`embedded:app:forms/task.html` → `forms.task`: a form is named by dots here."""
    name = re.sub(r"^(embedded|camunda-forms):(\w+:)?", "", key.strip())
    name = re.sub(r"\.\w+$", "", name.removeprefix("app:").removeprefix("deployment:"))
    return ".".join(part for part in re.split(r"[^\w-]+", name) if part) or "form"


def _field(element: Any) -> str:
    """A form field in words: key, label, type, what must hold."""
    holds = [f"{one.get('name')}={one.get('config', 'true')}" for one in element.iter() if local(one) == "constraint"]
    holds += [f"{name}={element.get(name)}" for name in ("required", "readable", "writable") if element.get(name)]
    words = [element.get("id", ""), element.get("label") or element.get("name") or "", element.get("type", ""), *holds]
    return " ".join(word for word in words if word)


def _date(model: Model, text: str) -> str | None:
    if FOREIGN_TEXT.search(text):
        return model.formula(text)
    checks: tuple[tuple[Callable[[str], Any], str], ...] = (
        (due_moment, text.strip()),
        (span, f'=now() + duration("{text.strip()}")'),
    )
    for check, value in checks:
        try:
            check(text.strip())
        except ValueError:
            continue
        return value
    return None
