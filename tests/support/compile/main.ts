/**
 * `deno task compile`: one file that does everything, workers included.
 *
 * First `deno compile` is tried. It downloads its runtime, and where that is missing it may even
 * succeed with a file that is no varve at all; so the file that it made must run `version`. Otherwise
 * a self-extracting file is made from this Deno and the bundled code, which needs no download
 * on the machine that runs it.
 *
 * It stands here because it is a tool of the project and is not shipped.
 */
// deno-lint-ignore-file no-console
import { whyUnusable } from "./why_unusable.ts";
import { compileNative } from "./native.ts";
import { compileSelfExtracting } from "./self_extracting.ts";

/** What is compiled. */
export interface Project {
  /** Folder with `deno.json`, `lib/cli/main.ts` and `workers/`. */
  readonly root: string;
  readonly version: string;
}

async function main(): Promise<void> {
  const root = new URL("../../../", import.meta.url).pathname.replace(/\/$/, "");
  const { version } = JSON.parse(await Deno.readTextFile(`${root}/deno.json`));
  const out = Deno.args[0] ?? `${root}/dist/varve`;
  await Deno.mkdir(out.slice(0, out.lastIndexOf("/") + 1) || ".", { recursive: true });
  const how = await compile({ root, version }, out);
  const { size } = await Deno.stat(out);
  console.log(`${out}: ${how}, ${(size / 2 ** 20).toFixed(1)} MiB`);
}

/**
 * Makes the file and says how.
 *
 * @throws {Error} where neither way gives a file that runs `version`
 */
export async function compile(project: Project, out: string): Promise<string> {
  const reason = await compileNative(project, out);
  if (reason === undefined) return "compiled";
  console.error(`deno compile cannot be used here: ${reason}`);
  console.error("Making a self-extracting file instead.");
  await compileSelfExtracting(project, out);
  const broken = await whyUnusable(out, project.version);
  if (broken !== undefined) throw new Error(`Cannot compile varve: ${broken}`);
  return "self-extracting (the first start unpacks it into the user's cache)";
}

if (import.meta.main) await main();
