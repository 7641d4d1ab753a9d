/**
 * What a test needs of the machine.
 *
 * `Deno.test({ name, ...needs({ root: true }), fn })` skips the test where
 * something is missing and says why on stderr; with `VARVE_REQUIRE_PEERS=1`
 * nothing is skipped, the missing thing fails the test file instead.
 *
 * Importing this file opens libc: it stays open, so it must be open before the
 * first test begins, or the resource sanitizer calls it a leak.
 */
import {
  effectiveUser,
  isSupported,
  kernelRelease,
  mayMount,
  releaseAtLeast,
} from "../../../lib/linux/mod.ts";

const supported = isSupported();

/** Things that a test can need. */
export interface Needs {
  /** The effective user 0. */
  readonly root?: boolean;
  /** The right to mount. */
  readonly mount?: boolean;
  /** This kernel or newer, such as `"6.7"`. */
  readonly kernel?: string;
  /** Programs on PATH. */
  readonly tools?: readonly string[];
  /** Something else that is missing; absent when nothing is. */
  readonly other?: string | undefined;
}

/** Part of a test's definition. */
export interface Skip {
  /** Whether the test is skipped. */
  readonly ignore: boolean;
}

/** What is missing: a reason for each need. */
export function missing(needs: Needs): string[] {
  const out: string[] = [];
  if (!supported) return ["Linux on x86-64 or aarch64, with --allow-ffi"];
  if (needs.root && effectiveUser() !== 0) out.push("root");
  if (needs.mount && !mayMount()) out.push("the right to mount (CAP_SYS_ADMIN)");
  if (needs.kernel !== undefined && !releaseAtLeast(kernelRelease(), needs.kernel)) {
    out.push(`Linux ${needs.kernel} (this is ${kernelRelease()})`);
  }
  for (const tool of needs.tools ?? []) if (!onPath(tool)) out.push(tool);
  if (needs.other !== undefined) out.push(needs.other);
  return out;
}

/**
 * Skips a test where something is missing, and says what.
 *
 * @throws {Error} when something is missing and `VARVE_REQUIRE_PEERS` is 1
 */
export function needs(needs: Needs): Skip {
  const reasons = missing(needs);
  if (reasons.length === 0) return { ignore: false };
  const text = `needs ${reasons.join(", ")}`;
  if (Deno.env.get("VARVE_REQUIRE_PEERS") === "1") {
    throw new Error(`Cannot run a test: it ${text}, and VARVE_REQUIRE_PEERS=1 allows no skip`);
  }
  Deno.stderr.writeSync(new TextEncoder().encode(`skipped: a test ${text}\n`));
  return { ignore: true };
}

function onPath(tool: string): boolean {
  return (Deno.env.get("PATH") ?? "").split(":").some((directory) => {
    try {
      const { isFile, mode } = Deno.statSync(`${directory}/${tool}`);
      return isFile && ((mode ?? 0) & 0o111) !== 0;
    } catch {
      return false;
    }
  });
}
