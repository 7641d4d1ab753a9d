/** Runs a program of the tests as a user without any privilege. */
import { run, type RunResult } from "./process.ts";
import { tempDir } from "./temp_dir.ts";

const NOBODY = "65534";

/**
 * Bundles a file of this project and runs it as nobody, in a new empty
 * directory that nobody owns. A bundle, because nobody may not read the caches.
 *
 * @returns what it printed, as JSON
 */
export async function runAsNobody(entry: URL): Promise<unknown> {
  await using temp = await tempDir("varve-nobody-");
  await Deno.chmod(temp.path, 0o755);
  const config = new URL("../../../deno.json", import.meta.url).pathname;
  await run([
    ...[Deno.execPath(), "bundle", "--quiet", "--platform", "deno", "--config", config],
    ...["--output", temp.join("bundle.js"), entry.pathname],
  ]);
  const home = temp.join("home");
  for (const path of [home, temp.join("cache")]) {
    await Deno.mkdir(path);
    await Deno.chown(path, Number(NOBODY), Number(NOBODY));
  }
  const result: RunResult = await run([
    ...["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"],
    ...[Deno.execPath(), "run", "--allow-all", "--no-config", temp.join("bundle.js")],
  ], {
    cwd: home,
    env: { HOME: home, DENO_DIR: `${temp.path}/cache`, TMPDIR: home, NO_COLOR: "1" },
  });
  return JSON.parse(result.stdout);
}
