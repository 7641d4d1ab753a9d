/** The permissions of Deno that each verb needs, as tables in Markdown. */
import { PERMISSION_ROWS, STORE_FLAGS, WORDS } from "../support/permissions/rows.ts";
import { markdownTable } from "./markdown_table.ts";

/** The verbs, and the flags of each. */
export function permissionTable(): string {
  const rows = PERMISSION_ROWS.map(({ verbs, flags, isWithoutStore = false }) => {
    const all = [...isWithoutStore ? [] : ["those of the store"], ...codes(merged(flags))];
    return [codes(verbs).join(", "), all.join(" ") || "none"];
  });
  const store = ["every verb that opens the store", codes(STORE_FLAGS).join(" ")];
  return markdownTable(["verbs", "flags"], [store, ...rows]);
}

/** The words in the flags. */
export function wordTable(): string {
  const rows = Object.entries(WORDS).map(([word, meaning]) => [`\`${word}\``, meaning]);
  return markdownTable(["word", "stands for"], rows);
}

/** Flags with one list for each kind. */
function merged(flags: readonly string[]): string[] {
  const lists = new Map<string, string[]>();
  for (const flag of flags) {
    const [kind = "", value] = flag.split("=", 2);
    lists.set(kind, [...lists.get(kind) ?? [], ...value === undefined ? [] : [value]]);
  }
  return [...lists].map(([kind, values]) =>
    values.length === 0 ? kind : `${kind}=${values.join(",")}`
  );
}

function codes(texts: readonly string[]): string[] {
  return texts.map((text) => `\`${text}\``);
}
