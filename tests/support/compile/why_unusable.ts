/** Tests of a compiled file. */
import { runAny } from "../machine/process.ts";
import { tempDir } from "../machine/temp_dir.ts";

/**
 * Runs `FILE version` far from the project, with an empty home and no Deno to be found.
 *
 * @returns why it is not usable, or undefined where it is
 */
export async function whyUnusable(file: string, version: string): Promise<string | undefined> {
  await using home = await tempDir("varve-compile-");
  const result = await runAny([await Deno.realPath(file), "version"], {
    cwd: home.path,
    clearEnv: true,
    env: { HOME: home.path, PATH: "/usr/bin:/bin", NO_COLOR: "1" },
  });
  const said = (result.stdout + result.stderr).trim().split("\n")[0] ?? "";
  if (result.code !== 0) return `it made a file that fails at \`version\`: ${said}`;
  if (!result.stdout.includes(version)) return `it made a file that says "${said}"`;
  return undefined;
}
