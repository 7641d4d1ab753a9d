/** `mod.ts` only re-exports, so that a reader sees at once what a room offers. */
import { lintPath } from "./lint_path.ts";

export const modReexports: Deno.lint.Rule = {
  create(context) {
    const path = lintPath(context);
    if (!/^(lib\/.*\/)?mod\.ts$/.test(path)) return {};
    return {
      Program(program) {
        for (const node of program.body as Deno.lint.Node[]) {
          if (node.type === "ExportAllDeclaration") continue;
          if (node.type === "ExportNamedDeclaration" && node.source !== null) continue;
          context.report({
            node,
            message: "mod.ts only re-exports",
            hint: "Move the declaration into a file of the room and export it from there",
          });
        }
      },
    };
  },
};
