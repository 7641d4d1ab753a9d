import { gcKnowledge } from "../../snapshot/internal.ts";
import type { ChainId } from "../../digest/mod.ts";
import { requireDisk } from "../../store/internal.ts";
import type { Garbage, GcReport, Marks, Reason, Store, Thing } from "../../store/mod.ts";
import { findThings } from "./find_things.ts";

/** Why a thing of a store is kept, or what becomes of it. */
export interface Explanation {
  /** The thing. */
  readonly thing: Thing;
  /** The shortest chain of reasons, from a root to the thing itself. Empty when nothing keeps it. */
  readonly reasons: readonly Reason[];
  /** What a collection of garbage would do with it. */
  readonly gc: GcFate;
}

/** What a collection of garbage would do with a thing. */
export interface GcFate {
  /** `"defers"`: it is garbage, but in use now. A later collection removes it. */
  readonly action: "keeps" | "removes" | "defers";
  /** Why. */
  readonly reason: string;
  /** Bytes on the disk that a collection frees with it: for `"removes"`, else 0. */
  readonly bytes: number;
}

/**
 * Explains why a store keeps things, or that nothing keeps them. It changes nothing.
 *
 * @param text what a user types: the name of an image, the key of a snapshot, the id of a lease, the directory of a
 * mount, a digest or a unique prefix (4 or more hexadecimal digits) of one; or a {@linkcode Thing}
 * @returns at least one explanation; several when the text means several things, as the digest of an uncompressed layer
 * and of its blob
 * @throws {VarveError} `E_NOT_FOUND` the store has no such thing · `E_USAGE` several digests begin with the text ·
 * `E_UNSUPPORTED` the store has no directories
 *
 * @example
 * ```ts
 * import { openStore, whyKept } from "@varve/varve";
 *
 * const root = await Deno.makeTempDir();
 * {
 *   await using store = await openStore({ root });
 *   store.leases.create({ id: "build", createdAt: 0, expiresAt: null, labels: {}, resources: [] });
 *   const [lease] = await whyKept(store, "build");
 *   if (lease?.reasons[0]?.why !== "lease") throw new Error("a lease is a root");
 * }
 * await Deno.remove(root, { recursive: true });
 * ```
 */
export async function whyKept(
  store: Store,
  text: string,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Explanation[]> {
  const disk = requireDisk(store, "explain why something is kept");
  const things = await findThings(disk, text, "explain");
  const marks = await disk.collector.mark(gcKnowledge(disk), options);
  const chains = things.map((thing) => ({ thing, reasons: reasonsFor(marks, thing) }));
  const isAllKept = chains.every(({ reasons }) => reasons.length > 0);
  const report = isAllKept ? undefined : await disk.collector.collect(gcKnowledge(disk), {
    ...options,
    dryRun: true,
  });
  return chains.map(({ thing, reasons }) => ({
    thing,
    reasons,
    gc: reasons.length > 0 || report === undefined
      ? { action: "keeps", reason: "a root needs it", bytes: 0 }
      : fateOf(thing, report),
  }));
}

function reasonsFor(marks: Marks, thing: Thing): readonly Reason[] {
  const reasons = marks.why(thing);
  if (reasons.length > 0 || !thing.startsWith("snapshot:")) return reasons;
  // The committed snapshot of a chain has the chainID as its key, and stays with the chain.
  const chain = marks.why(`chain:${thing.slice("snapshot:".length) as ChainId}`);
  return chain.length === 0 ? [] : [...chain, { thing, why: "the committed snapshot of it" }];
}

/** What a collection would do with a thing that nothing keeps. */
function fateOf(thing: Thing, { removed, deferred, unreadable }: GcReport): GcFate {
  const is = ({ kind, name }: Garbage) => `${kind}:${name}` === thing;
  const gone = removed.find(is);
  if (gone !== undefined) return { action: "removes", reason: gone.reason, bytes: gone.bytes };
  const later = deferred.find(is);
  if (later !== undefined) return { action: "defers", reason: later.reason, bytes: 0 };
  const [damaged] = unreadable;
  const reason = damaged !== undefined
    ? `document ${damaged} of an image is damaged, so nobody knows what it needs`
    : thing.startsWith("lease:")
    ? "what it protected is over; 'umount', 'run' or 'lease rm' removes it"
    : "something else changed meanwhile";
  return { action: "keeps", reason, bytes: 0 };
}
