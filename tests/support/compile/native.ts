/** The first way: `deno compile`. */
import { runAny } from "../machine/process.ts";
import { whyUnusable } from "./why_unusable.ts";
import type { Project } from "./main.ts";
import { V8_FLAGS } from "./start_flags.ts";

/**
 * Compiles with `deno compile`, and believes it only when the result runs `version`.
 *
 * @returns why it cannot, or undefined where `out` is there
 */
export async function compileNative(project: Project, out: string): Promise<string | undefined> {
  // Deno refuses to overwrite a file that it did not make.
  const draft = `${out}.tmp`;
  await Deno.remove(draft).catch(() => {});
  const result = await runAny([
    ...[Deno.execPath(), "compile", "--quiet", "-A", "--no-prompt", "--no-check", V8_FLAGS],
    ...["--include", "workers", "--output", draft, "lib/cli/main.ts"],
  ], { cwd: project.root, env: { NO_COLOR: "1" } });
  if (result.code !== 0) return causeOf(result.stderr) ?? `exit ${result.code}`;
  const broken = await whyUnusable(draft, project.version);
  if (broken === undefined) await Deno.rename(draft, out);
  else await Deno.remove(draft);
  return broken;
}

/** The deepest of the causes that Deno prints, on one line. */
export function causeOf(stderr: string): string | undefined {
  // Deno colours some lines whatever NO_COLOR says.
  // deno-lint-ignore no-control-regex
  const plain = stderr.replace(/\x1b\[[0-9;]*m/g, "");
  const lines = plain.split("\n").map((line) => line.trim().replace(/^(error:|\d+:)\s*/, ""));
  const end = lines.findIndex((line) => line.startsWith("Stack backtrace"));
  return lines.slice(0, end < 0 ? lines.length : end).filter((line) => line !== "").at(-1);
}
