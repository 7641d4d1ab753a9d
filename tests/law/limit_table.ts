/** The limits that are settings, as a table in Markdown. */
import { SETTINGS } from "../../lib/cli/settings.ts";
import { LAYER_LIMITS } from "../../lib/layer/mod.ts";
import { OCI_LIMITS } from "../../lib/oci/mod.ts";
import { markdownTable } from "./markdown_table.ts";

/** Settings whose unit is bytes, besides those whose name says so. */
const IN_BYTES: ReadonlySet<string> = new Set(
  [...Object.values(LAYER_LIMITS), ...Object.values(OCI_LIMITS)]
    .filter(({ unit }) => unit === "bytes").map(({ setting }) => setting),
);

/** Every setting `limits.…` with its default and what it limits. */
export function limitTable(): string {
  const limits = SETTINGS.filter(({ key }) => key.startsWith("limits."));
  return markdownTable(
    ["setting", "default", "what it limits"],
    limits.map((setting) => {
      const isBytes = IN_BYTES.has(setting.key) || /bytes$/i.test(setting.key);
      return [`\`${setting.key}\``, shown(Number(setting.default), isBytes), setting.about];
    }),
  );
}

function shown(value: number, isBytes: boolean): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  while (isBytes && value % 1024 === 0 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toLocaleString("en")}${isBytes ? ` ${units[unit]}` : ""}`;
}
