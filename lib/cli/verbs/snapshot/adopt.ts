import { escapeText } from "../../../bytes/mod.ts";
import { adoptSnapshot } from "../../../snapshot/mod.ts";
import { table } from "../../display/table.ts";
import { openImage } from "../../images.ts";
import type { Report, Verb } from "../../verb.ts";
import type { Context } from "../../context.ts";

/** `varve snapshot adopt`. */
export const adopt: Verb = {
  usage: "adopt [directory] [key]",
  withoutStore: "refuses",
  summary: "make a snapshot again of a directory whose row was lost",
  help:
    `Without DIRECTORY, lists the directories of snapshots that the database does not know: those in lost/, and
those that it lost because it is older than the files. KEY is by default what the directory's marker says.
'varve mount IMAGE DIR --rw KEY' mounts the snapshot then.

JSON: {"key","cacheId","parent"}; without DIRECTORY [{"name","path","key","use","parent"}]

Example:
  varve snapshot adopt`,
  configure(command) {
    command.option("--image <ref>", "the image below the snapshot, if its marker does not say it");
    command.option("--no-image", "nothing is below the snapshot");
  },
  async run(context, [name, key], options) {
    if (name === undefined) return await listReport(context);
    const store = await context.store();
    const snapshotter = await context.snapshotter();
    const parent = options.image === false
      ? null
      : typeof options.image === "string"
      ? await parentOf(context, options.image)
      : undefined;
    const row = await adoptSnapshot(store, snapshotter, name, { key, parent });
    const json = { key: row.key, cacheId: row.cacheId, parent: row.parent };
    return { json, text: `${escapeText(row.key)}\n` };
  },
};

async function parentOf(context: Context, reference: string): Promise<string | null> {
  const { chainId } = await openImage(await context.store(), reference, {});
  return chainId === null ? null : (await context.snapshotter()).ensureChain(chainId);
}

async function listReport(context: Context): Promise<Report> {
  const lost = await (await context.store()).directories.lost();
  return {
    json: lost.map(({ name, path, key, use, parent }) => ({
      name,
      path,
      key: key ?? null,
      use: use ?? null,
      parent: parent ?? null,
    })),
    text: table(
      ["DIRECTORY", "KEY", "PATH"],
      lost.map(({ name, key = "", path }) => [name, key, path]),
      context.columns,
    ),
  };
}
