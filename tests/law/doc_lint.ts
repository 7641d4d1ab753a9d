/** `deno doc --lint` over every entry point that `deno.json` exports, all at once. */
import { PROJECT } from "./sources.ts";

const { exports } = JSON.parse(await Deno.readTextFile(`${PROJECT}/deno.json`)) as {
  exports: Record<string, string>;
};
const { code } = await new Deno.Command(Deno.execPath(), {
  args: ["doc", "--lint", ...Object.values(exports)],
  cwd: PROJECT,
  stdout: "null",
  stderr: "inherit",
}).output();
Deno.exit(code);
