/**
 * Purity of rooms: no system, network, clock, randomness, timer or terminal.
 *
 * The rule knows names, not scopes. So a pure room may not even use one of these names for something
 * of its own. That keeps the rule simple, and so its code easy to read.
 */
import { isReference, lintPath } from "./lint_path.ts";
import { roomOf } from "./rooms.ts";

/** Globals that a pure room must not name, by the effect that they bring in. */
const FORBIDDEN: Readonly<Record<string, readonly string[]>> = {
  "the system": ["Deno", "process", "navigator", "localStorage", "sessionStorage", "caches"],
  "the network": ["fetch", "WebSocket", "EventSource", "XMLHttpRequest", "WebTransport"],
  "a clock": ["performance"],
  "a timer": [
    "setTimeout",
    "setInterval",
    "setImmediate",
    "clearTimeout",
    "clearInterval",
    "clearImmediate",
    "requestAnimationFrame",
  ],
  "the terminal": ["console", "alert", "confirm", "prompt"],
  "a thread": ["Worker", "SharedWorker", "BroadcastChannel", "postMessage"],
  "every global": ["globalThis", "self", "window", "global", "eval", "Function"],
};

const WHY: ReadonlyMap<string, string> = new Map(
  Object.entries(FORBIDDEN).flatMap(([why, names]) => names.map((name) => [name, why] as const)),
);

/** Members of allowed globals that are effects. */
const MEMBERS: ReadonlyMap<string, string> = new Map([
  ["Date.now", "a clock"],
  ["Temporal.Now", "a clock"],
  ["Math.random", "randomness"],
  ["crypto.getRandomValues", "randomness"],
  ["crypto.randomUUID", "randomness"],
  ["AbortSignal.timeout", "a timer"],
  ["Atomics.wait", "a timer"],
  ["Atomics.waitAsync", "a timer"],
]);

/** Globals of {@linkcode MEMBERS}. The rule would not see through an alias or a destructuring of one. */
const WATCHED: ReadonlySet<string> = new Set(
  [...MEMBERS.keys()].map((member) => member.split(".")[0] as string).filter((name) =>
    name !== "AbortSignal"
  ),
);

export const pure: Deno.lint.Rule = {
  create(context) {
    const path = lintPath(context);
    const room = roomOf(path);
    if (room === undefined || !room.pure) return {};
    const report = (node: Deno.lint.Node, what: string, why: string) =>
      context.report({
        node,
        message: `${what} brings ${why} into the pure room ${room.name}`,
        hint: "Take the value as an argument: the effect belongs to a room that is not pure",
      });
    const module = (node: Deno.lint.Node, specifier: unknown) => {
      if (typeof specifier !== "string" || !/^(node|bun|https?|data|blob):/.test(specifier)) return;
      if (room.onlyIn?.[specifier] === path) return;
      report(node, specifier, "a module with effects");
    };
    return {
      Identifier(node) {
        if (!isReference(node)) return;
        const why = WHY.get(node.name);
        if (why !== undefined) report(node, node.name, why);
        else if (WATCHED.has(node.name) && isAlias(node)) {
          report(node, `an alias of ${node.name}`, "its clock or randomness");
        }
      },
      MemberExpression(node) {
        if (node.object.type !== "Identifier") return;
        const what = `${node.object.name}.${memberText(node, context)}`;
        const why = MEMBERS.get(what);
        if (why !== undefined) report(node, what, why);
        else if (node.computed && WATCHED.has(node.object.name)) {
          if (node.property.type !== "Literal") report(node, what, "its clock or randomness");
        }
      },
      NewExpression(node) {
        if (node.callee.type !== "Identifier" || node.callee.name !== "Date") return;
        if (node.arguments.length === 0) report(node, "new Date()", "a clock");
      },
      CallExpression(node) {
        if (node.callee.type !== "Identifier") return;
        if (node.callee.name === "Date") report(node, "Date()", "a clock");
        if (node.callee.name === "require") report(node, "require()", "a module with effects");
      },
      ImportDeclaration(node) {
        module(node, node.source.value);
        if (node.source.value !== "node:crypto") return;
        for (const specifier of node.specifiers) checkCrypto(specifier, report);
      },
      ExportNamedDeclaration(node) {
        if (node.source !== null) module(node, node.source.value);
      },
      ExportAllDeclaration(node) {
        module(node, node.source.value);
      },
      ImportExpression(node) {
        const source = node.source;
        if (source.type !== "Literal") report(node, "a computed import()", "unknown modules");
        else module(node, source.value);
      },
    };
  },
};

/** Hashing and comparing with `node:crypto` are pure; its random half is an effect. */
function checkCrypto(
  specifier: Deno.lint.ImportDeclaration["specifiers"][number],
  report: (node: Deno.lint.Node, what: string, why: string) => void,
): void {
  if (specifier.type !== "ImportSpecifier") {
    return report(specifier, "all of node:crypto", "randomness");
  }
  const name = specifier.imported.type === "Identifier"
    ? specifier.imported.name
    : specifier.imported.value;
  if (/^(random|generate|webcrypto|getRandomValues|subtle)/.test(name)) {
    report(specifier, `node:crypto ${name}`, "randomness");
  }
}

/** The name of a member as text, of `x.now` and of `x["now"]`. */
function memberText(
  node: Deno.lint.MemberExpression,
  context: Deno.lint.RuleContext,
): string {
  if (node.computed && node.property.type === "Literal") return String(node.property.value);
  return context.sourceCode.getText(node.property);
}

/** Whether a watched global is used in a way that hides its members from the rule. */
function isAlias(node: Deno.lint.Identifier): boolean {
  const parent = node.parent as Deno.lint.Node & Record<string, unknown>;
  if (parent.type === "MemberExpression") return parent["object"] !== node;
  if (parent.type === "NewExpression" || parent.type === "CallExpression") {
    return parent["callee"] !== node;
  }
  if (parent.type === "BinaryExpression") return parent["operator"] !== "instanceof";
  return !/^TS(TypeReference|TypeQuery|QualifiedName|ClassImplements|InterfaceHeritage)/
    .test(parent.type);
}
