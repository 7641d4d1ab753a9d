/** The verbs of the peers with varve's ways, as tables in Markdown. */
import { PEERS, type Way } from "../support/peers/verbs.ts";
import { markdownTable } from "./markdown_table.ts";

/** A table for each peer, with its heading. */
export function peerTables(): string {
  return PEERS.map(({ name, source, note, verbs }) => {
    const from = source.startsWith("https:") ? `[its list](${source})` : `\`${source}\``;
    const rows = Object.entries(verbs).map(([verb, way]) => [`\`${verb}\``, ...cellsOf(way)]);
    return `### ${name}\n\nOf ${from}.${note === undefined ? "" : `\n\n${note}`}\n\n${
      markdownTable(["there", "here"], rows)
    }`;
  }).join("\n\n");
}

function cellsOf(way: Way): string[] {
  return ["run" in way ? `\`varve ${way.run}\`` : `not here: ${way.not}`];
}
