import type { DropReason, ExtractReport } from "../../directory/mod.ts";
import { type Warning, WARNING_CODES } from "../../layer/mod.ts";
import type { Context } from "../context.ts";

/** Texts for the reasons why something was left out of the files or changed in them. */
const DROPS: Readonly<Record<DropReason, string>> = {
  owner: "files belong to you, because only root can give them to others",
  device: "device nodes were left out",
  "xattr-trusted": "overlay's own extended attributes and trusted.* were left out",
  "xattr-security": "security.* extended attributes were left out",
  "xattr-unsupported": "extended attributes that this file system does not support were left out",
  time: "times were changed to the nearest that this file system can store",
};

/** Prints the warnings about a layer or a snapshot, one line for each code. `what` names it. */
export function warnOf(context: Context, what: string, warnings: readonly Warning[]): void {
  for (const { code, count, example } of warnings) {
    context.warn(`${what}: ${WARNING_CODES[code]} (${code}): ${count}×, first ${example}`);
  }
}

/** Prints what was left out of the files below a directory, one line for each reason. */
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
