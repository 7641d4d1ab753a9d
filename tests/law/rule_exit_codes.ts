/** Exit codes belong to the command line: a room asks an error for its `code` or calls `isBadData`. */
import { lintPath } from "./lint_path.ts";

const NAMES: readonly string[] = ["EXIT_CODES", "exitCode", "exitCodeOf"];

const MESSAGE = "only cli/ knows exit codes";
const HINT = "Call isBadData, or compare error.code";

export const exitCodes: Deno.lint.Rule = {
  create(context) {
    const path = lintPath(context);
    const judged = path === "mod.ts" || path.startsWith("lib/") || path.startsWith("workers/");
    if (!judged || path.startsWith("lib/cli/")) return {};
    const report = (node: Deno.lint.Node) => context.report({ node, message: MESSAGE, hint: HINT });
    // Judged by name, whatever the module: a name also arrives through a re-export.
    return {
      ImportSpecifier(node) {
        if (NAMES.includes(nameOf(node.imported))) report(node);
      },
      ExportSpecifier(node) {
        const declaration = node.parent as Deno.lint.ExportNamedDeclaration;
        if (declaration.source !== null && NAMES.includes(nameOf(node.local))) report(node);
      },
      // A namespace and a dynamic import hide the names that are used.
      ImportNamespaceSpecifier(node) {
        if (isErrors((node.parent as Deno.lint.ImportDeclaration).source)) report(node);
      },
      ImportExpression(node) {
        if (isErrors(node.source)) report(node);
      },
    };
  },
};

/** The name in a specifier, also where it is written as `"exitCode"`. */
function nameOf(node: Deno.lint.Node): string {
  if (node.type === "Identifier") return node.name;
  return node.type === "Literal" ? String(node.value) : "";
}

/** Whether a module specifier names `lib/errors.ts`. */
function isErrors(node: Deno.lint.Node): boolean {
  return node.type === "Literal" && String(node.value).endsWith("/errors.ts");
}
