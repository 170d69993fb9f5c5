"""What documents of configuration look like, as JSON Schema 2020-12: one table for editors, the CLI and the broker.

`documents_schema` is what `portcullis schema` prints (kept as documents.json beside this file). A schema says of each
value what is expected there, in words (`x-expected`), so that whoever checks needs no texts of their own
(`portcullis.schemas.checking`). In files an icon is a name or a file; in requests it is its content, or the hash of
one that was sent before. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from portcullis.model.application import (
    MAXIMUM_ARGUMENT_LENGTH,
    MAXIMUM_ARGUMENTS,
    MAXIMUM_ENTITLED,
    MAXIMUM_HOST_GROUPS,
    MAXIMUM_MEMORY_BYTES,
    MAXIMUM_VALUE_LENGTH,
    MAXIMUM_VARIABLES,
    RESERVED_PREFIXES,
    RESERVED_VARIABLES,
)
from portcullis.model.desktops import (
    ACCOUNT_PATTERN,
    ACCOUNT_RULE,
    CONSENTS,
    DISPLAY_PATTERN,
    DISPLAY_RULE,
    LONGEST_ANSWER_SECONDS,
    MAXIMUM_ACCOUNT_LENGTH,
    SHORTEST_ANSWER_SECONDS,
)
from portcullis.model.names import GROUP_RULE, MAXIMUM_NAME_LENGTH, NAME_RULE
from portcullis.model.policy import FIELDS, SETTABLE_LEVELS
from portcullis.model.policy_values import (
    DAYS,
    MAXIMUM_COUNT,
    MAXIMUM_MINUTES,
    MAXIMUM_NETWORKS,
    MAXIMUM_WINDOWS,
)
from portcullis.model.rdp import (
    CREDENTIAL_SOURCES,
    FINGERPRINT_PATTERN,
    FINGERPRINT_RULE,
    GATEWAY_FORMAT,
    GATEWAY_PATTERN,
    GATEWAY_RULE,
    HOST_FORMAT,
    HOST_PATTERN,
    HOST_RULE,
    MAXIMUM_BALANCE_LENGTH,
    MAXIMUM_DOMAIN_LENGTH,
    MAXIMUM_HOST_LENGTH,
    MAXIMUM_PROGRAM_LENGTH,
    MAXIMUM_USER_NAME_LENGTH,
    PRINTABLE_PATTERN,
    SECURITIES,
)
from portcullis.model.roles import PERMISSIONS, TENANT_PERMISSIONS
from portcullis.model.wine import (
    MAXIMUM_PATH_LENGTH,
    PROGRAM_FORMAT,
    PROGRAM_PATTERN,
    PROGRAM_RULE,
    TEMPLATE_FORMAT,
    TEMPLATE_PATTERN,
    TEMPLATE_RULE,
)

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MAXIMUM_LABELS = 16
MAXIMUM_GROUPS = 64
MAXIMUM_MEMBERS = 1000
MAXIMUM_TEXT_LENGTH = 500
NAME_FORMAT = "portcullis-name"
GROUP_FORMAT = "portcullis-group"

_EDGE, _INNER = r"[^\s/\\%]", r"[^/\\%\u0000-\u001f]"
_NAME_PATTERN = f"^{_EDGE}({_INNER}*{_EDGE})?$"
_GROUP_PATTERN = r"^\S([^\u0000-\u001f]*\S)?$"
_LABEL = r"^[a-z][a-z0-9_.-]{0,62}$"


def _said(expected: str, **rules: Any) -> Schema:
    return {"x-expected": expected, **rules}


def _name(what: str = "") -> Schema:
    return _said(
        f"a name of {NAME_RULE}",
        type="string",
        minLength=1,
        maxLength=MAXIMUM_NAME_LENGTH,
        pattern=_NAME_PATTERN,
        format=NAME_FORMAT,
        **({"description": what} if what else {}),
    )


def _group() -> Schema:
    return _said(
        GROUP_RULE,
        type="string",
        minLength=1,
        maxLength=MAXIMUM_NAME_LENGTH,
        pattern=_GROUP_PATTERN,
        format=GROUP_FORMAT,
    )


def _list(items: Schema, expected: str, most: int, *, least: int = 0, about: str = "") -> Schema:
    schema = _said(expected, type="array", items=items, maxItems=most)
    return schema | ({"minItems": least} if least else {}) | ({"description": about} if about else {})


def _object(expected: str, properties: Mapping[str, Schema], required: tuple[str, ...] = ()) -> Schema:
    return _said(
        expected,
        type="object",
        properties=dict(properties),
        additionalProperties=False,
        **({"required": list(required)} if required else {}),
    )


def _flag(about: str) -> Schema:
    return _said("true or false", type="boolean", description=about)


_TEXT = {"type": "string", "pattern": "^[^\\u0000]*$"}
_LINE = {"type": "string", "pattern": PRINTABLE_PATTERN}
_LABELS = _said(
    f"a mapping of at most {MAXIMUM_LABELS} labels to text, such as {{owner: platform-team}}",
    type="object",
    maxProperties=MAXIMUM_LABELS,
    propertyNames=_said("a label of lower-case letters, digits, ., _ and -", pattern=_LABEL),
    additionalProperties=_said(GROUP_RULE, type="string", minLength=1, maxLength=MAXIMUM_NAME_LENGTH),
    description="Who looks after it: `--prune owner=x` deletes what carries the label and is in no file.",
)
_ENTITLED = {
    "users": _list(_name(), "a list of user names", MAXIMUM_ENTITLED, about="Users, by name."),
    "groups": _list(_group(), "a list of group names", MAXIMUM_ENTITLED, about="Groups, by name."),
}
_FILE_ICON = _said(
    "an icon's name, a PNG or SVG file, or none",
    type=["string", "null"],
    minLength=1,
    description="An icon's or application's name on this machine, a file beside this one, a data: URL, or none. "
    "Absent: as it is.",
)
_HASH = _said("64 hexadecimal digits", type="string", pattern="^[0-9a-f]{64}$")
_SENT_ICON = _said(
    'null, {"content_type", "data"} (base64), or {"hash"} of one that was sent before',
    oneOf=[
        {"type": "null"},
        _object("an icon", {"hash": _HASH}, ("hash",)),
        _object(
            "an icon",
            {
                "content_type": _said(
                    "image/png or image/svg+xml", type="string", enum=["image/png", "image/svg+xml"]
                ),
                "data": _said("base64", type="string", maxLength=45_000),
            },
            ("content_type", "data"),
        ),
    ],
)
_VARIABLE_NAME = _said(
    "a variable that the session does not set itself, of letters, digits and _",
    pattern="^[A-Za-z_][A-Za-z0-9_]{0,127}$",
    **{
        "not": {
            "anyOf": [{"enum": sorted(RESERVED_VARIABLES)}, {"pattern": f"^({'|'.join(RESERVED_PREFIXES)})"}]
        }
    },
)


def _application(icon: Schema) -> Schema:
    word = _said("text", **_TEXT, maxLength=MAXIMUM_ARGUMENT_LENGTH)
    command = _list(
        word,
        "the program and its arguments as a list, such as [mousepad]",
        MAXIMUM_ARGUMENTS,
        least=1,
        about="The program and its arguments. No shell takes it apart.",
    )
    program = _TEXT | {"pattern": "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$"}
    command["prefixItems"] = [_said("a program's name or path", **program)]
    schema = _object(
        "a mapping with kind: application",
        {
            "name": _name("As users see it; one application whatever the case."),
            "command": {name: rule for name, rule in command.items() if name != "minItems"},
            "rdp": _rdp(),
            "wine": _wine(),
            "desktop": _desktop(),
            "icon": icon,
            "environment": _said(
                "a mapping of variables to text",
                type="object",
                maxProperties=MAXIMUM_VARIABLES,
                propertyNames=_VARIABLE_NAME,
                additionalProperties=_said("text", **_TEXT, maxLength=MAXIMUM_VALUE_LENGTH),
            ),
            "entitled": _object("a mapping of users and groups", _ENTITLED),
            "disabled": _flag("Nobody can start it."),
            "host_groups": _list(
                _group(),
                "a list of host groups",
                MAXIMUM_HOST_GROUPS,
                about="It runs on hosts of any of these groups alone.",
            ),
            "minimum_memory_bytes": _said(
                "a whole number, 0 or more", type="integer", minimum=0, maximum=MAXIMUM_MEMORY_BYTES
            ),
        },
        ("name",),
    )
    # Exactly one of them: a program of the host, or what is shown or run in its place.
    needed = _said(
        "the program and its arguments as a list, such as [mousepad], or rdp, wine or desktop", minItems=1
    )
    rule: Schema = {"properties": {"command": needed}, "required": ["command"]}
    kinds = ["rdp", "wine", "desktop"]
    for kind in reversed(kinds):
        is_it: Schema = {"properties": {kind: {"type": "object"}}, "required": [kind]}
        others = {
            other: _said(f"no {other} beside {kind}", type="null") for other in kinds[kinds.index(kind) + 1 :]
        }
        alone = {"command": _said(f"no command beside {kind}", maxItems=0), **others}
        rule = {"if": is_it, "then": {"properties": alone}, "else": rule}
    return schema | rule


def _rdp() -> Schema:
    def line(longest: int, about: str) -> Schema:
        return _said("text on one line", **_LINE, maxLength=longest, description=about)

    def one_of(values: tuple[str, ...], about: str) -> Schema:
        return _said(f"one of {', '.join(values)}", enum=list(values), description=about)

    def fingerprint(about: str) -> Schema:
        return _said(FINGERPRINT_RULE, type="string", pattern=FINGERPRINT_PATTERN, description=about)

    host = {"type": "string", "minLength": 1, "maxLength": MAXIMUM_HOST_LENGTH}
    schema = _object(
        "a mapping with server, or null",
        {
            "server": _said(HOST_RULE, **host, pattern=HOST_PATTERN, format=HOST_FORMAT),
            "port": _said("a port from 1 to 65535", type="integer", minimum=1, maximum=65535),
            "user_name": line(
                MAXIMUM_USER_NAME_LENGTH, "{user} stands for the user's name. Empty: the user is asked."
            ),
            "domain": line(MAXIMUM_DOMAIN_LENGTH, "The Windows domain that the user is of."),
            "security": one_of(SECURITIES, "negotiate: NLA or TLS, whichever the server has; never neither."),
            "certificate": fingerprint("The one that is accepted. Empty: one that the host's CAs vouch for."),
            "credentials": one_of(CREDENTIAL_SOURCES, "ask: at each launch. vault: users may keep them."),
            "program": line(MAXIMUM_PROGRAM_LENGTH, "A RemoteApp, such as ||winword. Empty: the desktop."),
            "gateway": _said(
                GATEWAY_RULE,
                type="string",
                maxLength=MAXIMUM_HOST_LENGTH,
                pattern=f"^$|{GATEWAY_PATTERN}",
                format=GATEWAY_FORMAT,
                description="An RD Gateway. Empty: the host connects to the server itself.",
            ),
            "gateway_certificate": fingerprint(
                "As certificate, of the gateway: both are pinned, or neither."
            ),
            "load_balance_info": line(MAXIMUM_BALANCE_LENGTH, "For a connection broker."),
        },
        ("server",),
    )
    about = "A server that is shown by RDP, in place of a command (docs/rdp.md)."
    return schema | {"type": ["object", "null"], "description": about}


def _desktop() -> Schema:
    schema = _object(
        "a mapping such as {display: console, consent: ask}, or null",
        {
            "display": _said(
                DISPLAY_RULE,
                type="string",
                pattern=DISPLAY_PATTERN,
                description="console: the host's own screen.",
            ),
            "consent": _said(
                f"one of {', '.join(CONSENTS)}",
                enum=list(CONSENTS),
                description="ask: whoever is there is asked. own: the user's own account there. none: nobody is asked.",
            ),
            "account": _said(
                ACCOUNT_RULE,
                type="string",
                minLength=1,
                maxLength=MAXIMUM_ACCOUNT_LENGTH,
                pattern=ACCOUNT_PATTERN,
                description="Of own: what the user's account is called there. {user} stands for the user's name.",
            ),
            "view_only": _flag("Nothing can be typed, clicked or pasted."),
            "shared": _flag("Several people may be connected to the display at once."),
            "answer_seconds": _said(
                f"seconds, {SHORTEST_ANSWER_SECONDS} to {LONGEST_ANSWER_SECONDS}",
                type="integer",
                minimum=SHORTEST_ANSWER_SECONDS,
                maximum=LONGEST_ANSWER_SECONDS,
                description="How long the question stands; no answer is a refusal.",
            ),
        },
        (),
    )
    about = "A display that somebody uses on a host, in place of a command (docs/desktops.md)."
    return schema | {"type": ["object", "null"], "description": about}


def _wine() -> Schema:
    argument = _said("text", **_TEXT, maxLength=MAXIMUM_ARGUMENT_LENGTH)
    schema = _object(
        "a mapping with template and program, or null",
        {
            "template": _said(TEMPLATE_RULE, type="string", pattern=TEMPLATE_PATTERN, format=TEMPLATE_FORMAT),
            "program": _said(
                PROGRAM_RULE,
                type="string",
                maxLength=MAXIMUM_PATH_LENGTH,
                pattern=PROGRAM_PATTERN,
                format=PROGRAM_FORMAT,
                description="On drive C: of the template, with or without C:\\ before it.",
            ),
            "arguments": _list(argument, "a list of texts", MAXIMUM_ARGUMENTS, about="Of the program."),
        },
        ("template", "program"),
    )
    about = "A Windows program that runs through Wine, in place of a command (docs/wine.md)."
    return schema | {"type": ["object", "null"], "description": about}


def _user() -> Schema:
    return _object(
        "a mapping with kind: user",
        {
            "name": _name("As they sign in; one user whatever the case."),
            "role": _name(
                "user, administrator, help_desk, auditor, or a role of the tenant. Absent: as it is."
            ),
            "groups": _list(
                _group(), "a list of group names", MAXIMUM_GROUPS, about="All of them. Absent: as it is."
            ),
            "disabled": _flag("They cannot sign in. Absent: as it is."),
        },
        ("name",),
    )


def _group_document() -> Schema:
    contained = _list(_group(), "a list of group names", MAXIMUM_MEMBERS, about="Groups inside this one.")
    return _object(
        "a mapping with kind: group",
        {
            "name": _group(),
            "description": _said(
                f"text of at most {MAXIMUM_TEXT_LENGTH} characters", **_TEXT, maxLength=MAXIMUM_TEXT_LENGTH
            ),
            "members": _object("a mapping with groups", {"groups": contained}),
        },
        ("name",),
    )


def _host_group() -> Schema:
    hosts = _list(_name(), "a list of host names", MAXIMUM_MEMBERS, about="All hosts of the group, by name.")
    return _object("a mapping with kind: host-group", {"name": _group(), "hosts": hosts}, ("name", "hosts"))


def _entitlement() -> Schema:
    return _object(
        "a mapping with kind: entitlement",
        {
            "name": _name("Tells entitlements of one application apart. Absent: the application's name."),
            "application": _name("Who may start it, besides those that its own document names."),
            **_ENTITLED,
        },
        ("application",),
    )


def _value(field: str) -> Schema:
    about = {"description": FIELDS[field].meaning, "x-expected": FIELDS[field].value.expected}
    rules: dict[str, Schema] = {
        "networks": {"type": "array", "maxItems": MAXIMUM_NETWORKS, "items": {"type": "string"}},
        "hours": {
            "type": "array",
            "maxItems": MAXIMUM_WINDOWS,
            "items": {
                "type": "object",
                "properties": {
                    "days": {"type": "array", "minItems": 1, "items": {"enum": list(DAYS)}},
                    "from": {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"},
                    "to": {"type": "string", "pattern": "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"},
                },
                "required": ["days", "from", "to"],
                "additionalProperties": False,
            },
        },
        "time_zone": {"type": "string"},
        "minutes": {"type": "integer", "minimum": 0, "maximum": MAXIMUM_MINUTES},
        "count": {"type": ["integer", "null"], "minimum": 0, "maximum": MAXIMUM_COUNT},
        "choice": {"enum": list(FIELDS[field].value.choices)},
    }
    return about | rules[FIELDS[field].kind]


def _policy() -> Schema:
    values = _object("a mapping of fields to values", {name: _value(name) for name in FIELDS})
    locked = _list(
        _said(f"one of {', '.join(FIELDS)}", enum=list(FIELDS)),
        "a list of fields",
        len(FIELDS),
        about="More special levels cannot change these.",
    )
    schema = _object(
        "a mapping with kind: policy",
        {
            "level": _said(f"one of {', '.join(SETTABLE_LEVELS)}", enum=list(SETTABLE_LEVELS)),
            "of": _said(
                "the name of the group, application or user",
                type="string",
                minLength=1,
                maxLength=MAXIMUM_NAME_LENGTH,
            ),
            "values": values,
            "locked": locked,
        },
        ("level",),
    )
    of_tenant = {"properties": {"level": {"const": "tenant"}}}
    schema["if"] = {**of_tenant, "required": ["level"]}
    schema["then"] = {"properties": {"of": _said("nothing: there is one tenant", const="-")}}
    needed = _said("the name of the group, application or user")
    schema["else"] = {"properties": {"of": needed}, "required": ["of"]}
    return schema


def _role() -> Schema:
    allowed = _said(
        "the name of a permission", enum=[name for name in PERMISSIONS if name in TENANT_PERMISSIONS]
    )
    permissions = _list(allowed, "a list of permissions", len(TENANT_PERMISSIONS))
    return _object(
        "a mapping with kind: role", {"name": _name(), "permissions": permissions}, ("name", "permissions")
    )


def _tenant(logo: Schema) -> Schema:
    rate = _said("a number, 0 or more, or null", type=["number", "null"], minimum=0, maximum=1_000_000)
    accent = _said("a colour such as #1b5fae, or null", type=["string", "null"], pattern="^#[0-9a-fA-F]{6}$")
    return _object(
        "a mapping with kind: tenant",
        {
            "title": _said(
                "text of at most 64 printable characters",
                type="string",
                maxLength=MAXIMUM_NAME_LENGTH,
                pattern="^[^\\u0000-\\u001f]*$",
                description="What pages show instead of the tenant's name.",
            ),
            "theme": _object("a mapping of accent and logo", {"accent": accent, "logo": logo}),
            "quotas": _object(
                "a mapping of sessions, launches_per_second and logins_per_second",
                {
                    "sessions": _said(
                        "a whole number, 0 or more, or null",
                        type=["integer", "null"],
                        minimum=0,
                        maximum=10_000_000,
                    ),
                    "launches_per_second": rate,
                    "logins_per_second": rate,
                },
            ),
        },
    )


def kinds(*, in_files: bool) -> dict[str, Schema]:
    """The schema of every kind of document, in the order in which kinds depend on each other."""
    icon = _FILE_ICON if in_files else _SENT_ICON
    by_kind = {
        "tenant": _tenant(icon),
        "role": _role(),
        "group": _group_document(),
        "user": _user(),
        "host-group": _host_group(),
        "application": _application(icon),
        "entitlement": _entitlement(),
        "policy": _policy(),
    }
    return {kind: _with_kind(kind, schema) for kind, schema in by_kind.items()}


def _with_kind(kind: str, schema: Schema) -> Schema:
    properties = {"kind": _said(kind, const=kind), **schema["properties"], "labels": _LABELS}
    return {**schema, "properties": properties, "required": ["kind", *schema.get("required", ())]}


FILE_KINDS = kinds(in_files=True)
SENT_KINDS = kinds(in_files=False)
KINDS = tuple(FILE_KINDS)


def documents_schema() -> Schema:
    """Of one document, or of a list of them, in a file."""
    chosen = [
        {
            "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
            "then": {"$ref": f"#/$defs/{kind}"},
        }
        for kind in KINDS
    ]
    document = {
        "type": "object",
        "properties": {"kind": {"enum": list(KINDS), "description": "What the document describes."}},
        "required": ["kind"],
        "allOf": chosen,
    }
    return {
        "$schema": DIALECT,
        "title": "Portcullis: documents of configuration",
        "if": {"type": "array"},
        "then": {"items": {"$ref": "#/$defs/document"}},
        "else": {"$ref": "#/$defs/document"},
        "$defs": {"document": document, **FILE_KINDS},
    }


def as_text(schema: Schema) -> str:
    return json.dumps(schema, indent=2) + "\n"
