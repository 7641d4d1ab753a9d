/**
 * What a command loads before its verb runs. Each room that is loaded there costs every command some of its start:
 * with all rooms, `varve version` took five times the CPU of an empty program.
 */
import { assert, assertEquals } from "@std/assert";
import { roomOf } from "./rooms.ts";
import { PROJECT, toUrl } from "./sources.ts";

/** Rooms of which a command may load nothing before it knows that it needs them. */
const LATER = ["codec", "pool", "layer_job", "store", "image", "archive", "snapshot", "mount"];

interface Dependency {
  readonly code?: { readonly specifier?: string };
  readonly isDynamic?: boolean;
}

/** The paths of the modules that a module loads by static imports. */
async function loadedBy(entry: string): Promise<string[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--no-lock", entry],
    cwd: PROJECT,
    env: { NO_COLOR: "1" },
    stderr: "null",
  }).output();
  const { modules }: {
    modules: { specifier: string; dependencies?: Dependency[] }[];
  } = JSON.parse(new TextDecoder().decode(stdout));
  const graph = new Map(modules.map((one) => [one.specifier, one.dependencies ?? []]));
  const found = new Set([toUrl(PROJECT, entry)]);
  for (const url of found) {
    for (const { code, isDynamic } of graph.get(url) ?? []) {
      if (isDynamic !== true && code?.specifier !== undefined) found.add(code.specifier);
    }
  }
  const base = toUrl(PROJECT, "");
  return [...found].filter((url) => url.startsWith(base)).map((url) => url.slice(base.length));
}

Deno.test("a command loads no store, pool or codec before its verb needs it", async () => {
  const loaded = await loadedBy("lib/cli/main.ts");
  assert(loaded.includes("lib/cli/run.ts"));
  const early = loaded.filter((path) => LATER.includes(roomOf(path)?.name ?? ""));
  assertEquals(early, []);
});

Deno.test("the verb images loads a store, so the law of the start can fail", async () => {
  const loaded = await loadedBy("lib/cli/verbs/image/images.ts");
  assert(loaded.some((path) => roomOf(path)?.name === "store"));
});
