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
  "signin.submit": "Sign in",
  "signin.another": "Use another account",
  "signin.insecure":
    "This page was not loaded over a secure connection, so it cannot sign in. Open it by https, or by http://localhost.",

  "catalogue.title": "Applications",
  "catalogue.search": "Search applications",
  "catalogue.running": "Running sessions",
  "catalogue.return": "Return",
  "catalogue.return.to": "Return to {name}",
  "catalogue.logoff": "Log off",
  "catalogue.logoff.name": "Log off {name}",
  "catalogue.loggingoff": "Logging off…",
  "catalogue.host": "on {host}",
  "catalogue.started": "started {when}",
  "catalogue.starting": "starting",
  "catalogue.loading": "Loading the applications…",
  "catalogue.none": "No application is published to you yet. Your administrator can change that.",
  "catalogue.nomatch": "No application matches “{text}”.",
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
  "launch.slow.asking": "The service is slow to answer.",
  "launch.slow": "This takes longer than usual. It goes on if you go back: you find it under Running sessions.",

  "failure.title": "{name} did not start",
  "failure.title.lost": "The connection to {name} ended",
  "failure.code": "Code",
  "failure.reference": "Reference",
  "failure.help": "If it happens again, give this reference to your administrator.",
  "failure.back": "Back",
  "failure.again": "Try again",
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
  "error.code_refused": "The code is wrong or was used already. Wait for the next one.",
  "error.sign_in_blocked": "Too many attempts. Wait a little and try again.",
  "error.sign_in_blocked.wait": "Too many attempts. Try again in {seconds} seconds.",
  "error.signed_out": "You are signed out. Sign in to go on.",
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

/**
 * What an error says to the user: this table's text for its code, else the message that came with it.
 * @param {{code?: string, message?: string}} error
 */
export function errorText({ code = "", message = "" }) {
  return STRINGS[`error.${code}`] ?? (message || t("error.unknown"));
}
