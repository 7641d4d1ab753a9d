import { escapeForTerminal, escapeText, formatBytes } from "../../../bytes/mod.ts";
import { refuseRunning } from "../../../container/mod.ts";
import { VarveError } from "../../../errors.ts";
import type { Mount } from "../../../linux/mod.ts";
import { listSnapshots, refuseBusy } from "../../../snapshot/internal.ts";
import type { SnapshotInfo, Snapshotter } from "../../../snapshot/mod.ts";
import { SNAPSHOT_SCOPES } from "../../../store/internal.ts";
import type { DiskStore, Thing } from "../../../store/mod.ts";
import type { Context } from "../../context.ts";
import { shortDigest } from "../../display/short.ts";
import { tableParts } from "../../display/table.ts";
import { findToRemove, freeUnused, gcOption } from "../../free_unused.ts";
import { isSnapshot, openImage, PLATFORM_OPTION } from "../../images.ts";
import { listOption, type Report, type Verb } from "../../verb.ts";
import type { WithoutStore } from "../../without_store.ts";
import { adopt } from "./adopt.ts";

const MOUNTS_JSON =
  `JSON: [{"type","source","options"}], the mounts in the order in which to perform them`;

/** `varve snapshot ls`. */
const ls: Verb = {
  usage: "ls",
  withoutStore: "lists nothing",
  summary: "list snapshots",
  help:
    `Filters have containerd's syntax: kind==active, labels."a.b"==x, parent~=sha256. A snapshot is listed if it
matches any of them. The snapshots of containerd are listed, too, with the scope "containerd".

JSON: [{"scope","key","kind","parent","diffId","cacheId","labels","createdAt","updatedAt","usage"}], "scope" is "" or
"containerd"

Example:
  varve snapshot ls --filter kind==active`,
  configure(command) {
    command.option("--filter <filter...>", "list only snapshots that match one of these");
  },
  onlyReads: true,
  async run(context, _, options) {
    const store = await context.storeIfAny();
    // Without a snapshotter: a list of rows needs no driver.
    const filters = listOption(options, "filter");
    const rows = store === undefined
      ? []
      : SNAPSHOT_SCOPES.flatMap((scope) => listSnapshots(store.snapshots.in(scope), filters));
    return {
      json: mapped(rows, toJson),
      text: tableParts(
        ["KEY", "PARENT", "KIND", "SCOPE"],
        mapped(rows, (row) => [row.key, shortDigest(row.parent ?? ""), row.kind, row.scope]),
        context.columns,
      ),
    };
  },
};

/** Maps the rows while they are printed. */
function* mapped<T>(
  rows: readonly SnapshotInfo[],
  map: (row: SnapshotInfo) => T,
): Generator<T> {
  for (const row of rows) yield map(row);
}

/** A snapshot without a parent needs nothing of a store, so its store is made. A parent must be in a store already. */
function withoutParent([_key, parent]: readonly string[]): WithoutStore {
  return parent === undefined ? "makes" : "refuses";
}

/** `varve snapshot prepare`. */
const prepare: Verb = {
  usage: "prepare <key> [parent]",
  withoutStore: withoutParent,
  summary: "create a read-write snapshot and print its mounts",
  help:
    `PARENT is a committed snapshot, a chainID or an image. Nothing is mounted yet but the image below it, which
stays mounted below mounts/ of the store for whoever performs the mounts that are printed. 'varve snapshot rm KEY'
lets go of it; so does 'varve umount --all', which keeps the snapshot: 'varve snapshot mounts KEY' mounts it again.

${MOUNTS_JSON}

Example:
  varve snapshot prepare work debian:12`,
  configure: makeOptions,
  run: (context, [key = "", parent], options) => make(context, "prepare", key, parent, options),
};

/** `varve snapshot view`. */
const view: Verb = {
  usage: "view <key> [parent]",
  withoutStore: withoutParent,
  summary: "create a read-only snapshot and print its mounts",
  help:
    `PARENT is a committed snapshot, a chainID or an image. As with prepare, the image below it stays mounted in
the store until 'varve snapshot rm KEY' or 'varve umount --all'.

${MOUNTS_JSON}

Example:
  varve snapshot view look debian:12`,
  configure: makeOptions,
  run: (context, [key = "", parent], options) => make(context, "view", key, parent, options),
};

