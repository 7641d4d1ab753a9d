import { escapeText } from "../../../bytes/mod.ts";
import { VarveError } from "../../../errors.ts";
import { table } from "../../display/table.ts";
import { settingOf, SETTINGS } from "../../settings.ts";
import type { Verb } from "../../verb.ts";

/** `varve config ls`. */
const ls: Verb = {
  usage: "ls",
  withoutStore: "lists nothing",
  summary: "list the settings with their values and defaults",
  help: `JSON: [{"key","value","default","about"}]

Example:
  varve config ls`,
  async run(context) {
    const set = (await context.storeIfAny())?.settings.list() ?? {};
    const rows = SETTINGS.map(({ key, default: fallback, about }) => ({
      key,
      value: Object.hasOwn(set, key) ? set[key] as string : null,
      default: fallback,
      about,
    }));
    return {
      json: rows,
      text: table(
        ["KEY", "VALUE", "DEFAULT", "ABOUT"],
        rows.map((row) => [row.key, row.value ?? "", row.default, row.about]),
        context.columns,
      ),
    };
  },
};

/** `varve config get`. */
const get: Verb = {
  usage: "get <key>",
  withoutStore: "lists nothing",
  summary: "print one setting",
  help: `JSON: {"key","value"}

Example:
  varve config get workers`,
  async run(context, [key = ""]) {
    const setting = settingOf(key);
    const value = (await context.storeIfAny())?.settings.get(key) ?? setting.default;
    return { json: { key, value }, text: `${value}\n` };
  },
};

/** `varve config set`. */
const set: Verb = {
  usage: "set <key> [value]",
  withoutStore: "makes",
  summary: "change one setting, or reset it to its default",
  help: `Without VALUE, the setting is reset to its default.

Where there is no store, it is made, so that settings can apply to the first image. A line on standard error says so.

JSON: {"key","value"}

Example:
  varve config set durability none`,
  async run(context, [key = "", value]) {
    const setting = settingOf(key);
    if (value !== undefined && !setting.accepts(value)) {
      throw new VarveError(
        "E_USAGE",
        `Cannot set ${key} to ${JSON.stringify(value)}: it takes ${setting.takes}`,
      );
    }
    const store = await context.store();
    store.settings.set(key, value);
    if (context.isNewStore) {
      context.say(`varve: made store ${escapeText(store.root)}: there was none`);
    }
    return { json: { key, value: value ?? setting.default }, text: "" };
  },
};

/** `varve config …`, in the order of `--help`. */
export const configVerbs: readonly Verb[] = [ls, get, set];
