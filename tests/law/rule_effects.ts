/** Each of these effects belongs to one room of `lib/`, so that a reader knows where to look. */
import { lintPath } from "./lint_path.ts";
import { SPAWN } from "./rooms.ts";

/** A member of `Deno`, the folder whose files may use it, and the reason. */
const OWNERS: readonly { member: string; owner: string; why: string }[] = [
  { member: "env", owner: "lib/cli/", why: "only cli/ reads the environment" },
  { member: "args", owner: "lib/cli/", why: "only cli/ reads the arguments" },
  { member: "exit", owner: "lib/cli/", why: "only cli/ ends the process" },
  { member: "dlopen", owner: "lib/linux/", why: "only linux/ opens libraries" },
];

export const effects: Deno.lint.Rule = {
  create(context) {
    const path = lintPath(context);
    if (!path.startsWith("lib/")) return {};
    return {
      MemberExpression(node) {
        if (node.object.type !== "Identifier" || node.object.name !== "Deno") return;
        const name = memberName(node);
        const rule = OWNERS.find(({ member }) => member === name);
        if (rule !== undefined && !path.startsWith(rule.owner)) {
          context.report({ node, message: `Deno.${rule.member}: ${rule.why}` });
        }
      },
      NewExpression(node) {
        if (path === SPAWN || node.callee.type !== "Identifier") return;
        const name = node.callee.name;
        const first = node.arguments[0];
        const text = first === undefined ? "" : context.sourceCode.getText(first);
        if (name === "Worker" || (name === "URL" && text.includes("workers/"))) {
          context.report({ node, message: `only ${SPAWN} names worker URLs` });
        }
      },
    };
  },
};

/** The name of a member, also where it is written as `Deno["env"]`. */
function memberName(node: Deno.lint.MemberExpression): string | undefined {
  if (!node.computed) return node.property.type === "Identifier" ? node.property.name : undefined;
  return node.property.type === "Literal" ? String(node.property.value) : undefined;
}
