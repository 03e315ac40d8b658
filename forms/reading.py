"""form-js JSON -> ``spec`` items, component by component, collecting every defect instead of stopping at the first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from workflows import feel
from workflows.errors import Problem

from . import patterns
from . import vocabulary as words
from .spec import FILE_KINDS, Field, Item, Limits, Note, Option, Personal, Rule, Section, Table
from .templates import TemplateError, parse

#: Bytes in a megabyte as the office counts an attachment.
MEGABYTE = 1024 * 1024


class Reader:
    """Reads the components of one file; ``problems`` fills up as it goes."""

    def __init__(self, file: str, text: str, names: Collection[str]) -> None:
        self.file = file
        self._text = text
        #: Every name an expression of this form may start from.
        self.names = frozenset(names) | words.HOUSE_NAMES
        self.problems: list[Problem] = []
        self._ids: set[str] = set()

    def items(self, components: object, element: str) -> tuple[Item, ...]:
        """Read a list of components."""
        if not isinstance(components, list):
            self.refuse(element, "components must be a list")
            return ()
        read = (self.item(component) for component in components)
        return tuple(item for item in read if item is not None)

    def item(self, raw: object) -> Item | None:
        """Read one component; None for drawings without meaning (separator, spacer) and for what was refused."""
        if not isinstance(raw, dict):
            self.refuse("", "a component must be an object")
            return None
        identity, kind = raw.get("id"), raw.get("type")
        element = str(raw.get("key") or raw.get("path") or identity or "")
        if not isinstance(identity, str) or not words.COMPONENT_ID.match(identity):
            self.refuse(element, "id is missing or malformed")
            return None
        if identity in self._ids:
            self.refuse(identity, "id is used twice")
        self._ids.add(identity)
        if not isinstance(kind, str) or kind not in words.ATTRIBUTES:
            instead = words.INSTEAD.get(str(kind))
            self.refuse(identity, f"component type {kind!r} is not drawn here" + (f"; use {instead}" if instead else ""))
            return None
        self._only(raw, words.ATTRIBUTES[kind], identity, "attribute")
        properties = self._properties(raw, identity)
        hide = self._hide(raw, identity)
        match kind:
            case "separator" | "spacer":
                return None
            case "text":
                return self._note(raw, identity, properties, hide)
            case "group":
                return self._section(raw, identity, properties, hide)
            case "dynamiclist":
                return self._table(raw, identity, properties, hide)
            case _:
                return self._field(raw, kind, properties, hide)

    # -- kinds of component ---------------------------------------------------------------------------------------

    def _note(
        self, raw: dict[str, Any], identity: str, properties: dict[str, str], hide: feel.Expression | None
    ) -> Note:
        self._only(properties, words.NOTE_PROPERTIES, identity, "property")
        text = raw.get("text")
        if not isinstance(text, str) or not text.strip():
            self.refuse(identity, "text is empty")
            text = ""
        self.template(text, identity)
        return Note(id=identity, text=text, hide=hide, policy_keys=_list(properties.get("policy")))

    def _section(
        self, raw: dict[str, Any], identity: str, properties: dict[str, str], hide: feel.Expression | None
    ) -> Section:
        self._only(properties, frozenset(), identity, "property")
        path = raw.get("path") or ""
        if path and not (isinstance(path, str) and words.KEY.match(path)):
            self.refuse(identity, f"path {path!r} must be one lower-case name")
            path = ""
        return Section(
            id=identity,
            label=self._label(raw, identity),
            path=path,
            hide=hide,
            items=self.items(raw.get("components", []), identity),
        )

    def _table(
        self, raw: dict[str, Any], identity: str, properties: dict[str, str], hide: feel.Expression | None
    ) -> Table:
        key = self._key(raw.get("path"), identity)
        plain, rules = self._rules(properties, key)
        self._only(plain, words.TABLE_PROPERTIES, key, "property")
        if raw.get("isRepeating") is not True:
            self.refuse(key, "isRepeating must be true: a list that does not repeat is a group")
        fixed = raw.get("allowAddRemove") is False
        prefill = self._property_feel(plain, "prefill", key)
        if fixed and prefill is None:
            self.refuse(key, "rows that nobody may add (allowAddRemove = false) need the property prefill")
        items = self.items(raw.get("components", []), identity)
        if not items:
            self.refuse(key, "a table has at least one field")
        return Table(
            id=identity,
            key=key,
            label=self._label(raw, identity),
            description=self.template(plain.get("description", ""), key),
            hide=hide,
            readonly=self._readonly(raw.get("readonly"), key),
            items=items,
            min_rows=self._count(plain, "min_rows", key, 0),
            max_rows=self._count(plain, "max_rows", key, 50),
            default_rows=self._default_rows(raw.get("defaultRepetitions", 1), key),
            fixed_rows=fixed,
            prefill=prefill,
            rules=rules,
            policy_keys=_list(plain.get("policy")),
        )

    def _field(
        self, raw: dict[str, Any], type_: str, properties: dict[str, str], hide: feel.Expression | None
    ) -> Field:
        key = self._key(raw.get("key"), str(raw["id"]))
        plain, rules = self._rules(properties, key)
        self._only(plain, words.FIELD_PROPERTIES, key, "property")
        kind = self._kind(raw, type_, plain, key)
        label = plain.get("label", "") if type_ == "expression" else self._label(raw, key)
        if not label:
            self.refuse(key, "a computed value needs the property label: it is shown and recorded")
        expression = self._feel(raw.get("expression"), key, "expression") if type_ == "expression" else None
        if type_ == "expression" and expression is None:
            self.refuse(key, "a computed value needs an expression beginning with '='")
        validate = raw.get("validate", {})
        if not isinstance(validate, dict):
            self.refuse(key, "validate must be an object")
            validate = {}
        self._only(validate, words.VALIDATE, key, "validate")
        required = validate.get("required", False)
        if not isinstance(required, bool):
            self.refuse(key, "validate.required is true or false; a condition goes into the property required_when")
        prefill = self._property_feel(plain, "prefill", key)
        if prefill is None and "defaultValue" in raw:
            prefill = self._literal(raw["defaultValue"], key)
        description = raw.get("description", "")
        options, options_from = self._options(raw, kind, key)
        columns = raw.get("layout", {}).get("columns") if isinstance(raw.get("layout"), dict) else None
        return Field(
            id=str(raw["id"]),
            key=key,
            kind=kind,
            type=type_,
            label=label,
            description=self.template(description, key) if isinstance(description, str) else "",
            required=required is True,
            required_when=self._property_feel(plain, "required_when", key),
            limits=self._limits(raw, validate, plain, kind, key),
            options=options,
            options_from=options_from,
            hide=hide,
            readonly=self._readonly(raw.get("readonly"), key),
            expression=expression,
            prefill=prefill,
            personal=self._personal(plain, kind, label, key),
            rules=rules,
            policy_keys=_list(plain.get("policy")),
            birth_date=plain.get("birth_date"),
            columns=columns if isinstance(columns, int) and 1 <= columns <= 16 else None,
        )

    # -- parts of a field -----------------------------------------------------------------------------------------

    def _kind(self, raw: dict[str, Any], type_: str, plain: dict[str, str], key: str) -> str:
        possible = words.KINDS_OF[type_]
        kind = plain.get("kind", possible[0])
        if type_ == "datetime":
            kind = {"date": "date", "datetime": "datetime"}.get(str(raw.get("subtype", "date")), "")
            if not kind:
                self.refuse(key, "subtype is date or datetime")
                kind = "date"
            if kind == "datetime" and raw.get("timeSerializingFormat") != "no_timezone":
                self.refuse(key, "timeSerializingFormat must be no_timezone (read as Asia/Shanghai)")
        if kind not in possible:
            self.refuse(key, f"kind {kind!r} does not fit a {type_}; possible: {', '.join(possible)}")
            kind = possible[0]
        return kind

    def _limits(
        self, raw: dict[str, Any], validate: Mapping[str, Any], plain: dict[str, str], kind: str, key: str
    ) -> Limits:
        pattern = validate.get("pattern")
        if pattern is not None and (why := patterns.refusal(str(pattern))):
            self.refuse(key, f"validate.pattern {why}")
            pattern = None
        wanted = validate.get("validationType")
        if wanted not in (None, "", "custom", "email") or (wanted == "email") != (kind == "email"):
            self.refuse(key, "validationType is only 'email', and then the property kind is email too")
        max_length = self._bound(validate.get("maxLength"), key, "maxLength")
        if kind in {"text", "textarea"} and max_length is None:
            self.refuse(key, "validate.maxLength is missing: every text has a limit")
        decimals = raw.get("decimalDigits")
        if kind in {"number", "money"}:
            if not isinstance(decimals, int) or isinstance(decimals, bool) or not 0 <= decimals <= 6:
                self.refuse(key, "decimalDigits is missing: say how many digits follow the point (0–6)")
                decimals = 0
            if kind == "money" and decimals != 2:
                self.refuse(key, "money has decimalDigits 2")
        if kind == "computed" and "decimals" in plain:
            decimals = self._count(plain, "decimals", key, 0)
        low, high = (self._bound(validate.get(side), key, side) for side in ("min", "max"))
        least = self._bound(validate.get("minLength"), key, "minLength")
        return Limits(
            min=low,
            max=high,
            min_length=int(least) if isinstance(least, Decimal) else least,
            max_length=int(max_length) if isinstance(max_length, Decimal) else max_length,
            pattern=patterns.EMAIL if kind == "email" else pattern,
            pattern_message=validate.get("patternErrorMessage"),
            decimals=decimals if isinstance(decimals, int) else None,
            media_types=self._accept(raw, kind, key),
            max_bytes=self._count(plain, "max_mb", key, 20) * MEGABYTE if kind in FILE_KINDS else None,
            min_files=self._count(plain, "min_files", key, 0),
            max_files=self._count(plain, "max_files", key, 20) if raw.get("multiple") is True else 1,
        )

    def _accept(self, raw: dict[str, Any], kind: str, key: str) -> tuple[str, ...]:
        if kind not in FILE_KINDS:
            return ()
        named = [part.strip().lower() for part in str(raw.get("accept") or "").split(",") if part.strip()]
        known = {".pdf": "application/pdf", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png"}
        if not named or any(part not in known for part in named):
            self.refuse(key, f"accept must name file endings out of {', '.join(known)}")
        if raw.get("multiple", False) not in (True, False):
            self.refuse(key, "multiple is true or false")
        return tuple(dict.fromkeys(known[part] for part in named if part in known))

    def _options(self, raw: dict[str, Any], kind: str, key: str) -> tuple[tuple[Option, ...], feel.Expression | None]:
        if kind not in {"select", "radio", "checklist"}:
            return (), None
        if "valuesExpression" in raw:
            if "values" in raw:
                self.refuse(key, "values and valuesExpression exclude each other")
            return (), self._feel(raw["valuesExpression"], key, "valuesExpression")
        options: list[Option] = []
        for entry in raw.get("values") or ():
            value = entry.get("value") if isinstance(entry, dict) else None
            if not (isinstance(value, str) and value and isinstance(entry.get("label"), str) and entry["label"]):
                self.refuse(key, "each option is an object with a label and a text value")
            elif value in {option.value for option in options}:
                self.refuse(key, f"option {value!r} stands twice")
            else:
                options.append(Option(value, entry["label"]))
        if not options:
            self.refuse(key, "a choice needs options")
        return tuple(options), None

    def _personal(self, plain: dict[str, str], kind: str, label: str, key: str) -> Personal | None:
        purpose, retention = plain.get("personal"), plain.get("retention")
        if purpose == "no":
            if kind in words.PERSONAL_KINDS:
                self.refuse(key, f"a field of kind {kind} is personal data; personal = no is not possible")
            return None
        if purpose and retention:
            return Personal(purpose, retention)
        if purpose or retention:
            self.refuse(key, "personal (purpose) and retention belong together")
        elif kind in words.PERSONAL_KINDS or any(word in label for word in words.PERSONAL_WORDS):
            self.refuse(key, "personal data: state personal (purpose) and retention, or personal = no")
        return None

    # -- small parts ----------------------------------------------------------------------------------------------

    def _rules(self, properties: dict[str, str], key: str) -> tuple[dict[str, str], tuple[Rule, ...]]:
        """Take the numbered rules out of the properties; return the rest and the rules."""
        plain: dict[str, str] = {}
        found: dict[str, dict[str, str]] = {}
        for name, value in properties.items():
            if match := words.RULE_PROPERTY.match(name):
                found.setdefault(match["what"] + (match["number"] or ""), {})[match["part"] or "_"] = value
            else:
                plain[name] = value
        rules: list[Rule] = []
        for name, parts in sorted(found.items()):
            expression = self._feel(parts.get("_"), key, name)
            message, code = parts.get("_message", ""), parts.get("_code", "E_RULE")
            if expression is None or not message:
                self.refuse(key, f"{name} needs an expression beginning with '=' and {name}_message")
            elif code not in words.RULE_CODES:
                self.refuse(key, f"{name}_code {code!r} is none of the office's codes")
            else:
                rules.append(Rule(expression, message, code, warning=name.startswith("warning")))
        return plain, tuple(rules)

    def _hide(self, raw: dict[str, Any], element: str) -> feel.Expression | None:
        conditional = raw.get("conditional") or {}
        if not isinstance(conditional, dict) or set(conditional) - {"hide"}:
            self.refuse(element, "conditional holds only hide")
            return None
        hide = conditional.get("hide")
        return self._feel(hide, element, "conditional.hide") if hide else None

    def _readonly(self, value: object, key: str) -> bool | feel.Expression:
        if value is None or isinstance(value, bool):
            return bool(value)
        return self._feel(value, key, "readonly") or True

    def _label(self, raw: dict[str, Any], element: str) -> str:
        label = raw.get("label") or raw.get("dateLabel") or ""
        if not isinstance(label, str) or not label.strip():
            self.refuse(element, "label is missing")
            return element
        if label.startswith("=") or "{{" in label:
            self.refuse(element, "a label is plain text, so that it can be translated and quoted in messages")
        return label

    def _key(self, key: object, element: str) -> str:
        if not isinstance(key, str) or not words.KEY.match(key):
            self.refuse(element, f"key {key!r} must be a lower-case name of letters, digits and _")
            return element
        if key in words.RESERVED_KEYS:
            self.refuse(element, f"key {key!r} is reserved; choose another name")
        return key

    def _bound(self, value: object, key: str, what: str) -> Decimal | feel.Expression | None:
        if value is None or value == "":
            return None
        if isinstance(value, str) and value.startswith("="):
            return self._feel(value, key, f"validate.{what}")
        try:
            return Decimal(str(value))
        except InvalidOperation:
            self.refuse(key, f"validate.{what} {value!r} is no number")
            return None

    def _count(self, plain: Mapping[str, str], name: str, key: str, default: int) -> int:
        text = str(plain.get(name, default))
        if not (text.isascii() and text.isdigit() and int(text) <= 1000):
            self.refuse(key, f"{name} {text!r} must be a whole number from 0 to 1000")
            return default
        return int(text)

    def _default_rows(self, value: object, key: str) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 20:
            return value
        self.refuse(key, "defaultRepetitions is a whole number from 0 to 20")
        return 1

    def _properties(self, raw: dict[str, Any], element: str) -> dict[str, str]:
        properties = raw.get("properties") or {}
        if not isinstance(properties, dict) or not all(isinstance(value, str) for value in properties.values()):
            self.refuse(element, "properties must be an object of texts")
            return {}
        return properties

    def _only(self, raw: Iterable[str], allowed: frozenset[str], element: str, what: str) -> None:
        for name in sorted(set(raw) - allowed):
            self.refuse(element, f"{what} {name!r} is not executed here; remove it")

    def _literal(self, value: object, key: str) -> feel.Expression | None:
        if isinstance(value, bool):
            return self._feel(f"={str(value).lower()}", key, "defaultValue")
        if isinstance(value, int):
            return self._feel(f"={value}", key, "defaultValue")
        if isinstance(value, str) and '"' not in value and "\\" not in value:
            return self._feel(f'="{value}"', key, "defaultValue")
        self.refuse(key, "defaultValue is a plain text, whole number or true/false; use the property prefill")
        return None

    def _property_feel(self, plain: Mapping[str, str], name: str, key: str) -> feel.Expression | None:
        return self._feel(plain[name], key, name) if name in plain else None

    def _feel(self, text: object, element: str, what: str) -> feel.Expression | None:
        if not isinstance(text, str) or not text.startswith("="):
            self.refuse(element, f"{what} must be FEEL beginning with '='")
            return None
        try:
            return feel.compile(text[1:], names=self.names | words.HOUSE_FUNCTIONS)
        except feel.FeelSyntaxError as error:
            self.problems.append(
                Problem(self.file, self.line(element), element, f"{what}: {error}", column=error.column)
            )
            return None

    def template(self, text: str, element: str) -> str:
        """Check the ``{{…}}`` of a text and return it unchanged."""
        try:
            parse(text, self.names | words.HOUSE_FUNCTIONS)
        except TemplateError as error:
            self.refuse(element, str(error))
        return text

    def refuse(self, element: str, reason: str) -> None:
        """Note a defect."""
        self.problems.append(Problem(self.file, self.line(element), element, reason))

    def line(self, element: str) -> int:
        """Return the 1-based line where the component named ``element`` stands, 0 when it cannot be told."""
        if not element:
            return 0
        for attribute in ("id", "key", "path"):
            for gap in ("", " "):
                at = self._text.find(f'"{attribute}":{gap}"{element}"')
                if at >= 0:
                    return self._text.count("\n", 0, at) + 1
        return 0


def _list(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())
