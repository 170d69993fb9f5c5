/** Texts of applications that are Windows programs, run through Wine. */

/** @type {Record<string, string>} */
export const WINE = {
  "wine.runs": "A Windows program, through Wine",
  "wine.program": "Program",
  "wine.program.hint": "On drive C: of the template, such as App\\app.exe.",
  "wine.program.needed": "The program, such as C:\\App\\app.exe.",
  "wine.template": "Template",
  "wine.template.hint": "Made on the hosts: portcullis-agent wine-template make NAME. Each user gets a copy of their own.",
  "wine.template.needed": "The name of a template.",
  "wine.arguments": "Arguments",
  "wine.arguments.hint": "One a line. They reach the program as they are.",
};
