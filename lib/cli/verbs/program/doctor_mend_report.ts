import { escapeText } from "../../../bytes/mod.ts";
import { absolutePath } from "../../../linux/mod.ts";
import type { Context } from "../../context.ts";
import { type Options, stringOption } from "../../verb.ts";
import { CONTAINERD_SOCKET, type ContainerdLine, VARVE_SOCKET } from "./doctor_containerd.ts";
import type { Failure } from "./doctor_failures.ts";
import { findTool } from "./doctor_facts.ts";
import { CONTAINERD_CONFIG, type Mend, mendOf } from "./doctor_mends.ts";
import { distributionOf, type Installable } from "./packages.ts";

/** What else the commands depend on. */
interface Found {
  readonly missing: readonly Installable[];
  readonly containerd: readonly ContainerdLine[] | null;
  readonly options: Options;
}

/** The commands that mend what failed on this machine. */
export async function mendsOf(
  context: Context,
  failures: readonly Failure[],
  { missing, containerd, options }: Found,
): Promise<Mend[]> {
  const version = containerd?.find(({ check }) => check === "reachable")?.found ?? "";
  const path = (name: string, fallback: string) =>
    absolutePath(stringOption(options, name) ?? fallback);
  const place = {
    root: absolutePath(context.options.root),
    isRootGiven: context.options.isRootGiven,
    isRoot: Deno.uid() === 0,
    distribution: distributionOf(readAllowed("/etc/os-release") ?? ""),
    containerd: path("containerd", CONTAINERD_SOCKET),
    socket: path("socket", VARVE_SOCKET),
    containerdVersion: /^containerd v?1\./.test(version) ? "1.7" : "2",
    hasConfig: readAllowed(CONTAINERD_CONFIG) !== undefined,
    hasContainerd: await findTool("containerd", context.io.env("PATH") ?? "") !== null,
    missing,
  } as const;
  return failures.map(({ check, found }) => mendOf(check, found, place));
}

/** A file, if it is there and Deno lets it be read. doctor needs no permission for the sake of its advice. */
function readAllowed(path: string): string | undefined {
  if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return undefined;
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}

/** The part of the report that says what to do. Commands stand on lines of their own, unbroken. */
export function mendText(
  mends: readonly Mend[],
  ways: readonly { readonly check: string; readonly wayOut: string | null }[],
): string {
  let text = "TO MEND\n";
  for (const { check, found, commands } of mends) {
    const way = ways.find((one) => check === one.check || check === `containerd: ${one.check}`);
    text += `${escapeText(found)}\n`;
    if (typeof way?.wayOut === "string") text += `  ${escapeText(way.wayOut)}\n`;
    for (const command of commands) text += `    ${escapeText(command)}\n`;
  }
  return text;
}
