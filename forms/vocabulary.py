"""What a form file may say: component types, their attributes, our custom properties. Anything else is refused, never ignored."""

from __future__ import annotations

import re
from types import MappingProxyType

#: form-js schema versions that this reader was checked against (form-js 1.23 writes 19).
SCHEMA_VERSIONS = range(14, 20)

_COMMON = frozenset({"id", "type", "layout", "properties", "conditional"})
_ASKS = _COMMON | {"key", "label", "description", "validate", "readonly", "defaultValue"}
_CHOICE = _ASKS | {"values", "valuesExpression"}

#: form-js component type -> attributes that are executed here.
ATTRIBUTES = MappingProxyType(
    {
        "textfield": _ASKS | {"appearance"},
        "textarea": _ASKS,
        "number": _ASKS | {"appearance", "decimalDigits", "serializeToString"},
        "datetime": _ASKS | {"subtype", "dateLabel", "timeLabel", "use24h", "timeInterval", "timeSerializingFormat"},
        "checkbox": _ASKS,
        "radio": _CHOICE,
        "select": _CHOICE | {"searchable"},
        "checklist": _CHOICE,
        "filepicker": _ASKS | {"accept", "multiple"},
        "expression": _COMMON | {"key", "expression", "computeOn"},
        "text": _COMMON | {"text"},
        "separator": _COMMON,
        "spacer": _COMMON | {"height"},
        "group": _COMMON | {"label", "path", "components", "showOutline", "verticalAlignment"},
        "dynamiclist": _COMMON
        | {
            "label", "path", "components", "showOutline", "verticalAlignment", "isRepeating", "allowAddRemove",
            "defaultRepetitions", "disableCollapse", "nonCollapsedItems", "readonly",
        },
    }
)  # fmt: skip

#: Known to form-js, but not drawn here; what to use instead.
INSTEAD = MappingProxyType(
    {
        "taglist": "checklist",
        "html": "text",
        "button": "the action bar of the page (it needs no button in the form)",
        "table": "dynamiclist",
        "image": "a filepicker with the property kind = photo",
        "iframe": "text",
        "documentPreview": "a filepicker; the page shows the stored files",
    }
)

ROOT_ATTRIBUTES = frozenset(
    {"type", "id", "components", "schemaVersion", "properties", "exporter", "executionPlatform", "executionPlatformVersion"}
)
ROOT_PROPERTIES = frozenset({"name", "documentation", "reads"})

#: Custom properties of a field, by what reads them.
FIELD_PROPERTIES = frozenset(
    {
        "kind", "personal", "retention", "required_when", "prefill", "policy", "birth_date", "max_mb", "min_files",
        "max_files", "label", "decimals",
    }
)  # fmt: skip
TABLE_PROPERTIES = frozenset({"min_rows", "max_rows", "prefill", "description", "policy"})
NOTE_PROPERTIES = frozenset({"policy"})
RULE_PROPERTY = re.compile(r"^(?P<what>rule|warning)(?P<number>_[1-9])?(?P<part>_message|_code)?$")

VALIDATE = frozenset(
    {"required", "min", "max", "minLength", "maxLength", "pattern", "patternErrorMessage", "validationType"}
)

#: Codes a rule of a form may carry (domain.md 3.0.3, and ours: E_RANGE, E_ROWS, E_RULE).
RULE_CODES = frozenset(
    {
        "E_REQUIRED", "E_FORMAT", "E_OPTION", "E_DATE_ORDER", "E_IDCARD", "E_MONEY", "E_SUM", "E_QUORUM", "E_FILE",
        "E_TEXT", "E_RANGE", "E_ROWS", "E_RULE",
    }
)  # fmt: skip

#: Kinds a component type can be, the first being the default.
KINDS_OF = MappingProxyType(
    {
        "textfield": ("text", "id_card", "phone", "email", "person", "organisation"),
        "textarea": ("textarea",),
        "number": ("number", "money"),
        "datetime": ("date", "datetime"),
        "checkbox": ("checkbox",),
        "radio": ("radio",),
        "select": ("select",),
        "checklist": ("checklist",),
        "filepicker": ("attachment", "photo", "sign"),
        "expression": ("computed",),
    }
)

#: Kinds that are personal data whatever their label says.
PERSONAL_KINDS = frozenset({"id_card", "phone", "email", "photo", "sign", "person"})
#: Words in a label that mean personal data (《个人信息保护法》 art. 4 and 28, GB/T 35273 annex A and B).
PERSONAL_WORDS = (
    "姓名", "性别", "出生", "民族", "政治面貌", "身份证", "电话", "手机", "邮箱", "住址", "照片", "证件照", "签名",
    "身体状况", "健康", "体检", "处分", "审查情况", "亲属", "学历", "学位", "职称", "教师资格证", "年度考核", "师德",
    "经历",
)  # fmt: skip

#: Names every form may read without saying so: the house's values, and form-js's own names in a row.
HOUSE_NAMES = frozenset({"policy", "instance", "task", "this", "parent", "i", "_this_", "_parent_", "_i_", "data"})
#: Functions of the house that a form may call (workflows.policies.functions and the page's own).
HOUSE_FUNCTIONS = frozenset(
    {"teaching months", "working days", "working days after", "due", "school year", "role", "bureau of", "type of", "vacancies of"}
)

#: Keys that a WTForms class or an expression needs for itself.
RESERVED_KEYS = frozenset(
    {
        "data", "errors", "meta", "process", "validate", "populate_obj", "form_errors", "formdata", "obj", "prefix",
        "extra_filters", "csrf_token", "this", "parent", "i", "instance", "task", "policy",
    }
)  # fmt: skip

KEY = re.compile(r"^[a-z][a-z0-9_]{0,59}$")
FORM_ID = re.compile(r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")
COMPONENT_ID = re.compile(r"^[A-Za-z_][A-Za-z0-9_-]{0,79}$")
