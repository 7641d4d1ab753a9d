import type { ByteString } from "../../bytes/mod.ts";
import type { NamedNode } from "../../tree/mod.ts";
import type { LongColumns } from "../display/listing.ts";
import type { Files, FilesView } from "./open_files.ts";
import { readIdNames } from "./id_names.ts";
import { LinkCounter } from "./link_counter.ts";

/** What `varve ls -l` adds to a listing. */
export interface Long {
  columns(directory: ByteString): LongColumns;
  /** Properties for the JSON of an entry. */
  json(directory: ByteString, entry: NamedNode): Record<string, unknown>;
}

/**
 * Reads what `-l` adds to a listing.
 *
 * @param view looks up the directories of the entries
 */
export async function longOf(
  files: Files,
  view: FilesView,
  entries: Iterable<NamedNode>,
): Promise<Long> {
  const links = new LinkCounter(files, view);
  await links.prepare(entries);
  const { users, groups: groupNames } = await readIdNames(files);
  return {
    columns: (directory) => ({
      links: (entry) => links.count(directory, entry),
      user: (uid) => users.show(uid),
      group: (gid) => groupNames.show(gid),
    }),
    json(directory, entry) {
      const { node } = entry;
      if (node.type === "whiteout") return {};
      return {
        links: links.count(directory, entry),
        user: users.show(node.uid),
        group: groupNames.show(node.gid),
      };
    },
  };
}
