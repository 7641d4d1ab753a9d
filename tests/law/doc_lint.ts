/**
 * `deno doc --lint` over the main entry point alone, and over every entry point that `deno.json` exports, all at
 * once. Whoever imports from the main entry point finds every type there that its signatures mention.
 */
import { readExports } from "./documents.ts";
import { PROJECT } from "./sources.ts";

const entries = Object.values(await readExports());
const [main = "", ...others] = entries;
for (const paths of [[main], [main, ...others]]) {
  const { success, code } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--lint", ...paths],
    cwd: PROJECT,
    stdout: "null",
    stderr: "inherit",
  }).output();
  if (!success) Deno.exit(code);
}
