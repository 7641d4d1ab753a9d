import { assert, assertEquals } from "@std/assert";
import { needs } from "../support/machine/needs.ts";
import { run } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";

/** One call of the log: what, and the paths in it, relative to the root. */
interface Call {
  readonly name: "sync" | "rename" | "other";
  readonly paths: readonly string[];
}

const SCRIPT = new URL("./store_child.ts", import.meta.url).pathname;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;

/** The calls of a child that commits, in the order in which they returned. */
async function logOf(durability: "full" | "none"): Promise<Call[]> {
  await using temp = await tempDir();
  const root = temp.join("store");
  const log = temp.join("log");
  const task = { root, seeds: [1, 2], image: "a", durability, directories: true };
  const deno = [
    "run",
    "-A",
    "--no-check",
    "--no-lock",
    "--config",
    CONFIG,
    SCRIPT,
    JSON.stringify(task),
  ];
  const calls = "trace=fsync,fdatasync,syncfs,rename,renameat,renameat2";
  await run(["strace", "-f", "-y", "-s", "4096", "-e", calls, "-o", log, Deno.execPath(), ...deno]);
  const lines = (await Deno.readTextFile(log)).split("\n");
  return joined(lines).flatMap((line) => {
    const paths = [...line.matchAll(/[<"]([^<>"]*)[>"]/g)].map((match) => match[1] as string);
    const mine = paths.filter((path) => path.startsWith(temp.path)).map((path) =>
      path === temp.path ? ".." : path.slice(root.length + 1)
    );
    if (mine.length === 0) return [];
    const name = /\b(fsync|fdatasync|syncfs)\(/.test(line) ? "sync" : "rename";
    return [{ name, paths: mine } as const];
  });
}

/** Calls of threads that ran at the same time are cut in two: they count where they returned. */
function joined(lines: readonly string[]): string[] {
  const open = new Map<string, string>();
  const whole: string[] = [];
  for (const line of lines) {
    const thread = line.split(" ", 1)[0] as string;
    if (line.includes("<unfinished ...>")) {
      open.set(thread, line.replace("<unfinished ...>", ""));
    } else if (line.includes(" resumed>")) {
      whole.push((open.get(thread) ?? "") + line.replace(/^.* resumed>/, ""));
    } else whole.push(line);
  }
  return whole;
}

Deno.test({
  name: "J08: data, sync, rename, sync of the directory, and then the transaction",
  ...needs({ tools: ["strace"] }),
  fn: async () => {
    const calls = await logOf("full");
    const renames = calls.filter((call) => call.name === "rename");
    const finals = renames.filter(({ paths }) =>
      /^(layers\/\d+|content\/blobs\/\w+\/\w+|snapshots\/\d+|chains\/\d+)$/.test(paths[1] ?? "")
    );
    // Two layers, their two blobs, the image's blob, a snapshot and a chain.
    assertEquals(finals.length, 7, JSON.stringify(renames));
    for (const call of finals) {
      const [from, to] = call.paths as [string, string];
      const at = calls.indexOf(call);
      const synced = calls.slice(0, at).filter((c) => c.name === "sync").flatMap((c) => c.paths);
      const needed = /^layers/.test(to)
        ? [`${from}/layer.tar`, `${from}/tree`, `${from}/marker`, from]
        : /^(snapshots|chains)/.test(to)
        ? [`${from}/marker`, from]
        : [from];
      for (const path of needed) {
        assert(synced.includes(path), `${path} was not synced before ${to}`);
      }
      const after = calls.slice(at + 1);
      const directory = to.slice(0, to.lastIndexOf("/"));
      const named = after.findIndex((c) => c.name === "sync" && c.paths[0] === directory);
      assert(named >= 0, `${directory} was not synced after ${to}`);
      const recorded = after.findIndex((c) => c.name === "sync" && c.paths[0] === "meta.db-wal");
      assert(recorded > named, `the rows of ${to} were on the disk before its name`);
    }
    const made = finals.find(({ paths }) => /^snapshots/.test(paths[1] ?? "")) as Call;
    const files = calls.slice(calls.indexOf(made) + 1);
    const row = files.findIndex((c) => c.name === "sync" && c.paths[0] === "meta.db-wal");
    const filled = files.slice(0, row).filter((c) => c.name === "sync").flatMap((c) => c.paths);
    for (const path of [`${made.paths[1]}/fs`, `${made.paths[1]}/work`, made.paths[1] ?? ""]) {
      assert(filled.includes(path), `${path} was not synced before the row of its snapshot`);
    }
    const first = calls.slice(0, calls.indexOf(finals[0] as Call)).filter((c) => c.name === "sync");
    for (const path of ["", "content", "content/blobs", "content/blobs/sha256", "snapshots"]) {
      assert(first.some((c) => c.paths.includes(path)), `"${path}" was not synced at first use`);
    }
    assert(first.some((c) => c.paths.includes("..")), "what holds the root was not synced");
    const index = calls.findLastIndex(({ paths }) => paths[1] === "content/index.json");
    const last = calls.indexOf(
      finals.findLast(({ paths }) => /^layers/.test(paths[1] ?? "")) as Call,
    );
    assert(index > last, "index.json came before the layers");
  },
});

Deno.test({
  name: "J08: without durability only the mark and the database are synced",
  ...needs({ tools: ["strace"] }),
  fn: async () => {
    const syncs = (await logOf("none")).filter((call) => call.name === "sync");
    const of = syncs.flatMap((call) => call.paths).filter((path) => !path.startsWith("meta.db"));
    assertEquals(of.filter((path) => path !== "ingest" && path !== ""), []);
    assert(of.includes("ingest"), "the mark was not synced");
  },
});
