/** The first way: `deno compile`. */
import { runAny } from "../process.ts";
import type { Project } from "./main.ts";

/** Compiles with `deno compile`; gives the reason where it cannot. */
export async function compileNative(project: Project, out: string): Promise<string | undefined> {
  const result = await runAny([
    ...[Deno.execPath(), "compile", "--quiet", "-A", "--no-prompt"],
    ...["--include", "workers", "--output", out, "lib/cli/main.ts"],
  ], { cwd: project.root, env: { NO_COLOR: "1" }, timeout: 300_000 });
  if (result.code === 0) return undefined;
  return result.stderr.split("\n").find((line) => line !== "") ?? `exit ${result.code}`;
}