const mounts: Verb = {
  usage: "mounts <key>",
  withoutStore: "refuses",
  summary: "print the mounts of a snapshot again",
  help: `${MOUNTS_JSON}

Example:
  varve snapshot mounts work`,
  async run(context, [key = ""]) {
    return mountReport(await (await context.snapshotter()).mounts(key, { signal: context.signal }));
  },
};

const commit: Verb = {
  usage: "commit <name> <key>",
  withoutStore: "refuses",
  summary: "turn a read-write snapshot into a committed one",
  help: `KEY can be used again afterwards. This commit makes no image; for that, use 'varve commit'.

JSON: as in stat

Example:
  varve snapshot commit done work`,
  configure: labelOption,
  async run(context, [name = "", key = ""], options) {
    const snapshotter = await context.snapshotter();
    await refuseUsed(await context.store(), key);
    await snapshotter.commit(name, key, { labels: labelsOf(options) });
    return infoReport(snapshotter.stat(name));
  },
};

const rm: Verb = {
  usage: "rm <key...>",
  withoutStore: "refuses",
  summary: "remove snapshots, and what only they kept",
  help:
    `A snapshot that is mounted, or is the parent of others, is refused. Then everything is freed that nothing needs
any more, as 'varve gc' does. --no-gc leaves that to a later gc.

JSON: {"removed":[KEY],"freed"}, freed in bytes; null when it is not known

Example:
  varve snapshot rm work`,
  configure: gcOption,
  async run(context, words, options) {
    const snapshotter = await context.snapshotter();
    const store = await context.store();
    const keys = [...new Set(words)];
    for (const key of keys) {
      await findToRemove(context, options, () => snapshotter.stat(key));
      await refuseUsed(store, key);
    }
    refuseParents(store.snapshots, keys);
    const reached = store.collector.reach(keys.map((key): Thing => `snapshot:${key}`));
    let own = 0;
    for (const key of keys) {
      // One of a layer has no files of its own.
      const { cacheId, diffId } = snapshotter.stat(key);
      if (cacheId !== null && diffId === null) {
        const { snapshotBytes } = await import("../../../upkeep/internal.ts");
        own += await snapshotBytes(store, cacheId, context.signal);
      }
      await snapshotter.remove(key);
    }
    const freed = await freeUnused(context, options, { alreadyFreed: own, reached });
    return {
      json: { removed: keys, freed },
      text: keys.map((key) => `${escapeText(key)}\n`).join(""),
    };
  },
};

const stat: Verb = {
  usage: "stat <key>",
  withoutStore: "refuses",
  summary: "show a snapshot",
  help:
    `JSON: {"scope","key","kind","parent","diffId","cacheId","labels","createdAt","updatedAt","usage"}, "scope" is ""

Example:
  varve snapshot stat work`,
  async run(context, [key = ""]) {
    return infoReport((await context.snapshotter()).stat(key));
  },
};

const usage: Verb = {
  usage: "usage <key>",
  withoutStore: "refuses",
  summary: "show the disk usage of a snapshot without its parents",
  help: `JSON: {"size","inodes"}

Example:
  varve snapshot usage work`,
  async run(context, [key = ""]) {
    const json = await (await context.snapshotter()).usage(key);
    return { json, text: `${formatBytes(json.size)}  ${json.inodes} inodes\n` };
  },
};

const label: Verb = {
  usage: "label <key> <label...>",
  withoutStore: "refuses",
  summary: "set labels (KEY=VALUE) or remove them (KEY=)",
  help: `JSON: as in stat

Example:
  varve snapshot label work team=a`,
  async run(context, [key = "", ...given]) {
    const labels = parseLabels(given);
    const paths = Object.keys(labels).map((name) => `labels.${name}`);
    return infoReport(await (await context.snapshotter()).update(key, labels, paths));
  },
};

/** The verbs of `varve snapshot`, in the order of `--help`. */
export const snapshotVerbs: readonly Verb[] = [
  ls,
  prepare,
  view,
  mounts,
  commit,
  rm,
  stat,
  usage,
  label,
  adopt,
];

