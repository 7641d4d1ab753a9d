import { formatBytes } from "../../../bytes/mod.ts";
import type { Thing } from "../../../store/mod.ts";
import { type Explanation, whyKept } from "../../../upkeep/mod.ts";
import { printableLine } from "../../display/printable.ts";
import { shortDigest } from "../../display/short.ts";
import { table } from "../../display/table.ts";
import type { Verb } from "../../verb.ts";

/** Columns of a name that a terminal shows. */
const NAME_WIDTH = 60;

/** `varve why`. */
export const why: Verb = {
  usage: "why <thing>",
  withoutStore: "refuses",
  summary: "explain why something is kept",
  onlyReads: true,
  help:
    `THING is the name of an image, a digest or a unique prefix of one (4 or more digits), the key of a snapshot, the id
of a lease or the directory of a mount. Shown is the shortest chain of reasons that keeps it, one step on each line:
first an image name, a snapshot, a lease or a running load, pull or commit, last the thing itself. A digest may be
that of a blob, a layer and a chain: each has its own chain of reasons. For what nothing keeps, it says what 'varve gc'
does.

JSON: [{"thing","reasons":[{"thing","why"}],"gc":{"action","reason","bytes"}}]

A thing is "image:NAME", "snapshot:KEY", "lease:ID", "blob:DIGEST", "layer:DIFFID" or "chain:CHAINID"; a snapshot of
containerd is "containerd-snapshot:KEY". Such a text may be given as THING, too. "reasons" is empty when nothing keeps
it. "action" is keeps, removes or defers (a mount uses it). "bytes" is what a gc frees with it.

Examples:
  varve why debian:12
  varve why 0123456789ab
  varve why /mnt`,
  async run(context, [text = ""]) {
    const { signal, columns } = context;
    const found = await whyKept(await context.store(), text, { signal });
    return { json: found, text: found.map((one) => textOf(one, columns)).join("\n") };
  },
};

function textOf({ thing, reasons, gc }: Explanation, columns: number | undefined): string {
  if (reasons.length > 0) {
    const rows = reasons.map(({ thing, why }) => [...shown(thing, columns), why]);
    return table(["KIND", "NAME", "WHY"], rows, columns);
  }
  const fate = {
    removes: `'varve gc' removes it and frees ${formatBytes(gc.bytes)}`,
    defers: `'varve gc' leaves it to a later gc: ${gc.reason}`,
    keeps: `'varve gc' leaves it: ${gc.reason}`,
  };
  return `${shown(thing, columns).join(" ")}: nothing keeps it; ${fate[gc.action]}\n`;
}

/** Kind and name of a thing, as people read them. */
function shown(thing: Thing, columns: number | undefined): [kind: string, name: string] {
  const at = thing.indexOf(":");
  const name = thing.slice(at + 1);
  return [
    thing.slice(0, at),
    /^sha(?:256|512):/.test(name) ? shortDigest(name) : printableLine(name, NAME_WIDTH, columns),
  ];
}
