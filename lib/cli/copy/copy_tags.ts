/** Copies all tags of a repository. */
import { exitCode, isVarveError, VarveError } from "../../errors.ts";
import type { Context } from "../context.ts";
import type { Report } from "../verb.ts";
import { pushReport } from "../verbs/registry/push.ts";
import type { CopyDestination, CopySource } from "./contract.ts";
import type { Place } from "./place.ts";

/**
 * Refuses places that have not several tags.
 *
 * @throws {VarveError} `E_USAGE`
 */
export function requireTags(from: Place, to: Place): void {
  const refuse = (text: string, hint: string) =>
    new VarveError("E_USAGE", `Cannot copy all tags of ${from.text} to ${to.text}: ${text}`, {
      hint,
    });
  if (from.kind !== "registry" || from.isExact) {
    throw refuse("only a repository has tags", "write docker://HOST/REPOSITORY without a tag");
  }
  const isNamed = to.kind === "registry"
    ? to.isExact
    : to.kind === "store"
    ? /[:@][^/]*$/.test(to.name)
    : to.name !== undefined;
  if (isNamed) throw refuse("the destination has a tag", "leave the tag out");
  if (to.kind === "oci-archive" || to.kind === "docker-archive") {
    throw refuse("it takes one image", "write oci:DIR");
  }
}

/**
 * Copies all tags, one after the other. A tag that fails does not keep the others from being copied: the exit code is
 * that of the first failure.
 *
 * @param isWhole whether images are copied with all their platforms, so that the digests of both sides can be compared
 */
export async function copyTags(
  context: Context,
  repository: string,
  source: CopySource,
  destination: CopyDestination,
  isWhole: boolean,
): Promise<Report> {
  const tags: unknown[] = [];
  const text: string[] = [];
  let exit = 0;
  for (const tag of await source.tags?.() ?? []) {
    try {
      const there = isWhole ? await presentImage(context, source, destination, tag) : undefined;
      const report = there ?? pushReport(await destination.send(await source.open(tag), tag));
      tags.push({ tag, present: there !== undefined, ...report.json as object });
      text.push(report.text as string);
    } catch (error) {
      context.signal.throwIfAborted();
      if (!(error instanceof VarveError)) throw error;
      const { code, message } = error;
      context.warn(`tag ${tag} was not copied: ${message}`);
      tags.push({ tag, error: { code, message } });
      exit ||= exitCode(error);
    }
    context.endProgress();
  }
  return { json: { repository, tags }, text, exit };
}

/** The report of a tag that has the same digest on both sides, as they say. */
async function presentImage(
  { signal }: Context,
  source: CopySource,
  destination: CopyDestination,
  tag: string,
): Promise<Report | undefined> {
  if (source.digest === undefined || destination.find === undefined) return undefined;
  try {
    const { name, digest } = await destination.find(tag);
    if (digest === undefined || digest !== await source.digest(tag)) return undefined;
    return { json: { name, digest }, text: `${name}\n  digest    ${digest}\n  already there\n` };
  } catch (error) {
    // Not every registry that takes an image tells what it has. The copy itself says what is wrong.
    if (isVarveError(error) && !signal.aborted) return undefined;
    throw error;
  }
}
