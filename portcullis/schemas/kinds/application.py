"""An application: a program of the host, or what is shown or run in its place."""

from __future__ import annotations

from portcullis.model.application import (
    MAXIMUM_ARGUMENT_LENGTH,
    MAXIMUM_ARGUMENTS,
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
    SECURITIES,
)
from portcullis.model.wine import (
    MAXIMUM_PATH_LENGTH,
    PROGRAM_FORMAT,
    PROGRAM_PATTERN,
    PROGRAM_RULE,
    TEMPLATE_FORMAT,
    TEMPLATE_PATTERN,
    TEMPLATE_RULE,
)
from portcullis.schemas.kinds.values import ENTITLED, LINE, TEXT, flag, group, list_of, mapping, name, said
from portcullis.schemas.shapes import Schema

_VARIABLE_NAME = said(
    "a variable that the session does not set itself, of letters, digits and _",
    pattern="^[A-Za-z_][A-Za-z0-9_]{0,127}$",
    **{
        "not": {
            "anyOf": [{"enum": sorted(RESERVED_VARIABLES)}, {"pattern": f"^({'|'.join(RESERVED_PREFIXES)})"}]
        }
    },
)


def application(icon: Schema) -> Schema:
    word = said("text", **TEXT, maxLength=MAXIMUM_ARGUMENT_LENGTH)
    command = list_of(
        word,
        "the program and its arguments as a list, such as [mousepad]",
        MAXIMUM_ARGUMENTS,
        least=1,
        about="The program and its arguments. No shell takes it apart.",
    )
    program = TEXT | {"pattern": "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$"}
    command["prefixItems"] = [said("a program's name or path", **program)]
    schema = mapping(
        "a mapping with kind: application",
        {
            "name": name("As users see it; one application whatever the case."),
            "command": {name: rule for name, rule in command.items() if name != "minItems"},
            "rdp": _rdp(),
            "wine": _wine(),
            "desktop": _desktop(),
            "icon": icon,
            "environment": said(
                "a mapping of variables to text",
                type="object",
                maxProperties=MAXIMUM_VARIABLES,
                propertyNames=_VARIABLE_NAME,
                additionalProperties=said("text", **TEXT, maxLength=MAXIMUM_VALUE_LENGTH),
            ),
            "entitled": mapping("a mapping of users and groups", ENTITLED),
            "disabled": flag("Nobody can start it."),
            "host_groups": list_of(
                group(),
                "a list of host groups",
                MAXIMUM_HOST_GROUPS,
                about="It runs on hosts of any of these groups alone.",
            ),
            "minimum_memory_bytes": said(
                "a whole number, 0 or more", type="integer", minimum=0, maximum=MAXIMUM_MEMORY_BYTES
            ),
        },
        ("name",),
    )
    # Exactly one of them: a program of the host, or what is shown or run in its place.
    needed = said(
        "the program and its arguments as a list, such as [mousepad], or rdp, wine or desktop", minItems=1
    )
    rule: Schema = {"properties": {"command": needed}, "required": ["command"]}
    kinds = ["rdp", "wine", "desktop"]
    for kind in reversed(kinds):
        is_it: Schema = {"properties": {kind: {"type": "object"}}, "required": [kind]}
        others = {
            other: said(f"no {other} beside {kind}", type="null") for other in kinds[kinds.index(kind) + 1 :]
        }
        alone = {"command": said(f"no command beside {kind}", maxItems=0), **others}
        rule = {"if": is_it, "then": {"properties": alone}, "else": rule}
    return schema | rule


def _rdp() -> Schema:
    def line(longest: int, about: str) -> Schema:
        return said("text on one line", **LINE, maxLength=longest, description=about)

    def one_of(values: tuple[str, ...], about: str) -> Schema:
        return said(f"one of {', '.join(values)}", enum=list(values), description=about)

    def fingerprint(about: str) -> Schema:
        return said(FINGERPRINT_RULE, type="string", pattern=FINGERPRINT_PATTERN, description=about)

    host = {"type": "string", "minLength": 1, "maxLength": MAXIMUM_HOST_LENGTH}
    schema = mapping(
        "a mapping with server, or null",
        {
            "server": said(HOST_RULE, **host, pattern=HOST_PATTERN, format=HOST_FORMAT),
            "port": said("a port from 1 to 65535", type="integer", minimum=1, maximum=65535),
            "user_name": line(
                MAXIMUM_USER_NAME_LENGTH, "{user} stands for the user's name. Empty: the user is asked."
            ),
            "domain": line(MAXIMUM_DOMAIN_LENGTH, "The Windows domain that the user is of."),
            "security": one_of(SECURITIES, "negotiate: NLA or TLS, whichever the server has; never neither."),
            "certificate": fingerprint("The one that is accepted. Empty: one that the host's CAs vouch for."),
            "credentials": one_of(CREDENTIAL_SOURCES, "ask: at each launch. vault: users may keep them."),
            "program": line(MAXIMUM_PROGRAM_LENGTH, "A RemoteApp, such as ||winword. Empty: the desktop."),
            "gateway": said(
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
    schema = mapping(
        "a mapping such as {display: console, consent: ask}, or null",
        {
            "display": said(
                DISPLAY_RULE,
                type="string",
                pattern=DISPLAY_PATTERN,
                description="console: the host's own screen.",
            ),
            "consent": said(
                f"one of {', '.join(CONSENTS)}",
                enum=list(CONSENTS),
                description="ask: whoever is there is asked. own: the user's own account there. none: nobody is asked.",
            ),
            "account": said(
                ACCOUNT_RULE,
                type="string",
                minLength=1,
                maxLength=MAXIMUM_ACCOUNT_LENGTH,
                pattern=ACCOUNT_PATTERN,
                description="Of own: what the user's account is called there. {user} stands for the user's name.",
            ),
            "view_only": flag("Nothing can be typed, clicked or pasted."),
            "shared": flag("Several people may be connected to the display at once."),
            "answer_seconds": said(
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
    argument = said("text", **TEXT, maxLength=MAXIMUM_ARGUMENT_LENGTH)
    schema = mapping(
        "a mapping with template and program, or null",
        {
            "template": said(TEMPLATE_RULE, type="string", pattern=TEMPLATE_PATTERN, format=TEMPLATE_FORMAT),
            "program": said(
                PROGRAM_RULE,
                type="string",
                maxLength=MAXIMUM_PATH_LENGTH,
                pattern=PROGRAM_PATTERN,
                format=PROGRAM_FORMAT,
                description="On drive C: of the template, with or without C:\\ before it.",
            ),
            "arguments": list_of(argument, "a list of texts", MAXIMUM_ARGUMENTS, about="Of the program."),
        },
        ("template", "program"),
    )
    about = "A Windows program that runs through Wine, in place of a command (docs/wine.md)."
    return schema | {"type": ["object", "null"], "description": about}
