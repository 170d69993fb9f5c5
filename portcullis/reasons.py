"""Every reason code: what it means and what to do about it, in one table.

`portcullis.errors.CODES` is made from it, and so is docs/troubleshooting.md (`python -m portcullis.reasons` prints it).
`portcullis explain` shows an administrator the remedy; the portal shows a user what to do, out of
web_client/app/advice.js (`python -m portcullis.reasons advice` prints that). To add a code, add a line to the group
that it belongs to:

    "host_full": Reason(
        "Every place on the hosts that serve this application is taken.",      what happened, one sentence
        user="Try again later.",                                               absent: no user meets it
        administrator="`portcullis get hosts` shows the places. ...",          cause and remedy
    ),

A code is a promise: scripts match on it, and it never changes its meaning. Texts reveal nothing that a stranger at the
door must not know: `meaning` and `user` are shown to anybody.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    meaning: str
    administrator: str
    user: str | None = None
    """None: no user meets it."""


_ASK = "Tell your administrator the reference that is shown with the code."
_EXPLAIN = "`portcullis explain REFERENCE` shows every step that led there. "
_RETRIED = "The page tries again by itself. If it goes on, tell your administrator when it began."

SIGNING_IN: dict[str, Reason] = {
    "sign_in_refused": Reason(
        "User name, password or verification code is wrong.",
        user="Check the user name and the password. Take a code that the authenticator has just begun to show: each is "
        "good once, and the clock of the phone must be right.",
        administrator="The answer is the same for a wrong name, password or code and for a disabled user. `portcullis "
        "get users` shows whether the user exists and is enabled. If every code is refused, compare the clock of the "
        "broker with that of the phone: `portcullis doctor` checks the former.",
    ),
    "sign_in_blocked": Reason(
        "Too many attempts. Wait a little and try again.",
        user="Wait as long as the page says. Each wrong attempt makes the wait longer.",
        administrator="Somebody tried too often under this name, not always the user: look for `sign_in_refused` in "
        "the broker's log, with the address that it came from. The block ends by itself. When it hits everybody, more "
        "people sign in at once than the broker can check passwords for.",
    ),
    "factor_off": Reason(
        "Verification codes are switched off for this account after too many wrong ones.",
        user="Sign in with one of your recovery codes, or ask your administrator for a reset.",
        administrator="Somebody who knows the password entered 100 wrong codes without a right one between: the "
        "password is known to others. `portcullis user reset NAME` makes a link by which the user chooses a new "
        "password and sets up a new factor.",
    ),
    "factor_refused": Reason(
        "The verification code is wrong, or was used already.",
        user="Wait until the authenticator shows the next code, and enter that: each is good once.",
        administrator="Somebody who is signed in entered a wrong code where a policy asked for a new one "
        "(`second_factor_minutes`). It counts like one at sign-in. If every code is refused, compare the clock of the "
        "broker with that of the phone: `portcullis doctor` checks the former.",
    ),
    "signed_out": Reason(
        "You are signed out. Sign in to go on.",
        user="Sign in again; your sessions go on meanwhile.",
        administrator="The login has ended: signed out, expired after 12 hours, or the user was disabled.",
    ),
    "signature_refused": Reason(
        "This browser's key did not sign the request. Sign in again.",
        user="Reload the page and sign in again. If that does not help, set the clock of your device.",
        administrator="The request was signed by another key, signed over other bytes, seen before, or more than 60 s "
        "away from the broker's clock. A proxy that changes requests on their way has this effect as well.",
    ),
    "clock_skewed": Reason(
        "The clock of this device or machine is too far from the broker's.",
        user="The page asks for the broker's time and tries again by itself. If it goes on, reload it.",
        administrator="A signed request is good for a minute around the broker's time, which the page asks for. In the "
        "agent's log it names a host whose clock is off: grants are judged by the broker's time all the same, but set "
        "the clock right (`timedatectl`). After a broker's clock was set back, restart the broker.",
    ),
    "origin_refused": Reason(
        "The request came from another site.",
        user="Open the address that your administrator gave you, without a proxy or a frame around it.",
        administrator="Browsers must call the gateway by one of its public origins: `portcullis get gateways` lists "
        "them. A reverse proxy in front must pass on Host and Origin as they are.",
    ),
    "token_refused": Reason(
        "The API token is unknown, expired or revoked.",
        administrator="Tokens last 90 days at most, and may be good from some networks alone. `deploy/quickstart.sh` "
        "writes a profile with its own; `portcullis get tokens`, with one that works, lists those that are good.",
    ),
    "not_permitted": Reason(
        "Your role does not allow this.",
        user="Ask your administrator to do it, or for the role.",
        administrator="The route wants a permission that the user's role, or the API token, does not hold "
        "(`portcullis get roles` shows what each allows: docs/roles.md), or it would reach somebody who may do more, "
        "or wants a browser that has signed in: no API token can fetch tickets or grants.",
    ),
    "entry_needed": Reason(
        "You have not entered this tenant, or your entry is over.",
        administrator="A platform administrator acts in another tenant only after `portcullis tenant enter NAME "
        "--reason TEXT`, for as long as that says.",
    ),
}

PEOPLE: dict[str, Reason] = {
    "enrolment_refused": Reason(
        "This link is used, expired, replaced by a newer one, or incomplete.",
        user="If you have set up your account with it, just sign in. Otherwise ask your administrator for a new link, "
        "and open it whole.",
        administrator="`portcullis get users` shows how the account stands; `portcullis user reset NAME` makes a new "
        "link, good for 24 hours. Links of disabled users are refused as well.",
    ),
    "code_refused": Reason(
        "The verification code is wrong.",
        user="Enter two codes that the authenticator shows one after the other, from the entry that you have just "
        "added. The clock of the phone must be set automatically. After a reload, scan the new picture.",
        administrator="The codes do not fit the secret that the page showed last, or the clocks of phone and broker "
        "differ by more than 30 s: `portcullis doctor` checks the broker's.",
    ),
    "password_short": Reason(
        "The password has fewer than 8 characters.",
        user="Take a longer one: a few words are easy to remember.",
        administrator="No rule asks for kinds of characters; 8 are enough, since a second factor is always asked for.",
    ),
    "password_guessable": Reason(
        "The password is easy to guess: it is common, a pattern, or holds a name.",
        user="Take a few words that do not belong together, and not your name or your organisation's.",
        administrator="A million guesses would find it, or without the names in it fewer than 8 characters are left.",
    ),
    "group_cycle": Reason(
        "The group would contain itself.",
        administrator="The way around stands in the message: take one of these groups out of another one "
        "(`portcullis group set NAME --groups a,b`).",
    ),
    "last_platform_administrator": Reason(
        "The last platform administrator cannot be disabled, deleted or made an ordinary user.",
        administrator="Nobody else who can sign in may act on the whole site. Make another one first: `portcullis user "
        "set NAME --platform yes`.",
    ),
    "role_built_in": Reason(
        "Built-in roles cannot be changed or deleted.",
        administrator="Make a role of your own under another name: `portcullis role set NAME --permissions A,B`.",
    ),
    "role_in_use": Reason(
        "There are users who have this role.",
        administrator="Give them another one first: `portcullis get users` shows who has which, `portcullis user set "
        "NAME --role ROLE` changes it.",
    ),
    "last_administrator": Reason(
        "The last administrator cannot be disabled, deleted or given another role.",
        administrator="No other administrator has enrolled and is enabled: `portcullis get users`. Add one with "
        "`portcullis user add NAME --administrator`, and have them open their link first.",
    ),
}

TENANTS: dict[str, Reason] = {
    "tenant_suspended": Reason(
        "Your organisation is suspended.",
        user="Ask whoever runs the service for your organisation. Your applications were logged off.",
        administrator="Nobody of the tenant signs in or launches, and its sessions were logged off. A platform "
        "administrator takes it back: `portcullis tenant resume NAME`.",
    ),
    "quota_tenant_sessions": Reason(
        "Your organisation has reached the number of sessions it may run at once.",
        user="Log off a session that you do not need any more, or try again when others have.",
        administrator="`portcullis get sessions` shows the tenant's sessions. The limit is the quota `sessions` of the "
        "tenant: `portcullis tenant set NAME --sessions N`.",
    ),
    "launches_too_fast": Reason(
        "Your organisation starts more applications in a second than it may.",
        user=_RETRIED,
        administrator="The limit is the quota `launches_per_second` of the tenant: `portcullis tenant set NAME "
        "--launches-per-second N`. Each broker allows its share.",
    ),
    "logins_too_fast": Reason(
        "Too many people of your organisation sign in at once.",
        user="Wait a moment and sign in again.",
        administrator="The limit is the quota `logins_per_second` of the tenant: `portcullis tenant set NAME "
        "--logins-per-second N`. Each broker allows its share.",
    ),
    "own_tenant": Reason(
        "This is the tenant that you belong to.",
        administrator="Whoever suspends or deletes a tenant belongs to another one: there would be nobody left to take "
        "it back.",
    ),
    "host_not_isolated": Reason(
        "This host runs all sessions under one account.",
        administrator="Accounts of the operating system are never shared among tenants, so such a host serves the one "
        "tenant that it has. Run its agent as root (docs/unprivileged.md), or join it anew for the other tenant.",
    ),
}

LAUNCH_REFUSED: dict[str, Reason] = {
    "application_unknown": Reason(
        "There is no such application.",
        user="Reload the page: it may have been withdrawn or renamed.",
        administrator="`portcullis get applications` lists what is published.",
    ),
    "not_entitled": Reason(
        "You are not entitled to this application.",
        user="Ask your administrator for access to the application.",
        administrator=f"{_EXPLAIN}Name the user, or a group of theirs, under `entitled` in the application's file and "
        "`portcullis apply` it. `portcullis get users` shows the groups.",
    ),
    "application_disabled": Reason(
        "The application is disabled.",
        user="Ask your administrator when it will be back.",
        administrator="Set `disabled: false` in the application's file and `portcullis apply` it.",
    ),
    "user_unknown": Reason(
        "There is no such user.",
        administrator="The user was deleted, or the name is another one: `portcullis get users` lists them. Somebody "
        "without an account cannot sign in at all.",
    ),
    "user_disabled": Reason(
        "The account is disabled.",
        user="Ask your administrator to enable your account.",
        administrator="`portcullis get users` shows the state. Their running sessions are kept.",
    ),
    "quota_user": Reason(
        "You have reached the number of sessions you may run at once.",
        user="Log off a session that you do not need any more; disconnecting keeps it running.",
        administrator="`portcullis get sessions` shows them, `portcullis session logoff ID` ends one. The limit is "
        "the policy `sessions` (`portcullis policy effective --user U --application A`), or where none is set the "
        "broker's setting `--sessions-per-user`.",
    ),
    "outside_networks": Reason(
        "This application may not be used from where you are.",
        user="Use it from your organisation's network, or by its VPN.",
        administrator=f"{_EXPLAIN}The address that the gateway saw is in none of the policy's `networks`; `portcullis "
        "policy effective --user U --application A` shows which level set them. Behind a proxy a gateway sees the "
        "proxy's address.",
    ),
    "outside_hours": Reason(
        "This application may not be used at this time.",
        user="Come back during the hours that your administrator has set. What runs goes on.",
        administrator=f"{_EXPLAIN}The policy's `hours` are over, by the clock of its `time_zone`: `portcullis policy "
        "effective --user U --application A` shows which level set them.",
    ),
    "factor_needed": Reason(
        "A new verification code is needed before this application starts.",
        user="Enter the code that your authenticator shows now.",
        administrator="The policy `second_factor_minutes` asks for a code that was given lately; the page asks for it "
        "by itself. API tokens have no second factor and cannot launch where the policy is set.",
    ),
    "no_host": Reason(
        "No host serves this application.",
        user=_ASK,
        administrator=f"{_EXPLAIN}No host of the site may serve the tenant: enrol one with `portcullis host "
        "join-token`. Or none is in the application's `host_groups`: `portcullis get hosts` shows the groups, "
        "`portcullis host set NAME --groups a,b` sets them.",
    ),
    "host_offline": Reason(
        "The hosts that serve this application are not connected.",
        user="Try again in a minute, then tell your administrator.",
        administrator="`portcullis get hosts` shows them offline: the agent there does not run or does not reach the "
        "broker. Its log says why under `no control channel`; `portcullis doctor` on the host looks at both.",
    ),
    "host_draining": Reason(
        "The hosts that serve this application take no new sessions.",
        user="Try again later. Sessions that run go on.",
        administrator="Every host of this application is being drained: end that, or add a host.",
    ),
    "host_full": Reason(
        "Every place on the hosts that serve this application is taken.",
        user="Try again later, or log off a session that you do not need.",
        administrator="`portcullis get hosts` shows places and sessions. End forgotten sessions, give the agent more "
        "places (`--slots`), or add a host.",
    ),
    "host_other_system": Reason(
        "No host that serves this application has the operating system that it is for.",
        user=_ASK,
        administrator="A command such as `C:\\App\\app.exe` or `notepad.exe` runs on Windows hosts alone, every "
        "other one on Linux hosts alone. Enrol such a host, let the application's `host_groups` name one, or correct "
        "the `command`. A Windows program may also be published for Linux hosts with `wine` (docs/wine.md).",
    ),
    "host_short_of_memory": Reason(
        "The hosts that serve this application have too little memory left.",
        user="Try again later, or log off a session that you do not need.",
        administrator=f"{_EXPLAIN}It says how much each host has and how much the application asks for "
        "(`minimum_memory_bytes`). End forgotten sessions, or add memory or a host.",
    ),
    "launch_conflict": Reason(
        "Many launches at once: try again.",
        user="Try again.",
        administrator="Other launches took each place first, eight times. If it happens often, add places.",
    ),
}

LAUNCH_FAILED: dict[str, Reason] = {
    "application_missing": Reason(
        "The application's program is missing on the host, or may not be run there.",
        user=_ASK,
        administrator=f"{_EXPLAIN}Install the program on that host, or correct `command` in the application's file. "
        "One that is there has to be executable for every user (`chmod a+rx`). The program is looked for in the "
        "standard PATH, never in a user's home. `portcullis doctor` on the host finds every published command that "
        "is missing.",
    ),
    "console_nobody": Reason(
        "Nobody is signed in to the Windows host, so there is no desktop to run on.",
        user=_ASK,
        administrator="Windows makes a desktop for somebody who signs in there, never for a service. Sign in at its "
        "console, let it sign in by itself (automatic sign-in), or serve many users of a Windows server by RDP "
        "(docs/windows.md).",
    ),
    "console_locked": Reason(
        "The screen of the Windows host is locked.",
        user="Whoever is signed in there has to unlock it. Then start the application again.",
        administrator="A locked screen shows none of its applications. Unlock it at the console. Where nobody sits at "
        "the machine, switch off the lock after idleness and the password after the screen saver.",
    ),
    "console_disconnected": Reason(
        "Somebody is signed in to the Windows host, but no screen shows that desktop.",
        user=_ASK,
        administrator="The user was connected by a remote protocol and has disconnected: Windows draws nothing then. "
        "Connect again, or take the session back to the console: `tscon ID /dest:console` on the host, as "
        "administrator.",
    ),
    "elevation_needed": Reason(
        "The application asks for the rights of an administrator, which a published application does not get.",
        user=_ASK,
        administrator=f"{_EXPLAIN}Windows would ask (UAC) on a desktop of its own, which nobody sees from afar. "
        "Publish a program that needs no such rights, or tell Windows to run this one as whoever starts it "
        "(`__COMPAT_LAYER=RunAsInvoker` in the application's `environment`).",
    ),
    "application_exited": Reason(
        "The application ended before it opened a window.",
        user=_ASK,
        administrator=f"{_EXPLAIN}The exit status, or the signal that ended it, stands in the detail, and what the "
        "application said in the agent's log, under the session. Start the command on the host from a terminal: most "
        "often an argument is wrong, a file is missing, or the program only hands over to an instance that runs "
        "already.",
    ),
    "application_out_of_memory": Reason(
        "The application took more memory than a session may have, and was ended.",
        user="Start it again, with less open at once. If it happens again, tell your administrator.",
        administrator="The kernel killed it at the limit `session_memory_mb` of the agent (docs/limits.md). Files in "
        "the session's /tmp and /dev/shm count. Raise the limit, or look for a leak in the application.",
    ),
    "home_full": Reason(
        "Your home folder on the host is full: the application could not start.",
        user="Delete files with another application, or ask your administrator for room.",
        administrator="The application ended before its first window, and the user's account cannot write to its "
        "home: the disk is full, or the account's quota is used up (docs/limits.md).",
    ),
    "window_timeout": Reason(
        "The application did not open a window in time.",
        user="Try again: a first start can take long. Then tell your administrator the reference.",
        administrator=f"{_EXPLAIN}The program waits for something (network, licence, a locked profile) or has no "
        "window at all: a service, or one that hands over to what runs already (exit status 0). The agent's setting "
        "`--window-seconds` says how long is waited.",
    ),
    "display_failed": Reason(
        "The display on the host failed.",
        user=_ASK,
        administrator=f"{_EXPLAIN}Xvfb or the window manager ended or did not start. Usual causes: a full /dev/shm, "
        "too little memory, a missing package. `portcullis doctor` on the host looks at all three.",
    ),
    "account_failed": Reason(
        "The account could not be prepared on the host.",
        user=_ASK,
        administrator=f"{_EXPLAIN}The agent makes a local account for each user. The agent's log holds what `useradd` "
        "said: a full disk, a read-only /etc, or an account of that name that belongs to somebody else.",
    ),
    "worker_failed": Reason(
        "The session's streaming process ended.",
        user="Start the application again. If it happens again, tell your administrator the reference.",
        administrator=f"{_EXPLAIN}The worker or the session's leader was killed, by hand or for lack of memory "
        "(`dmesg` shows that), or failed: then the agent's log holds its last words, under the session.",
    ),
    "probe_timeout": Reason(
        "A test launch came no further in time.",
        administrator="A probe started the application, and then nothing came: no picture, or no word that a click was "
        "taken. `portcullis probe get APPLICATION` shows the stages that it passed; the logs of gateway, agent and "
        "worker tell the rest under its reference.",
    ),
    "probe_occupied": Reason(
        "The user of a test launch has a session of the application already.",
        administrator="A probe never touches a session that it did not start: give it a user of its own, whom nobody "
        "else signs in as (`portcullis probe set APPLICATION --user NAME`). After a broker was lost it is a session "
        "that a probe left behind: the next round is well again.",
    ),
    "host_lost": Reason(
        "The host did not answer in time.",
        user="Start the application again. What was not saved in the one before may be lost.",
        administrator="The host was restarted, or its agent did not reach a broker for long. The session's programs "
        "are gone if the machine was restarted.",
    ),
}

WINE: dict[str, Reason] = {
    "host_lacks_wine": Reason(
        "No host that serves this application can run it: Wine, or the application's template, is not there.",
        user=_ASK,
        administrator=f"{_EXPLAIN}Install Debian's `wine` and `wine64` on the hosts, and make the template on each: "
        "`portcullis-agent wine-template make NAME` (docs/wine.md). An agent of an earlier version has to be upgraded "
        "first.",
    ),
    "wine_template_missing": Reason(
        "The host has no such template, or it is damaged.",
        user=_ASK,
        administrator=f"{_EXPLAIN}`portcullis-agent wine-template list` on that host says which it has; `make` makes "
        "one, or a new version of one that is damaged (docs/wine.md).",
    ),
    "wine_program_missing": Reason(
        "The application's program does not exist on the user's drive C:.",
        user=_ASK,
        administrator=f"{_EXPLAIN}Correct `wine.program` in the application's file: `portcullis-agent wine-template "
        "programs NAME` on the host lists what the template has. Or the user's copy lost it: the detail names the "
        "folder, which a new copy replaces when it is moved away.",
    ),
    "wine_prefix_busy": Reason(
        "The application's Windows files are in use by another session of yours.",
        user="Try again in a moment: an earlier session may still be ending.",
        administrator="One session at a time may use a user's copy of a template. An earlier one is still ending, or "
        "homes lie on a network and the user has the application open on another host.",
    ),
    "wine_prefix_foreign": Reason(
        "The application's Windows files belong to another account.",
        user=_ASK,
        administrator=f"{_EXPLAIN}The folder that the detail names lies in the user's home and is not theirs, or is a "
        "link: it was restored from a backup, say, or moved to another account. `chown -R` gives it back; or move it "
        "away, and the next launch makes a new one. Wine itself refuses such a folder.",
    ),
    "wine_prefix_broken": Reason(
        "The application's Windows files are damaged.",
        user=_ASK,
        administrator=f"{_EXPLAIN}The registry or drive C: of the user's copy is missing or unreadable: somebody "
        "deleted parts of it, or a disk failed. Move the folder that the detail names away, and the next launch makes "
        "a new copy; settings of the user can be taken from the old one.",
    ),
    "wine_failed": Reason(
        "Wine could not start the application.",
        user=_ASK,
        administrator=f"{_EXPLAIN}The session's log holds what Wine said. Usual causes: a program of 32 bits where "
        "only `wine64` is installed, a program that needs what the template lacks (a runtime library), or Wine was "
        "removed from the host.",
    ),
}

DESKTOPS: dict[str, Reason] = {
    "host_lacks_desktops": Reason(
        "No host that serves this application lets its desktop be used from afar.",
        user=_ASK,
        administrator=f"{_EXPLAIN}The agent's setting `--desktops` on the host says who has to agree (`ask`, `own`, "
        "`none`); with `off` none may. An agent of an earlier version has to be upgraded first (docs/desktops.md).",
    ),
    "desktop_not_permitted": Reason(
        "A policy does not allow you to use existing desktops.",
        user=_ASK,
        administrator=f"{_EXPLAIN}The policy `desktops` is `none` for this user and application.",
    ),
    "desktop_not_allowed": Reason(
        "The host does not allow its desktop to be used in this way.",
        user=_ASK,
        administrator="Whoever runs the host says by the agent's setting `--desktops ask,own,none` which of the "
        "application's `consent` it allows. Without it `ask` alone is (docs/desktops.md).",
    ),
    "desktop_empty": Reason(
        "Nobody is signed in at that desktop, or there is no such desktop.",
        user="Try again when somebody is there.",
        administrator=f"{_EXPLAIN}The detail names the displays that the host has. `console` is the host's own screen; "
        "others are named as `:1`, on Windows by the number of their session. A sign-in screen is nobody's desktop.",
    ),
    "desktop_not_own": Reason(
        "Somebody else is signed in at that desktop.",
        user="You can use it when you are signed in there yourself.",
        administrator="With `consent: own` the account at the desktop has to be the user's own, as `account` says: "
        "that of a Windows domain as `CORP\\{user}`. With `ask` whoever is there can let them in.",
    ),
    "desktop_unsupported": Reason(
        "That desktop cannot be shown.",
        user=_ASK,
        administrator=f"{_EXPLAIN}A Wayland session gives nobody its picture through X: choose the Xorg session at the "
        "sign-in screen. A display of root, one of other than 24 bits of colour, or a Windows session that no "
        "screen shows is not shown either.",
    ),
    "desktop_locked": Reason(
        "That desktop is locked: nobody is there who could be asked.",
        user="Try again when somebody is there.",
        administrator="With `consent: ask` a locked desktop refuses, and ends a connection when it gets locked. With "
        "`own` the user sees the lock and can open it; that of Windows is opened there alone.",
    ),
    "desktop_unanswered": Reason(
        "Nobody answered at that desktop.",
        user="Call whoever sits there, and try again.",
        administrator="The question stood for as long as `answer_seconds` of the application says. No answer is a "
        "refusal.",
    ),
    "desktop_refused": Reason(
        "Whoever is at that desktop refused.",
        user="Call them before you try again.",
        administrator="The audit log tells when they were asked and refused.",
    ),
    "desktop_in_use": Reason(
        "Somebody else is connected to that desktop.",
        user="Try again later.",
        administrator="One person at a time, unless the applications of all of them say `shared: true`.",
    ),
    "desktop_ended": Reason(
        "Whoever is at that desktop ended the connection.",
        user="Call them before you try again.",
        administrator="They chose *End* on the sign that stands on their screen while somebody is connected.",
    ),
    "desktop_closed": Reason(
        "That desktop has ended.",
        user="Try again when somebody has signed in there.",
        administrator="The person there signed out, or the X server ended or did not let its owner's account in. The "
        "agent's log holds more, under the session.",
    ),
    "desktop_left": Reason(
        "You were not connected for a while, so the desktop was given back.",
        user="Start the application again: whoever is there may be asked once more.",
        administrator="An attachment to an existing desktop ends a minute after its user has gone: nobody shall "
        "come back unseen.",
    ),
}

RDP: dict[str, Reason] = {
    "credentials_needed": Reason(
        "The server asks who you are there.",
        user="Enter the user name and password that you have on that server.",
        administrator="The application shows an RDP server and was started without credentials: from a script, say, "
        "or by a page of an earlier version. Scripts send `credentials` with the launch (docs/rdp.md).",
    ),
    "credentials_lost": Reason(
        "What you entered for the server was lost on its way to the host.",
        user="Start the application again and enter it once more.",
        administrator="A password that is asked for is kept in the memory of one broker until the host takes it: that "
        "broker was restarted, or the launch waited longer than five minutes. Of kept ones: the user forgot it, or the "
        "application leads to another server by now.",
    ),
    "host_lacks_rdp": Reason(
        "No host that serves this application can show RDP servers.",
        user=_ASK,
        administrator=f"{_EXPLAIN}Install Debian's `freerdp2-x11` on the hosts and restart their agents; an agent of "
        "an earlier version has to be upgraded first.",
    ),
    "rdp_address_refused": Reason(
        "The server's address is one that hosts do not connect to.",
        user=_ASK,
        administrator="Its name leads to the host itself, to its own link or to a cloud's metadata. If that is meant, "
        "name the network in the agent's setting `--rdp-networks` (docs/rdp.md).",
    ),
    "rdp_unreachable": Reason(
        "The server does not answer.",
        user="Try again in a while: it may be switched off or restarting. Then tell your administrator the reference.",
        administrator=f"{_EXPLAIN}The host found no address of that name, or could not open a connection: look at "
        "name, port and the firewalls between host and server. `nc -vz SERVER 3389` on the host tells the same.",
    ),
    "rdp_timeout": Reason(
        "The server took the connection and then did not go on.",
        user="Try again in a while. Then tell your administrator the reference.",
        administrator="It is overloaded, or hangs. What it was doing stands in the agent's log, under the session. The "
        "agent's setting `--window-seconds` says how long is waited.",
    ),
    "rdp_sign_in_refused": Reason(
        "The server did not accept user name and password.",
        user="Try again, and look at what you enter: the password is the one of that server.",
        administrator="The server's security log says why. User name and domain are made as the application says.",
    ),
    "rdp_broken_off": Reason(
        "The server broke off while you were being signed in. Most often user name or password are wrong.",
        user="Try again, and look at what you enter. Then tell your administrator the reference.",
        administrator="Servers that do not say why end the connection so: wrong credentials, a licence server that is "
        "away, or TLS that host and server cannot agree on. The agent's log holds what xfreerdp said.",
    ),
    "rdp_password_expired": Reason(
        "Your password on the server has expired, or has to be changed.",
        user="Change it where you can, at a workstation say, and start the application again with the new one.",
        administrator="It cannot be changed on the way in: NLA takes place before there is a screen. With `security: "
        "tls` servers that allow it show their own page for that.",
    ),
    "rdp_account_unusable": Reason(
        "Your account on the server is locked, disabled or has expired.",
        user="Ask whoever looks after the server to open it again.",
        administrator="The server said so. A kept password that is wrong by now can lock an account: users change it "
        "in the portal, under Kept passwords.",
    ),
    "rdp_not_permitted": Reason(
        "The server does not let you sign in remotely.",
        user="Ask your administrator for the right to use that server.",
        administrator="Put the user into the server's group Remote Desktop Users; look at its logon rights and hours.",
    ),
    "rdp_certificate_refused": Reason(
        "The server's certificate is not the one that was expected.",
        user=_ASK,
        administrator="If it was renewed, look at the new one on the server itself and put its SHA-256 into "
        "`certificate`. Without a pin the host's CAs must vouch for it under the name in `server`. Anything else may "
        "be somebody in between: nothing was sent to it.",
    ),
    "rdp_security_refused": Reason(
        "The server does not offer the security that this application asks for.",
        user=_ASK,
        administrator="`security: nla` and the server has none, `tls` and it demands NLA, or it knows neither: plain "
        "RDP security is never used. Set `security: negotiate`, or switch NLA on at the server.",
    ),
    "rdp_protocol": Reason(
        "The connection to the server failed.",
        user=_ASK,
        administrator=f"{_EXPLAIN}What answers there may be no RDP server, or one that FreeRDP does not get on with: "
        "the agent's log holds what xfreerdp said, under the session.",
    ),
    "rdp_licence": Reason(
        "The server has no licence for this connection.",
        user=_ASK,
        administrator="Its Remote Desktop licensing refuses: no client access licence is left, or its licence server "
        "is away.",
    ),
    "rdp_disconnected": Reason(
        "The server ended the session.",
        user="Start the application again. What was open may still be there.",
        administrator="Somebody disconnected or logged off the session at the server, or a time limit of the server "
        "did.",
    ),
    "rdp_taken_over": Reason(
        "Another connection took over your session on the server.",
        user="Start the application again to have it here.",
        administrator="The user signed in to the same server from elsewhere: it allows one session a user.",
    ),
}

SESSIONS: dict[str, Reason] = {
    "session_unknown": Reason(
        "There is no such session.",
        user="Go back to your applications: it has ended.",
        administrator="It has ended, or belongs to another tenant. `portcullis get sessions` lists those that run.",
    ),
    "session_ended": Reason(
        "The session has ended.",
        user="Start the application again if you need it.",
        administrator="Nothing is wrong unless it ended by itself: then a trace is kept, and `portcullis explain "
        "REFERENCE` tells it.",
    ),
    "session_not_ready": Reason(
        "The session is not ready yet.",
        user=_RETRIED,
        administrator="The session's host has not accepted it. The stage is shown by `portcullis get "
        "sessions --json`.",
    ),
    "application_closed": Reason(
        "The application was closed.",
        user="Start it again if you need it.",
        administrator="The application ended, or left no window open for five seconds after its main process ended.",
    ),
    "logged_off": Reason(
        "The session was logged off.",
        user="Start the application again if you need it.",
        administrator="The user or an administrator ended it. The broker's log says who, under the session.",
    ),
    "console_signed_out": Reason(
        "Whoever was signed in to the Windows host has signed out, which ended its applications.",
        user="Start the application again once somebody is signed in there.",
        administrator="Applications on a Windows host run on the desktop of whoever is signed in, and Windows ends "
        "them when that user signs out or another one signs in.",
    ),
    "idle_limit": Reason(
        "The session was logged off because nobody used it for as long as the policy allows.",
        user="Start the application again. Save your work before you leave it for long.",
        administrator="The policy `idle_minutes` of its user and application: `portcullis policy effective --user U "
        "--application A` shows which level set it.",
    ),
    "disconnected_limit": Reason(
        "The session was logged off because nobody was connected to it for as long as the policy allows.",
        user="Start the application again. Save your work before you disconnect for long.",
        administrator="The policy `disconnected_minutes` of its user and application: `portcullis policy effective "
        "--user U --application A` shows which level set it.",
    ),
    "ticket_refused": Reason(
        "The ticket is unknown, used or expired.",
        user="Try again: the page fetches a new one.",
        administrator="A ticket is good once and for 20 seconds. If every one is refused, the way from gateway to "
        "broker is too slow, or something presents tickets twice.",
    ),
    "grant_refused": Reason(
        "The grant is expired or not valid.",
        user="Try again, or sign in again.",
        administrator="Grants last 30 minutes and are renewed every five while a broker answers. If all are refused, "
        "compare the clocks of broker, gateway and host: `portcullis doctor` does.",
    ),
    "proof_refused": Reason(
        "This browser's key does not match the grant.",
        user="Sign in again in this browser.",
        administrator="Somebody presented the grant of another browser. Expected after site data was cleared; "
        "otherwise look in the worker's log, under the session.",
    ),
    "not_confirmed": Reason(
        "It was not confirmed. Nothing was changed.",
        administrator="Type the name of the site exactly as the question shows it, or pass `--yes`.",
    ),
    "revocation_refused": Reason(
        "This is no revocation that a broker of the site signed.",
        administrator="A gateway or a host was told of a revocation that it cannot verify, and did nothing. If it goes "
        "on, the machine does not know the site's present grant keys: see whether its channel to a broker stands.",
    ),
    "taken_over": Reason(
        "The session was opened in another window.",
        user="Use it there, or take it back here.",
        administrator="A session has one client; the newest wins. If its user did not do that, revoke their logins.",
    ),
    "session_disconnected": Reason(
        "An administrator disconnected this window from the session.",
        user="The application goes on. Open it again to go on where you were.",
        administrator="Somebody disconnected it in the console or by `portcullis session disconnect`: `portcullis "
        "audit --type session` shows who.",
    ),
    "host_too_old": Reason(
        "The agent of that host is of an earlier version, which cannot do this.",
        administrator="Upgrade the agent of the host: `portcullis status` shows the versions.",
    ),
    "too_many_connections": Reason(
        "Too many connections.",
        user="Close windows that you do not need, and try again in a minute.",
        administrator="A cap of the gateway was reached: `--streams`, `--streams-per-client`, `--connections` or "
        "`--connections-per-client`. Many users behind one address need higher per-client caps. `/metrics` counts the "
        "refusals.",
    ),
    "host_unreachable": Reason(
        "The host does not answer.",
        user=_RETRIED,
        administrator="The gateway has no standing link from that host, or its worker did not dial in time. The "
        "gateway's log shows `link ended`, the agent's `no link`. The host must reach the gateway's inner listener: "
        "docs/ports.md.",
    ),
    "broker_unreachable": Reason(
        "No broker answers.",
        user=_RETRIED,
        administrator="The gateway reaches no broker: sign-in and launches wait, running sessions go on. Look whether "
        "the broker runs, whether its address is right, and whether its certificate and the gateway's are valid: "
        "`portcullis doctor`.",
    ),
    "outcome_unknown": Reason(
        "It is not known whether that was done.",
        user="Look whether it happened before you do it again.",
        administrator="A broker went away after it had taken a change and before it had answered. Another broker was "
        "asked with the same signed request and saw that it had been taken; this change is not one that can be done "
        "twice without harm, so it was not repeated.",
    ),
    "gateway_draining": Reason(
        "The gateway is being taken out of service.",
        user=_RETRIED,
        administrator="An administrator drains it. The gateway takes no new streams and closes those it "
        "has; their browsers resume at another gateway by themselves. `portcullis get gateways` shows which one.",
    ),
    "gateway_unreachable": Reason(
        "No gateway answers.",
        user="Check the network and the address.",
        administrator="Nothing answers at the address in the profile, or another program does. On the machine itself "
        "`portcullis doctor` and `deploy/quickstart.sh --status` say what runs.",
    ),
    "protocol_error": Reason(
        "The peer broke the protocol.",
        user="Reload the page.",
        administrator="A client, or something between, sent what the protocol does not hold. The log of who closed "
        "the connection names it. After an update it is often a page that was loaded before.",
    ),
    "version_unsupported": Reason(
        "Client and host have no protocol version in common.",
        user="Reload the page.",
        administrator="Page and worker are of different releases: update the part that is behind. `portcullis "
        "doctor` compares the versions.",
    ),
    "admission_timeout": Reason(
        "The client did not present itself in time.",
        user=_RETRIED,
        administrator="A stream was opened and nothing came for 5 seconds: a very slow network, or a scanner.",
    ),
    "proof_timeout": Reason(
        "The client did not prove its key in time.",
        user=_RETRIED,
        administrator="The browser did not sign the worker's challenge in time: a very slow network, or a suspended "
        "device.",
    ),
}

REQUESTS: dict[str, Reason] = {
    "invalid_request": Reason(
        "The request is malformed.",
        administrator="The caller sent what no version of the API takes. docs/api.md describes each request.",
    ),
    "invalid_field": Reason(
        "A field has a wrong value.",
        user="Correct the field that is named.",
        administrator="The message names the field and what belongs there.",
    ),
    "not_found": Reason(
        "There is no such thing.",
        user="Go back and reload the page.",
        administrator="The name or id is not that of a thing of this tenant. `portcullis get` lists what is there.",
    ),
    "already_exists": Reason(
        "A thing of this name exists already.",
        administrator="Choose another name. Names are compared without regard to case.",
    ),
    "changed_meanwhile": Reason(
        "It was changed meanwhile: read it again.",
        user="Reload the page and try again.",
        administrator="Somebody else changed it between reading and writing. Read it again, then repeat the change.",
    ),
    "change_under_way": Reason(
        "A change of many objects is being written: another one has to wait.",
        administrator="Somebody applies files, or rolls back, at this moment. Wait until it is done (seconds), then "
        "plan again: what was planned before may be different now. A change that was cut off, because its broker "
        "died, is carried on by another one within seconds.",
    ),
    "reference_unknown": Reason(
        "No launch is kept under this reference.",
        administrator="Traces are kept for 24 hours, 500 a tenant, and only of launches that were refused or failed. "
        "The logs of broker and agent hold the reference longer.",
    ),
    "unavailable": Reason(
        "The service cannot do this now.",
        user="Try again in a minute.",
        administrator="The broker cannot write its grid now: a full or read-only disk, or the store is away. Nothing "
        "was changed. `portcullis doctor` looks at the disk; the broker's log and `/readyz` name the cause.",
    ),
    "internal_error": Reason(
        "Something went wrong. It is in the log under the reference.",
        user=_ASK,
        administrator="A bug, or a machine in trouble. The log of the part that answered holds the error under the "
        "reference; please report it with that.",
    ),
}

ENROLMENT: dict[str, Reason] = {
    "join_refused": Reason(
        "The join token is unknown, used or expired.",
        administrator="A join token is good once and for 15 minutes. Make another: `portcullis host join-token`.",
    ),
    "join_role": Reason(
        "The join token is for a machine of the other role.",
        administrator="`portcullis host join-token` is for deploy/host.sh, `portcullis gateway join-token` for "
        "deploy/gateway.sh. The token is not used up.",
    ),
    "tls_refused": Reason(
        "The certificate for browsers cannot be used.",
        administrator="The file given with `--cert` or `--key` is missing, unreadable, not PEM, expired, for another "
        "name, or the two do not belong together: the message says which. docs/https.md tells what is needed. A "
        "running gateway goes on with the certificate that it has.",
    ),
    "certificate_refused": Reason(
        "The certificate is not valid for this.",
        administrator="A machine was removed from the site, was off for more than 30 days, or its folder was copied "
        "from another one: enrol it anew. For the CLI: set `ca_cert` in the profile to the site's web CA. Clocks that "
        "differ make valid certificates invalid.",
    ),
}

GRID: dict[str, Reason] = {
    "grid_unavailable": Reason(
        "The grid's file cannot be read or written now.",
        administrator="The disk of the broker's state folder is full, read-only or failing, or the file belongs to "
        "another account: the message says which. Nothing that was acknowledged is lost. After a full disk the broker "
        "goes on by itself when there is room; running sessions are not touched.",
    ),
    "grid_degraded": Reason(
        "The site cannot take changes at the moment: too few members of its grid answer.",
        user="Sessions that run go on, also after a lost connection. Signing in and starting applications have to "
        "wait: the page tries again by itself.",
        administrator="`portcullis status` shows which members of the grid are missing: start them, or free their "
        "disks. The brokers go on by themselves. Meanwhile sessions run and resume, lists can be read, users can be "
        "disabled and signed out, and `portcullis panic` works; sign-ins, launches and other changes are refused.",
    ),
    "grid_in_use": Reason(
        "Another process has the grid's file open.",
        administrator="One broker at a time may use an embedded grid. Stop the other one first, or give this one a "
        "state folder of its own.",
    ),
    "grid_damaged": Reason(
        "The grid's file is damaged, or is not a grid.",
        administrator="It was left as it is. Restore grid.sqlite, and grid.sqlite-wal if there is one, from one backup "
        "while no broker runs. The message names what is wrong with it.",
    ),
    "grid_too_new": Reason(
        "A newer version of Portcullis wrote the grid's file.",
        administrator="It was left as it is. Use that version or a newer one, or restore the copy "
        "grid.sqlite.version-N that was made before it was brought up to date.",
    ),
    "grid_unreachable": Reason(
        "No etcd member answers.",
        administrator="The message says of each member why: not running, no leader, or not in time. Without a majority "
        "of the members nothing is written; running sessions go on, and so does the broker by itself when a majority "
        "is back. docs/etcd.md tells how to look, and how to replace a member that is lost.",
    ),
    "grid_full": Reason(
        "The database of an etcd member is full.",
        administrator="It has raised etcd's alarm NOSPACE and takes no writes until the alarm is disarmed: compact, "
        "defragment, then `etcdctl alarm disarm` (docs/etcd.md, word for word). Running sessions are not touched.",
    ),
    "grid_denied": Reason(
        "The access control of etcd refuses this broker.",
        administrator="The name (CN) in the certificate of `--grid-cert` must be an etcd user with a role that may "
        "read and write the prefix /p/v1/ (docs/etcd.md), or etcd runs with authentication and none was given.",
    ),
    "grid_tls": Reason(
        "Broker and etcd do not accept each other's certificates.",
        administrator="The message says whose certificate is wrong and why: expired, of another CA than `--grid-ca`, "
        "for another name, or missing (`--grid-cert`, `--grid-key`). docs/etcd.md shows how to make them.",
    ),
    "grid_replaced": Reason(
        "It is not the grid that this broker began with.",
        administrator="The addresses of `--grid` lead to another etcd cluster now, or etcd was restored from an older "
        "state. The broker stops, since what it knows is no past of that; started again it takes the grid as it is. "
        "Make sure that this is the right cluster first: no session is ended by an older or an empty grid.",
    ),
    "grid_version": Reason(
        "This version of etcd loses data.",
        administrator="Versions before 3.4.22, and 3.5.0 to 3.5.5, are not used. Run etcd 3.6.9 or newer.",
    ),
    "grid_sealed": Reason(
        "A record of the grid does not open with this site key.",
        administrator="The files site.key and grid.sqlite are not of the same site, or the file was altered. Put the "
        "site key back that the operator copied at `init`, or restore the file from a backup.",
    ),
    "site_too_new": Reason(
        "A newer version of Portcullis wrote the site's records.",
        administrator="Use that version or a newer one. Nothing was changed. A version before 0.2.0 says this of a "
        "grid that was moved away, too: the version that moved it says where the site is now.",
    ),
    "site_moved": Reason(
        "The site was moved to another grid: this one is a copy of the past.",
        administrator="Start brokers with the `--grid` that the message names. To move the site back, run "
        "`portcullis-broker migrate` the other way. Only when no broker ever ran on the other grid: "
        "`portcullis-broker migrate --cancel` makes this one the site again.",
    ),
    "site_incomplete": Reason(
        "A restore, a move or a change of keys was interrupted: the grid does not hold the whole site yet.",
        administrator="Run the same command again: it goes on where it was, or begins anew. No session was touched.",
    ),
}

BACKUPS: dict[str, Reason] = {
    "backup_foreign": Reason(
        "The file is not a backup.",
        administrator="It was not written by `portcullis-broker backup`. A copy of grid.sqlite is no such file: put it "
        "back as grid.sqlite while no broker runs.",
    ),
    "backup_damaged": Reason(
        "The backup is damaged.",
        administrator="It was cut short or altered: its checksum, or a seal in it, does not hold. Nothing was changed. "
        "Copy it again from where it is kept, or use an earlier one.",
    ),
    "backup_too_new": Reason(
        "A newer version of Portcullis wrote the backup.",
        administrator="Use that version or a newer one. Nothing was changed.",
    ),
    "backup_sealed": Reason(
        "The backup was made with another site key.",
        administrator="Give `restore` the key that the site had then: `--backup-key FILE`. After `rotate-keys` that is "
        "site.key.previous. Without that key nobody can read the backup.",
    ),
    "journal_damaged": Reason(
        "A journal of revocations cannot be read.",
        administrator="What was revoked might come back unseen, so nothing was changed. Give the journal of another "
        "broker of the site (`<state>/revocations.jsonl`): each holds everything. With none that is whole, "
        "`--without-journal` restores what the backup says.",
    ),
    "grid_not_empty": Reason(
        "The grid that was to be filled holds something already.",
        administrator="A restore goes into an empty grid; `--replace` gives up what a lost one still holds. A move "
        "goes into an empty grid alone.",
    ),
    "brokers_run": Reason(
        "A broker of the site runs.",
        administrator="Stop every broker first (after a quickstart: deploy/quickstart.sh --stop), and wait 15 s where "
        "one was killed. Running sessions go on without brokers for 30 minutes. Nothing was changed.",
    ),
}

STATUS: dict[str, Reason] = {
    "grid_quorum_lost": Reason(
        "Too few members of the grid answer: it takes no changes.",
        administrator="Running sessions go on; sign-ins, launches and changes wait. Bring members back until most of "
        "them answer: everything returns by itself. If most are lost for good: docs/operations.md, a lost quorum.",
    ),
    "grid_corrupt": Reason(
        "A member of the grid holds other data than the rest.",
        administrator="Stop that member, remove it from the cluster, wipe its data and add it anew. Look for a failing "
        "disk or an etcd version with known faults.",
    ),
    "grid_member_down": Reason(
        "A member of the grid does not answer.",
        administrator="Start it again; it catches up by itself. If its machine is lost: `etcdctl member remove`, then "
        "`member add` for another one, and --grid of the brokers at their next start.",
    ),
    "grid_filling": Reason(
        "The database of the grid fills its quota.",
        administrator="At the quota etcd takes no changes. See that --auto-compaction-retention is set on all members "
        "and defragment them one after the other (`etcdctl defrag`); if that does not help, start them with a larger "
        "--quota-backend-bytes (docs/etcd.md).",
    ),
    "grid_member_lags": Reason(
        "A member of the grid is behind the others.",
        administrator="Its disk or network is slow. Give etcd a disk of its own; look at its log for `slow fdatasync`.",
    ),
    "grid_member_trouble": Reason(
        "A member of the grid has a trouble that it goes on with.",
        administrator="What is said of it names the cause.",
    ),
    "broker_gone": Reason(
        "A broker died and did not come back.",
        administrator="Start it again, or leave it: its hosts and gateways are with the others. A broker that is "
        "stopped (not killed) says good-bye and is not missed; one that died is forgotten after a day.",
    ),
    "broker_silent": Reason(
        "A broker counts as live, but does not answer the others.",
        administrator="It is frozen, overloaded, or cut off: look at its machine, and at the network between the "
        "brokers' inner listeners. Hosts and gateways go to the others by themselves.",
    ),
    "ca_changes": Reason(
        "The CA of the site's machines is being changed.",
        administrator="It goes on by itself while everything runs. A machine that it waits for is off, cut off or of "
        "an older version; a host also while a session runs there that an older version started. Bring it up, or "
        "revoke it if it is gone for good. `portcullis-broker rotate-keys --ca --without-waiting` leaves such machines "
        "behind: they have to join again. `--ca --cancel` takes back a CA that does not sign yet.",
    ),
    "data_keys_change": Reason(
        "The data keys of tenants are being changed.",
        administrator="It goes on by itself while everything runs, and waits only for brokers of an older version: "
        "upgrade them. A day after everything is sealed anew the old keys are destroyed.",
    ),
    "broker_drains": Reason(
        "A broker is being drained.",
        administrator="When nothing is left there, stop it. `portcullis drain broker NAME --undo` takes it back.",
    ),
    "broker_lags": Reason(
        "A broker's picture of the grid is behind.",
        administrator="It decides by an old picture; conflicts are noticed and tried again. If it lasts: its "
        "connection to the grid is slow, or its machine is overloaded. Restart it.",
    ),
    "clock_wrong": Reason(
        "The clock of this broker is wrong.",
        user="Try again: another broker answers.",
        administrator="It differs by more than 30 s from that of most other brokers. This broker refuses sign-ins, "
        "launches, tickets and changes, and gateways ask the others; running sessions are not touched. Set the clock "
        "of its machine and let NTP keep it (`timedatectl`). The broker goes on by itself as soon as it is right.",
    ),
    "broker_behind": Reason(
        "This broker has not heard of your last change yet.",
        user="Try again: another broker answers.",
        administrator="It is cut off from the grid, or its view of it is late, and it does not judge what it cannot "
        "know. Gateways ask the others. `portcullis status` shows how far it is behind: look at its network to etcd.",
    ),
    "clocks_differ": Reason(
        "Clocks of brokers differ, and no majority says which one is wrong.",
        administrator="They go on. The one with the wrong clock may take a verification code that is too old, and "
        "refuse good ones. Compare the clocks of their machines (`timedatectl`), and set the wrong one.",
    ),
    "audit_unavailable": Reason(
        "This broker cannot record what happens, so it makes no changes.",
        administrator="The disk of its state folder is full, or takes no writes: free some. It goes on by itself "
        "within seconds, and what happened meanwhile is recorded then. Sign-ins and launches of users go on; changes "
        "and sign-ins of administrators go to another broker, or wait.",
    ),
    "audit_damaged": Reason(
        "A broker's record of what happened was damaged, and a new one was begun.",
        administrator="The damaged file lies beside the new one (`audit.sqlite.damaged-...`): keep it for whoever "
        "asks, or delete it. Other brokers have copies of its events. Look at that machine's disk.",
    ),
    "broker_alone": Reason(
        "The site has one broker.",
        administrator="Start another one on another machine: same --grid, a copy of site.key, an --address of its own.",
    ),
    "last_broker": Reason(
        "No other broker serves: draining this one would leave nobody.",
        administrator="Start another broker first, or take back the drain of another one.",
    ),
    "gateways_none": Reason(
        "No gateway lets anybody in.",
        administrator="Start one, take back a drain (`portcullis drain gateway NAME --undo`), or add one: `portcullis "
        "gateway join-token`.",
    ),
    "gateway_gone": Reason(
        "A gateway is not there.",
        administrator="Start it again; its users are with the others, if there are any. If it runs: it reaches no "
        "broker; look at its log.",
    ),
    "gateway_drains": Reason(
        "A gateway is being drained.",
        administrator="When no stream is left there, stop it. `portcullis drain gateway NAME --undo` takes it back.",
    ),
    "hosts_none": Reason(
        "No host takes sessions.",
        administrator="Start a host's agent, take back a drain (`portcullis drain host NAME --undo`), or add a host: "
        "`portcullis host join-token`.",
    ),
    "hosts_full": Reason(
        "Every place on every host is taken.",
        administrator="The next launch is refused. Add a host, or raise --slots of one.",
    ),
    "host_gone": Reason(
        "A host is not there.",
        administrator="If its machine lives, its sessions do, too: start the agent and they are back. If the machine "
        "is lost, they are given up after --host-lost-seconds of the broker (300), or at once when their users end "
        "them; new ones start elsewhere.",
    ),
    "streams_bad": Reason(
        "Many sessions of a host are slow.",
        administrator="`portcullis get sessions --wide` shows each with what holds it up. host: add a host, or lower "
        "--slots of this one. network: look at the way between users and gateways. client: their browsers are too slow "
        "for what they show.",
    ),
    "host_drains": Reason(
        "A host is being drained.",
        administrator="It takes no new sessions; those that run stay until their users end them. `portcullis drain "
        "host NAME --undo` takes it back.",
    ),
    "host_orphans": Reason(
        "A host runs sessions that the site has no record of.",
        administrator="They are kept: a restored or emptied grid must end nothing. `portcullis get orphans` shows "
        "them, `portcullis session end-orphan HOST SESSION` ends one.",
    ),
    "probes_failed": Reason(
        "Scheduled test launches failed.",
        administrator="Users would fail likewise. `portcullis get probes`, as an administrator of the tenant, names "
        "the applications; `portcullis probe get APPLICATION` shows the stages that were passed and what to do about "
        "the code, `portcullis explain REFERENCE` every step of the launch.",
    ),
    "probes_late": Reason(
        "Scheduled test launches have not been made for a long time.",
        administrator="Nothing is known of these applications any more. One broker makes the probes, two at a time: if "
        "there are many, give them more time (`portcullis probe set APPLICATION --every SECONDS`). Otherwise its log "
        "tells why its job `prober` is put off.",
    ),
    "versions_differ": Reason(
        "Parts of the site are of different versions.",
        administrator="Two neighbouring versions work together. Upgrade the rest one by one: docs/operations.md.",
    ),
}

GROUPS: dict[str, dict[str, Reason]] = {
    "Signing in": SIGNING_IN,
    "Users and their links": PEOPLE,
    "Tenants": TENANTS,
    "A launch is refused": LAUNCH_REFUSED,
    "A launch fails on the host": LAUNCH_FAILED,
    "RDP servers": RDP,
    "Existing desktops": DESKTOPS,
    "Windows programs": WINE,
    "Sessions and streams": SESSIONS,
    "Requests": REQUESTS,
    "Enrolment of machines": ENROLMENT,
    "The grid of a broker": GRID,
    "The state of the site": STATUS,
    "Backups and moves": BACKUPS,
}

REASONS: dict[str, Reason] = {code: reason for group in GROUPS.values() for code, reason in group.items()}


def remedy(code: str, *, sees_steps: bool = False) -> str | None:
    """What an administrator can do about a code; None for one that this version does not know. `sees_steps`: who need
    not be told where the steps are shown."""
    reason = REASONS.get(code)
    if reason is None:
        return None
    return reason.administrator.removeprefix(_EXPLAIN) if sees_steps else reason.administrator


def page() -> str:
    """docs/troubleshooting.md."""
    parts = [_HEAD]
    parts += [f"- [{title}](#{title.lower().replace(' ', '-')})" for title in GROUPS]
    for title, reasons in GROUPS.items():
        parts.append(f"\n## {title}")
        parts += [_entry(code, reason) for code, reason in reasons.items()]
    return "\n".join(parts) + "\n"


_HEAD = """\
<!-- Made by `python -m portcullis.reasons > docs/troubleshooting.md`: edit portcullis/reasons.py. -->

# What a code means, and what to do

Every refusal and failure carries a code, most carry a reference as well. The user gives that to an administrator:

    portcullis explain REFERENCE      each step of the launch, and the remedy
    portcullis doctor                 what is wrong with this installation
    grep REFERENCE LOG...             the same launch in the logs of broker, gateway and agent (docs/logs.md)
"""


def _entry(code: str, reason: Reason) -> str:
    lines = [f"\n### `{code}`", "", reason.meaning, ""]
    if reason.user is not None:
        lines.append(f"- **User**: {reason.user}")
    lines.append(f"- **Administrator**: {reason.administrator}")
    return "\n".join(lines)


def advice() -> str:
    """web_client/app/advice.js."""
    lines = (f"  {code}: {json.dumps(reason.user)}," for code, reason in REASONS.items() if reason.user)
    return "\n".join((_ADVICE_HEAD, *lines, "};")) + "\n"


_ADVICE_HEAD = """\
/** What a user can do about a code. Made by `python -m portcullis.reasons advice`: edit portcullis/reasons.py. */

/** @type {Record<string, string>} */
export const ADVICE = {"""


if __name__ == "__main__":
    sys.stdout.write(advice() if sys.argv[1:] == ["advice"] else page())
