import type { DropReason, ExtractReport } from "../../directory/mod.ts";
import { type Warning, WARNING_CODES } from "../../layer/mod.ts";
import type { Context } from "../context.ts";

/** What it means that something was left out of files, or changed. */
const DROPS: Readonly<Record<DropReason, string>> = {
  owner: "files belong to you, since only root can give them to others",
  device: "device nodes were left out",
  "xattr-trusted": "overlay's own and trusted.* extended attributes were left out",
  "xattr-security": "security.* extended attributes were left out",
  "xattr-unsupported": "extended attributes were left out that this file system does not hold",
  time: "times were changed to the nearest that this file system holds",
};

/** Says what was left out of something. */
export function warnOf(context: Context, what: string, warnings: readonly Warning[]): void {
  for (const { code, count, example } of warnings) {
    context.warn(`${what}: ${WARNING_CODES[code]} (${code}): ${count}×, first ${example}`);
  }
}

/** Says what was left out of the files below a directory. */
export function warnOfDrops(
  context: Context,
  directory: string,
  dropped: ExtractReport["dropped"],
): void {
  for (const reason of Object.keys(DROPS) as DropReason[]) {
    const count = dropped[reason];
    if (count > 0) context.warn(`${directory}: ${DROPS[reason]} (${reason}): ${count}×`);
  }
}