/** Refuses a snapshot that is in use. @throws {VarveError} `E_BUSY` when it is mounted or a container runs on it */
async function refuseUsed(store: DiskStore, key: string): Promise<void> {
  await refuseRunning(store, key);
  refuseBusy(store, key);
}

/**
 * Refuses a parent whose children are not removed before it, so that either all are removed or none is.
 *
 * @throws {VarveError} `E_PRECONDITION`
 */
function refuseParents(snapshots: DiskStore["snapshots"], keys: readonly string[]): void {
  const gone = new Set<string>();
  for (const key of keys) {
    const children = snapshots.read((rows) => rows.children(key));
    if (!children.every((row) => gone.has(row.key))) {
      throw new VarveError(
        "E_PRECONDITION",
        `Cannot remove snapshot ${JSON.stringify(key)}: it has children; remove them first`,
        { subject: key },
      );
    }
    gone.add(key);
  }
}

function labelOption(command: Parameters<NonNullable<Verb["configure"]>>[0]): void {
  command.option("--label <key=value...>", "labels of the snapshot");
}

function makeOptions(command: Parameters<NonNullable<Verb["configure"]>>[0]): void {
  labelOption(command);
  command.option(...PLATFORM_OPTION);
}

function labelsOf(options: Parameters<Verb["run"]>[2]): Record<string, string> {
  return parseLabels(listOption(options, "label"));
}

function parseLabels(given: readonly string[]): Record<string, string> {
  const labels: Record<string, string> = Object.create(null);
  for (const one of given) {
    const at = one.indexOf("=");
    if (at < 1) {
      throw new VarveError("E_USAGE", `Cannot read label ${JSON.stringify(one)}: give KEY=VALUE`);
    }
    labels[one.slice(0, at)] = one.slice(at + 1);
  }
  return labels;
}

async function make(
  context: Context,
  verb: "prepare" | "view",
  key: string,
  parent: string | undefined,
  options: Parameters<Verb["run"]>[2],
): Promise<Report> {
  const snapshotter = await context.snapshotter();
  const name = parent === undefined
    ? null
    : await parentName(context, snapshotter, parent, options);
  const made = await snapshotter[verb](key, name, {
    labels: labelsOf(options),
    signal: context.signal,
  });
  return mountReport(made);
}

/**
 * Name of the committed snapshot for the argument PARENT. For an image or a chainID, the snapshots of the chain are made
 * if needed.
 */
async function parentName(
  context: Context,
  snapshotter: Snapshotter,
  parent: string,
  options: Parameters<Verb["run"]>[2],
): Promise<string> {
  const store = await context.store();
  if (isSnapshot(store, parent)) return parent;
  const chain = store.chains.list().find((one) => one.chainId === parent);
  if (chain !== undefined) return snapshotter.ensureChain(chain.chainId);
  const image = await openImage(store, parent, options);
  if (image.chainId === null) {
    throw new VarveError("E_PRECONDITION", `Cannot use ${parent} as a parent: it has no layers`);
  }
  return snapshotter.ensureChain(image.chainId);
}

function mountReport(made: readonly Mount[]): Report {
  return {
    json: made,
    text: made.map((mount) =>
      `mount -t ${mount.type} -o ${escapeForTerminal(mount.options.join(",") as Mount["source"])} ${
        escapeForTerminal(mount.source)
      } TARGET\n`
    ).join(""),
  };
}

function infoReport(info: SnapshotInfo): Report {
  const json = toJson(info);
  // The scope of the user's own snapshots is empty. As text, that would be a line without a value.
  const shown = Object.entries(json).filter(([name, value]) => name !== "scope" || value !== "");
  const text = shown.map(([name, value]) =>
    `${name.padEnd(10)} ${
      escapeText(typeof value === "object" ? JSON.stringify(value) : String(value))
    }\n`
  ).join("");
  return { json, text };
}

function toJson(info: SnapshotInfo): Record<string, unknown> {
  const { scope, key, kind, parent, diffId, cacheId, labels, createdAt, updatedAt, usage } = info;
  const time = (microseconds: number) => new Date(microseconds / 1000).toISOString();
  return {
    scope,
    key,
    kind,
    parent,
    diffId,
    cacheId,
    labels,
    createdAt: time(createdAt),
    updatedAt: time(updatedAt),
    usage,
  };
}
