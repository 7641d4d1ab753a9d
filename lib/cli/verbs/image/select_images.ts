/** Which images `varve images` lists, and in which order. */
import { VarveError } from "../../../errors.ts";
import { familiarName, repositoryName, tryParseReference } from "../../../oci/mod.ts";
import { NAMELESS } from "../../../store/internal.ts";
import { hostPlatform, type ImageRecord, readImage, type Store } from "../../../store/mod.ts";
import { passesFilter } from "../../../upkeep/internal.ts";
import { globExpression } from "../../files/glob.ts";
import { listOption, type Options, stringOption } from "../../verb.ts";
import { parseFilters } from "../store/prune_filter.ts";

/**
 * The records that a pattern and the filters let through.
 *
 * @param now the time, in ms since the epoch
 * @throws {VarveError} `E_USAGE`
 */
export async function selectRecords(
  store: Store,
  pattern: string | undefined,
  options: Options,
  now: number,
): Promise<ImageRecord[]> {
  const { references, others } = referencesOf(listOption(options, "filter"));
  const { dangling, rest } = danglingOf(others);
  const named = pattern === undefined ? () => true : nameMatcher(pattern);
  const matchers = references.map(nameMatcher);
  const records = store.images.list().filter(({ name }) =>
    named(name) && (matchers.length === 0 || matchers.some((matches) => matches(name))) &&
    (dangling === undefined || name.startsWith(NAMELESS) === dangling)
  );
  if (rest.length === 0) return records;
  const filter = parseFilters(rest, now, "dangling=true|false, reference=PATTERN, ");
  const passing: ImageRecord[] = [];
  for (const record of records) {
    const thing = await labelled(store, record);
    if (thing !== undefined && passesFilter(filter, thing)) passing.push(record);
  }
  return passing;
}

/** The patterns of `reference=PATTERN`: as in Docker, an image that one of them matches passes. */
function referencesOf(
  filters: readonly string[],
): { readonly references: readonly string[]; readonly others: readonly string[] } {
  const prefix = "reference=";
  const { references = [], others = [] } = Object.groupBy(
    filters,
    (filter) => filter.startsWith(prefix) ? "references" : "others",
  );
  return { references: references.map((filter) => filter.slice(prefix.length)), others };
}

function danglingOf(
  filters: readonly string[],
): { readonly dangling: boolean | undefined; readonly rest: readonly string[] } {
  let dangling: boolean | undefined;
  const rest = filters.filter((filter) => {
    const [, value] = /^dangling=(.*)$/s.exec(filter) ?? [];
    if (value === undefined) return true;
    if (value !== "true" && value !== "false") {
      throw new VarveError("E_USAGE", `Cannot use --filter ${JSON.stringify(filter)}`, {
        hint: "give dangling=true or dangling=false",
      });
    }
    dangling = value === "true";
    return false;
  });
  return { dangling, rest };
}

/**
 * As in Docker, a pattern is that of a full or short name, with or without the tag. `*` also matches a slash.
 */
function nameMatcher(pattern: string): (name: string) => boolean {
  const expression = globExpression(pattern);
  return (name) => {
    const reference = tryParseReference(name);
    if (reference === undefined) return expression.test(name);
    const { registry, repository } = reference;
    const short = familiarName({ registry, repository });
    return [name, repositoryName(reference), familiarName(reference), short].some((one) =>
      expression.test(one)
    );
  };
}

/** What filters look at. `undefined` for what is no image, and for a damaged one. */
async function labelled(
  store: Store,
  record: ImageRecord,
): Promise<Parameters<typeof passesFilter>[1] | undefined> {
  try {
    const { config } = await readImage(store, record, { host: hostPlatform() });
    return {
      // An image without a time counts as made when it came in.
      createdAt: config.created === undefined ? record.createdAt : Date.parse(config.created),
      labels: config.config.labels ?? {},
    };
  } catch (error) {
    if (error instanceof VarveError) return undefined;
    throw error;
  }
}

/** What is compared of a row. */
interface Sortable {
  readonly name: string;
  readonly size: number | null;
  readonly created: string | null;
}

/** Sorts rows by `--sort`: by name, the newest first, or the largest first. @throws {VarveError} `E_USAGE` */
export function sortRows<R extends Sortable>(rows: readonly R[], options: Options): readonly R[] {
  const by = stringOption(options, "sort") ?? "name";
  const value = (row: R) => by === "size" ? row.size ?? 0 : Date.parse(row.created ?? "") || 0;
  switch (by) {
    case "name":
      return rows;
    case "size":
    case "created":
      return rows.toSorted((a, b) => value(b) - value(a));
  }
  throw new VarveError(
    "E_USAGE",
    `Cannot use ${JSON.stringify(by)} for --sort: give name, created or size`,
  );
}
