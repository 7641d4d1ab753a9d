/**
 * Everything that a store and what lies beside it hold, without what differs from run to run: times, cache ids, and
 * random names. Two runs of the same commands give the same facts.
 */
import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";

/** Columns that count or tell times, and cache ids. */
const VOLATILE = /(_at|^seq|^created|^updated|^cache_id|^expires.*)$/;

/** Files that hold locks, or rows that are read as rows. */
const UNTOLD = /^(store\.lock|ingest\/index\.lock|meta\.db(-wal|-shm|-journal)?)$/;

/** A row, and what it is in words that do not differ. */
type Row = Readonly<Record<string, unknown>>;

/** A database that a rebuild has put aside: each rebuild puts one aside. */
const KEPT = /^meta\.db\.damaged-[0-9]+(-wal|-shm|-journal)?$/;

/** One fact a line, sorted: rows of every store in the scene, files with their modes and digests, mounts. */
export async function factsOf(scene: string): Promise<string[]> {
  const facts: string[] = [];
  const paths = await pathsBelow(scene);
  const roots = paths.filter((path) => path.endsWith("/meta.db")).map((path) => path.slice(0, -8));
  const stores = roots.map((root) => ({ root, ids: new Map<string, string>() }));
  const plain = (fact: string) =>
    fact.replaceAll(scene, "SCENE").replace(
      /\bmounts\/erofs-[0-9]+-[0-9a-f]+/g,
      "mounts/erofs-INODE",
    )
      .replace(/(varve\.container\.(?:started|ended|created)\\*",\\*")[^"\\]*/g, "$1TIME");
  const add = (fact: string) => facts.push(plain(fact));
  for (const { root, ids } of stores) {
    for (const row of rowsOf(root, ids)) add(`${root}: ${row}`);
  }
  const named = (path: string) => {
    const store = stores.find(({ root }) => path.includes(`${root}/`));
    return store === undefined ? path : nameIds(path, store.ids);
  };
  const kept = new Set<string>();
  for (const path of paths) {
    const root = stores.find(({ root }) => path.startsWith(`${root}/`))?.root;
    const inStore = root === undefined ? "" : path.slice(root.length + 1);
    if (UNTOLD.test(inStore)) continue;
    if (KEPT.test(inStore)) kept.add(`${root}/meta.db.damaged-N`);
    else add(`${named(path)} ${await fileFact(path)}`);
  }
  for (const line of (await Deno.readTextFile("/proc/self/mountinfo")).split("\n")) {
    const [, , , from = "", at = ""] = line.split(" ");
    if (!at.startsWith(`${scene}/`)) continue;
    const [type, source, options] = line.slice(line.indexOf(" - ") + 3).split(" ");
    add(`mount ${from} ${at} ${type} ${named(source ?? "")} ${named(options ?? "")}`);
  }
  kept.forEach(add);
  return facts.sort();
}

/** Whether a store has not noted yet what one of its documents names. */
export function lacksParts(root: string): boolean {
  const db = new DatabaseSync(`${root}/meta.db`);
  try {
    return db.prepare("SELECT 1 FROM blob WHERE parts IS NULL").get() !== undefined;
  } finally {
    db.close();
  }
}

function rowsOf(root: string, ids: Map<string, string>): string[] {
  const facts: string[] = [];
  const db = new DatabaseSync(`${root}/meta.db`);
  try {
    const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name");
    for (const { name } of tables.all() as { name: string }[]) {
      if (name.startsWith("sqlite_")) continue;
      const rows = db.prepare(`SELECT * FROM "${name}" ORDER BY 1`).all() as Row[];
      for (const row of rows) {
        const [first] = Object.values(row);
        const id = row["cache_id"];
        // Chains of one content share a directory: the first one names it.
        if (
          id !== null && id !== undefined && !(name === "snapshot" && row["kind"] === "committed")
        ) {
          const key = `${name}s/${id}`;
          if (!ids.has(key)) ids.set(key, `${name}s/${name}:${first}`);
        }
        if (name === "state") continue;
        const kept = Object.entries(row).filter(([column]) => !VOLATILE.test(column));
        facts.push(`row ${name} ${JSON.stringify(Object.fromEntries(kept))}`);
      }
    }
  } finally {
    db.close();
  }
  return facts;
}

function nameIds(text: string, ids: ReadonlyMap<string, string>): string {
  return text.replace(
    /\b(layers|chains|snapshots)\/([1-9][0-9]*)\b/g,
    (all, kind) => ids.get(all) ?? `${kind}/UNKNOWN`,
  );
}

/** Type, mode, and what a file holds. */
async function fileFact(path: string): Promise<string> {
  const { isDirectory, isSymlink, isFile, mode, size } = await Deno.lstat(path);
  const bits = ((mode ?? 0) & 0o7777).toString(8);
  if (isDirectory) return `directory ${bits}`;
  if (isSymlink) return `link ${await Deno.readLink(path)}`;
  if (!isFile) return `special ${bits}`;
  const name = path.slice(path.lastIndexOf("/") + 1);
  // It is raised again when a repair is repeated.
  if (name === "generation") return `file ${bits}`;
  if (name === "marker") return `marker ${bits} ${markerFact(await Deno.readTextFile(path))}`;
  if (path.endsWith("/content/index.json")) {
    return (await Deno.readTextFile(path)).replace(/"varve\.generation":"[0-9]+"/, "");
  }
  const digest = createHash("sha256").update(await Deno.readFile(path)).digest("hex");
  return `file ${bits} ${size} ${digest.slice(0, 16)}`;
}

function markerFact(text: string): string {
  const at = text.indexOf("\n");
  const { id: _, owner: __, createdAt: ___, updatedAt: ____, ...rest } = JSON.parse(
    text.slice(at + 1),
  );
  return `${text.slice(0, at)} ${JSON.stringify(rest)}`;
}

/** All paths below a directory, but none behind a mount. */
export async function pathsBelow(directory: string): Promise<string[]> {
  const { dev } = await Deno.lstat(directory);
  const paths: string[] = [];
  const visit = async (path: string): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(path)) {
      const below = `${path}/${name}`;
      paths.push(below);
      if (isDirectory && (await Deno.lstat(below)).dev === dev) await visit(below);
    }
  };
  await visit(directory);
  return paths;
}

/** Lines that only one of two lists has: `-` of the first, `+` of the second. */
export function differences(first: readonly string[], second: readonly string[]): string[] {
  const count = (lines: readonly string[]) => {
    const counts = new Map<string, number>();
    for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1);
    return counts;
  };
  const [before, after] = [count(first), count(second)];
  const out: string[] = [];
  for (const [line, n] of before) if ((after.get(line) ?? 0) < n) out.push(`- ${line}`);
  for (const [line, n] of after) if ((before.get(line) ?? 0) < n) out.push(`+ ${line}`);
  return out;
}
