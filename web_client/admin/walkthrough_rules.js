/**
 * What a walk-through shows of a simulation or of a kept trace: stages, ranks, times, links, text. Pure.
 *
 * A *step* is what the broker asked; a *stage* is what is drawn as one: the hosts that were looked at stand below the
 * question for a host, and so do several policies below one.
 */

/** @typedef {"passed" | "failed" | "info" | "skipped"} Outcome */
/**
 * @typedef {object} Step
 * @property {string} name
 * @property {Outcome} outcome
 * @property {string} code
 * @property {string} reason
 * @property {string} object `kind:name` of what decided, or ""
 * @property {number} milliseconds
 * @property {number | null} [score] of a host: the smaller, the better
 */
/** @typedef {"launches" | "reconnects" | "refused" | "failed"} Verdict */
/**
 * @typedef {object} Simulation also a kept trace of a launch, which tells no verdict
 * @property {Verdict} [verdict]
 * @property {string} [outcome] of a kept trace: "refused", "failed", "reconnected"; anything else: it was launched
 * @property {string} code
 * @property {string} message
 * @property {string} [remedy]
 * @property {string} [reference]
 * @property {number} [revision]
 * @property {number} [time]
 * @property {string} user
 * @property {string} application
 * @property {Step[]} steps
 */
/** @typedef {{name: string, outcome: Outcome, lead: Step | null, parts: Step[], milliseconds: number}} Stage */
/** @typedef {{name: string, isChosen: boolean, isFit: boolean, score: number | null, reason: string, code: string, object: string}} RankedHost */

/** Steps of this name stand below the stage of that one. */
const BELOW = new Map([["host", "hosts"]]);
/** @type {Outcome[]} */
const WORST_FIRST = ["failed", "passed", "info", "skipped"];
/** Long enough to see the steps come one by one, too short to wait for. */
const PLAY_MS = 1500;
const LEAST_PAUSE_MS = 60;

/** @param {Step[]} steps */
export function stagesOf(steps) {
  /** @type {{name: string, steps: Step[]}[]} */
  const runs = [];
  for (const step of steps) {
    const name = BELOW.get(step.name) ?? step.name;
    const last = runs.at(-1);
    if (last?.name === name) last.steps.push(step);
    else runs.push({ name, steps: [step] });
  }
  return runs.map(({ name, steps: run }) => stage(name, run));
}

/**
 * @param {string} name
 * @param {Step[]} run
 * @returns {Stage}
 */
function stage(name, run) {
  const own = run.filter((step) => step.name === name);
  const lead = own.find(({ outcome }) => outcome === "failed") ?? (own.length === 1 ? own[0] : null);
  const parts = run.length > 1 ? run.filter((step) => step.name !== name || own.length > 1) : [];
  const milliseconds = run.reduce((sum, step) => sum + (step.milliseconds || 0), 0);
  const judged = own.length > 0 ? own : run;
  const outcome = WORST_FIRST.find((each) => judged.some((step) => step.outcome === each)) ?? "info";
  return { name, outcome, lead, parts, milliseconds };
}

/**
 * The chosen one first, then the fit ones by score, then the rejected ones as they were asked.
 * @param {Step[]} parts steps of hosts
 * @param {Step[]} steps of the whole walk-through: the placement names the chosen one
 * @returns {RankedHost[]}
 */
export function rankedHosts(parts, steps) {
  const chosen = steps.find(({ name, object }) => name === "placement" && object.startsWith("host:"))?.object;
  const hosts = parts.map((step) => ({
    name: nameOf(step.object),
    isChosen: step.object !== "" && step.object === chosen,
    isFit: step.outcome === "passed" || (step.outcome === "info" && step.code === ""),
    score: scoreOf(step),
    reason: withoutName(step),
    code: step.code,
    object: step.object,
  }));
  const rank = hosts.map((host, index) => ({ host, index })).sort((a, b) =>
    Number(b.host.isChosen) - Number(a.host.isChosen)
    || Number(b.host.isFit) - Number(a.host.isFit)
    || (a.host.isFit ? (a.host.score ?? Infinity) - (b.host.score ?? Infinity) || 0 : 0)
    || a.index - b.index);
  return rank.map(({ host }) => host);
}

/** @param {Step} step */
function scoreOf({ score, reason }) {
  if (typeof score === "number") return score;
  const told = /\bscore (-?\d+(?:\.\d+)?)/.exec(reason);
  return told === null ? null : Number(told[1]);
}

/** The host is named in a column of its own. @param {Step} step */
function withoutName({ object, reason }) {
  const prefix = `${nameOf(object)}: `;
  return object !== "" && reason.startsWith(prefix) ? reason.slice(prefix.length) : reason;
}

/** @param {string} object `kind:name` */
export function nameOf(object) {
  return object.slice(object.indexOf(":") + 1);
}

