/** Every text of the portal. `{name}` is replaced by the value of that name. Texts of error codes: `error.<code>`. */

/** @type {Record<string, string>} */
export const STRINGS = {
  "product": "Portcullis",
  "loading": "Loading…",

  "signin.title": "Sign in",
  "signin.title.code": "Verification",
  "signin.organisation": "Organisation",
  "signin.username": "User name",
  "signin.password": "Password",
  "signin.code": "Verification code",
  "signin.code.hint": "The six digits that your authenticator shows now.",
  "signin.recovery": "Recovery code",
  "signin.recovery.hint": "One of the ten that you stored when you set up the account. Each is good once.",
  "signin.recovery.use": "Use a recovery code",
  "signin.recovery.not": "Use the authenticator",
  "signin.submit": "Sign in",
  "signin.another": "Use another account",
  "signin.insecure":
    "This page was not loaded over a secure connection, so it cannot sign in. Open it by https, or by http://localhost.",

  "enrol.title": "Set up your account",
  "enrol.step": "Step {number} of 3",
  "enrol.welcome": "Welcome, {user}",
  "enrol.organisation": "Set up your account at {tenant}. This link is good once, until {until}.",
  "enrol.password": "New password",
  "enrol.password.hint":
    "At least 8 characters. A few words that do not belong together are easy to remember; no kinds of characters are asked for.",
  "enrol.password.show": "Show the password",
  "enrol.password.change": "Back to the password",
  "enrol.next": "Continue",
  "enrol.finish": "Finish",
  "enrol.factor.title": "Add your authenticator",
  "enrol.factor.text":
    "Scan this with an authenticator app on your phone, then enter the code that it shows. You need a code at each sign-in.",
  "enrol.qr": "QR code for the authenticator app",
  "enrol.key.why": "I cannot scan it",
  "enrol.key.copy": "Copy the key",
  "enrol.key.open": "Open in an authenticator on this device",
  "enrol.code.first": "Code that is shown now",
  "enrol.code.second": "Next code",
  "enrol.code.right": "The code is right",
  "enrol.code.wait": "Leave the app open. It shows another code in a moment: enter that one, too.",
  "enrol.code.seconds": "The next code comes in about {seconds} s.",
  "enrol.code.now": "The next code is there.",
  "enrol.code.again": "Start again with another first code",
  "enrol.code.shape": "A code has six digits.",
  "enrol.code.same": "That is the first code again. Enter the one that your app shows now.",
  "enrol.code.same.wait": "That is the first code again. Wait about {seconds} s, until your app shows another one.",
  "enrol.recovery.title": "Keep your recovery codes",
  "enrol.recovery.text":
    "Your account is set up. Without your phone, one of these signs you in instead of a code. Each is good once.",
  "enrol.recovery.once": "They are shown only now. Keep them like a password, and not on the phone alone.",
  "enrol.recovery.copy": "Copy",
  "enrol.recovery.download": "Download",
  "enrol.recovery.stored": "I have stored them",
  "enrol.recovery.file": "Recovery codes of {user} at {tenant}. Each is good once.",
  "enrol.recovery.filename": "portcullis-recovery-codes.txt",
  "enrol.refused.title": "This link does not work",
  "enrol.refused.help": "If you have set up your account with it already, just sign in. Otherwise ask your administrator for a new link.",
  "enrol.refused.signin": "Go to sign-in",
  "copied": "Copied",
  "copy.failed": "Select and copy it by hand",

  "catalogue.title": "Applications",
  "catalogue.search": "Search applications",
  "catalogue.running": "Running sessions",
  "catalogue.return": "Return",
  "catalogue.return.to": "Return to {name}",
  "catalogue.logoff": "Log off",
  "catalogue.logoff.name": "Log off {name}",
  "catalogue.loggingoff": "Logging off…",
  "catalogue.host": "on {host}",
  "catalogue.host.gone": "on {host}, which does not answer",
  "catalogue.started": "started {when}",
  "catalogue.starting": "starting",
  "catalogue.loading": "Loading the applications…",
  "catalogue.none": "No application is published to you yet. Your administrator can change that.",
  "catalogue.nomatch": "No application matches “{text}”.",
  "catalogue.trial": "This is an unprivileged trial: sessions are not walled off from each other.",
  "catalogue.failed": "The applications could not be loaded.",
  "catalogue.retry": "Try again",
  "catalogue.signout": "Sign out",
  "catalogue.user": "Signed in as {user}, {tenant}",

  "launch.title": "Starting {name}",
  "launch.returning": "Returning to {name}",
  "launch.cancel": "Back to applications",
  "launch.hint": "Later: move the pointer to the top edge, or press {keys}, for full screen, disconnect and log off.",
  "launch.hint.touch": "Later: the tab at the top edge holds full screen, disconnect and log off.",
  "launch.done": "done",
  "launch.now": "in progress",
  "stage.placed": "Finding a place",
  "stage.accepted": "Reaching the host",
  "stage.display": "Preparing the display",
  "stage.application": "Starting the application",
  "stage.window": "Opening its window",
  "stage.ready": "Connecting",
  "launch.waiting": "{reason} Trying again…",
  "launch.queue": "Waiting for a place: {nth} in line",
  "launch.queue.next": "Waiting for a place: next in line",
  "launch.queue.detail": "Many applications start on this host at the moment. You keep your place if you go back.",
  "ordinal.one": "{number}st",
  "ordinal.two": "{number}nd",
  "ordinal.few": "{number}rd",
  "ordinal.other": "{number}th",
  "launch.slow.asking": "The service is slow to answer.",
  "launch.slow": "This takes longer than usual. It goes on if you go back: you find it under Running sessions.",

  "failure.title": "{name} did not start",
  "failure.title.lost": "The connection to {name} ended",
  "failure.code": "Code",
  "failure.reference": "Reference",
  "failure.help": "If it happens again, give this reference to your administrator.",
  "failure.back": "Back",
  "failure.again": "Try again",
  "failure.anew": "End it and start anew",
  "failure.reload": "Reload the page",

  "takenover.title": "Open in another window",
  "takenover.text": "{name} is now shown in another window or browser. Nothing is lost.",
  "takenover.here": "Use it here",

  "session.label": "{name}, remote application. {keys} leads to the toolbar.",
  "session.reconnecting": "Reconnecting…",
  "logoff.title": "Log off {name}?",
  "logoff.text": "The application is closed. What is not saved in it is lost.",
  "logoff.cancel": "Keep it running",

  "session.reconnecting.detail": "{name} goes on running. What you typed is kept.",

  "toolbar.label": "Session",
  "toolbar.show": "Show the toolbar",
  "toolbar.fullscreen": "Full screen",
  "toolbar.window": "Leave full screen",
  "toolbar.disconnect": "Disconnect",
  "toolbar.logoff": "Log off",
  "toolbar.keys": "Ctrl+Alt+Home",

  "notice.enrolled": "Your account is set up. Sign in with your new password.",
  "notice.recovery": "You signed in with a recovery code: {left} left. Lost the phone? Ask your administrator for a reset.",
  "notice.ended": "{name} has ended.",
  "notice.loggedoff": "{name} was logged off.",
  "notice.loggedoff.elsewhere": "{name} was logged off in another window or by an administrator.",
  "notice.disconnected": "{name} goes on running. Return to it whenever you like.",
  "notice.signedout": "You are signed out.",
  "notice.signedout.elsewhere": "You were signed out in another window.",
  "notice.unknown": "That session does not run any more.",
  "notice.clipboard_too_large": "The copied text is longer than 1 MB and was not passed on.",
  "notice.input_lost": "The connection has been away for so long that new input is no longer kept.",
  "notice.close": "Dismiss",

  "error.sign_in_refused": "User name or password is wrong.",
  "error.code_used": "The code is wrong or was used already. Wait for the next one.",
  "error.recovery_refused": "The recovery code is wrong or was used already.",
  "error.factor_off": "Too many wrong codes: they are switched off for this account. Use a recovery code, or ask your administrator for a reset.",
  "error.enrolment_refused": "It was used already, has expired, was replaced by a newer one, or is not complete.",
  "error.code_refused":
    "The code is wrong. Enter two codes that follow each other, from the entry you just added. Was this page opened twice or reloaded? Then scan its newest picture.",
  "error.password_short": "The password needs at least 8 characters.",
  "error.password_guessable": "This password is easy to guess: it is common, a pattern, or holds a name. Take a few words that do not belong together.",
  "error.sign_in_blocked": "Too many attempts. Wait a little and try again.",
  "error.sign_in_blocked.wait": "Too many attempts. Try again in {seconds} seconds.",
  "error.signed_out": "You are signed out. Sign in to go on.",
  "error.clock_skewed": "This device's clock was set meanwhile. Try again.",
  "error.signature_refused": "This browser's key did not match. Sign in again.",
  "error.network": "No answer. Check the network and try again.",
  "error.decoder_missing": "This browser could not start the display. It needs WebAssembly and module workers.",
  "error.connection_lost": "The connection was lost.",
  "error.protocol_error": "Page and host did not understand each other.",
  "error.version_unsupported": "This page is older or newer than the host. Reload it.",
  "error.proof_refused": "This browser's key does not match the session. Sign in again.",
  "error.ticket_refused": "The session could not be opened. Try again.",
  "error.grant_refused": "The session could not be opened. Try again.",
  "error.too_many_connections": "There are too many connections right now.",
  "error.host_unreachable": "The host does not answer.",
  "error.broker_unreachable": "The service does not answer.",
  "error.gateway_draining": "The way to the session is being changed.",
  "error.outcome_unknown": "It is not known whether that was done. Look before you do it again.",
  "error.admission_timeout": "The connection was too slow to open.",
  "error.session_not_ready": "The session is not ready yet.",
  "error.unavailable": "The service cannot do this now.",
  "error.unknown": "Something went wrong.",
};

/**
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function t(key, values = {}) {
  const text = STRINGS[key];
  if (text === undefined) throw new Error(`no text for ${key}`);
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

const ORDINALS = new Intl.PluralRules("en", { type: "ordinal" });

/**
 * "3rd".
 * @param {number} number
 */
export function ordinal(number) {
  return t(`ordinal.${ORDINALS.select(number)}`, { number });
}

/**
 * What an error says to the user: this table's text for its code, else the message that came with it.
 * @param {{code?: string, message?: string}} error
 */
export function errorText({ code = "", message = "" }) {
  return STRINGS[`error.${code}`] ?? (message || t("error.unknown"));
}
