/** Texts of applications that are an existing desktop. */

/** @type {Record<string, string>} */
export const DESKTOP = {
  "desktop.runs": "The screen of a workstation, as it is",
  "desktop.display": "Display",
  "desktop.display.hint": "console: the host's own screen. Or a display such as :0. Name the host by a host group.",
  "desktop.consent": "Who agrees",
  "desktop.consent.ask": "Whoever is there is asked",
  "desktop.consent.own": "Nobody: the user's own account is signed in there",
  "desktop.consent.none": "Nobody is asked",
  "desktop.consent.hint": "Hosts allow the last two only where their setting --desktops says so. A sign always stands on that screen, by which the person there can end it.",
  "desktop.account": "Account there",
  "desktop.account.hint": "What the user's own account is called. {user} stands for the name that users have here.",
  "desktop.answer_seconds": "Seconds for the answer",
  "desktop.answer_seconds.hint": "No answer is a refusal.",
  "desktop.view_only": "View only",
  "desktop.view_only.hint": "Nothing can be typed, clicked or pasted there.",
  "desktop.shared": "Shared",
  "desktop.shared.hint": "Several people may be connected to it at once.",
  "desktop.text.ask": "desktop {display}, asked",
  "desktop.text.own": "desktop {display}, own",
  "desktop.text.none": "desktop {display}, unattended",
};