/** @param {string} object `kind:name` */
export function kindOf(object) {
  return object.includes(":") ? object.slice(0, object.indexOf(":")) : "";
}

/** @param {Simulation} simulation @returns {Verdict} */
export function verdictOf({ verdict, outcome, code, steps = [] }) {
  if (verdict !== undefined) return verdict;
  if (outcome === "refused" || outcome === "failed") return outcome;
  if (outcome === "reconnected") return "reconnects";
  if (code !== "") return steps.some(({ outcome }) => outcome === "failed") ? "refused" : "failed";
  return steps.some(({ name, outcome }) => name === "reconnect" && outcome === "passed") ? "reconnects" : "launches";
}

/** The step that decided against it. @param {Simulation} simulation */
export function decidingStep({ code, steps }) {
  const failed = steps.filter(({ outcome }) => outcome === "failed");
  return failed.find((step) => step.code === code) ?? failed.at(-1) ?? null;
}

/** Where the console shows what stands behind an object, by kind. */
const SCREENS = new Map(Object.entries({
  application: "applications", user: "users", group: "groups", host: "hosts", "host-group": "hostgroups",
  session: "sessions", gateway: "gateways", broker: "brokers", role: "roles", tenant: "tenant",
}));
/** Those that can be changed. */
const POLICY_LEVELS = new Set(["tenant", "group", "application", "user"]);
/** Codes after which not the application is to be changed, but what stands beside it. */
const BESIDE_APPLICATIONS = new Map([["not_entitled", "entitlements/application"]]);

/**
 * The address of the screen on which an object is changed; "" where there is none.
 * @param {string} object `kind:name`
 * @param {string} [code] of the step that named it
 */
export function objectAddress(object, code = "") {
  const [kind, name] = [kindOf(object), nameOf(object)];
  if (kind === "" || name === "") return "";
  if (kind === "policy") {
    const [, level, of = "-"] = /^([^:/]+)(?:[:/](.*))?$/s.exec(name) ?? ["", "", ""];
    if (!POLICY_LEVELS.has(level)) return "";
    return `#/policies/${encodeURIComponent(level)}/${encodeURIComponent(of)}`;
  }
  const screen = (kind === "application" && BESIDE_APPLICATIONS.get(code)) || SCREENS.get(kind);
  return screen === undefined ? "" : `#/${screen}/${encodeURIComponent(name)}`;
}

/**
 * How long each stage is the current one when it is played: the slower it was, the longer, and all in `total`.
 * @param {Stage[]} stages
 */
export function pauses(stages, total = PLAY_MS) {
  const least = Math.min(LEAST_PAUSE_MS, total / Math.max(1, stages.length));
  const rest = total - least * stages.length;
  const sum = stages.reduce((all, { milliseconds }) => all + milliseconds, 0);
  return stages.map(({ milliseconds }) => least + (sum === 0 ? rest / stages.length : (rest * milliseconds) / sum));
}

/**
 * Where each stage began and how long it took, as shares of the whole.
 * @param {Stage[]} stages
 */
export function waterfall(stages) {
  const sum = stages.reduce((all, { milliseconds }) => all + milliseconds, 0) || 1;
  let from = 0;
  return stages.map(({ milliseconds }) => {
    const bar = { from: from / sum, share: milliseconds / sum };
    from += milliseconds;
    return bar;
  });
}

/** @param {number} milliseconds */
export function timeText(milliseconds) {
  if (!(milliseconds > 0)) return "";
  if (milliseconds < 0.1) return "< 0.1 ms";
  if (milliseconds < 10) return `${milliseconds.toFixed(1)} ms`;
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

/** @type {Map<string, string>} */
const SIGNS = new Map([["passed", "+"], ["failed", "x"], ["info", "i"], ["skipped", "-"]]);

/**
 * For a ticket or a mail: one line a step, whatever stands in the names.
 * @param {Simulation} simulation
 * @param {object} texts
 * @param {string} texts.title
 * @param {(name: string) => string} texts.step
 * @param {string} texts.remedy with `{text}` already in its place, or ""
 * @param {string} texts.origin reference and revision, or ""
 */
export function asText(simulation, { title, step, remedy, origin }) {
  const lines = simulation.steps.map(({ name, outcome, code, reason, milliseconds }) => {
    const told = [reason, code && `[${code}]`, timeText(milliseconds) && `(${timeText(milliseconds)})`];
    return `${SIGNS.get(outcome) ?? "i"} ${step(name)}: ${told.filter(Boolean).join(" ")}`;
  });
  const head = [title, simulation.message, remedy, origin].filter(Boolean);
  return [...head, "", ...lines].map(oneLine).join("\n");
}

/** Line breaks and what turns the direction of writing would let a name pass as lines of its own. @param {string} text */
function oneLine(text) {
  return text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, "\ufffd");
}
