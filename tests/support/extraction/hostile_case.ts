/**
 * Hostile layers, extracted as root beside victims. Each case runs twice: once undisturbed, and once
 * against a thread that swaps directories for links to the victim while the extraction runs.
 */
import { assert, assertEquals } from "@std/assert";
import type { ExtractReport } from "../../../lib/directory/mod.ts";
import { needs, type Skip } from "../machine/needs.ts";
import { waitUntil } from "../machine/wait.ts";
import { DirectorySwapper } from "../races/directory_swapper.ts";
import type { TarFixture } from "../tar/tar_fixture.ts";
import { type Arena, arena, layerOf, listing, verdictOf } from "./arena.ts";

/** What tests of extraction need. */
export const root: Skip = needs({ root: true });
/** What tests of extraction with mounts need. */
export const mount: Skip = needs({ root: true, mount: true });

let swapper: DirectorySwapper | undefined;
if (!root.ignore) {
  swapper = new DirectorySwapper();
  await swapper.ready();
}
Deno.test.afterAll(() => swapper?.[Symbol.dispose]());

/** Swaps in all races so far, and the verdicts of all raced extractions. */
let swaps = 0;
const outcomes = new Set<string>();

/** The verdicts that an extraction may have when its directories are swapped meanwhile. */
const RACED: readonly string[] = ["ok", "E_PATH_ESCAPE", "E_SYSCALL", "E_XDEV", "E_EXISTS"];

/** One hostile layer. */
export interface HostileCase {
  readonly name: string;
  readonly layer: readonly TarFixture[];
  /** The code that the layer is refused with; `ok` by default. */
  readonly verdict?: string;
  /** How the lines of the listing must begin, by path; `null` for a path that must be absent. */
  readonly tree?: Readonly<Record<string, string | null>>;
  /** Checks more after the undisturbed run. */
  readonly also?: (place: Arena, report: ExtractReport | undefined) => void;
}

/** Defines the tests of one case: undisturbed, and with a racer where the layer is accepted. */
export function hostile({ name, layer, verdict = "ok", tree = {}, also }: HostileCase): void {
  Deno.test({
    name,
    ...root,
    fn: async () => {
      await using place = await arena();
      let report: ExtractReport | undefined;
      const outcome = verdictOf(() => report = place.extract([layerOf(layer)]));
      assertEquals(outcome, verdict);
      assertEquals(place.damage(), []);
      const seen = listing(place.root);
      for (const [path, line] of Object.entries(tree)) {
        const found = seen.get(path) ?? null;
        const start = line === null ? found : found?.slice(0, line.length);
        assertEquals(start, line, `${path}: ${found}`);
      }
      if (outcome !== "ok") assertEquals([...seen.keys()], ["."]);
      also?.(place, report);
    },
  });
  if (verdict !== "ok") return;
  Deno.test({
    name: `${name} (with a racer)`,
    ...root,
    fn: () => race(layer),
  });
}

/** Extracts a layer while its directories are swapped for links to the victim. */
async function race(layer: readonly TarFixture[]): Promise<void> {
  await using place = await arena();
  // Enough directories that there is always one to swap.
  const bait = Array.from({ length: 20 }, (_, i): TarFixture => ({
    name: `bait/${i}/f`,
    content: "bait",
    uid: 1,
    mode: 0o4777,
    xattrs: { "user.bait": "1" },
  }));
  const raced = layerOf([...layer, ...bait]);
  swapper?.start(place.root, place.victim);
  const outcome = verdictOf(() => place.extract([raced]));
  swaps += swapper?.stop() ?? 0;
  outcomes.add(outcome);
  assert(RACED.includes(outcome), outcome);
  assertEquals(place.damage(), []);
}

/** Defines the test of a layer that is refused. */
export function refused(name: string, verdict: string, ...layer: TarFixture[]): void {
  hostile({ name, layer, verdict });
}

/**
 * Defines the last test of a file: that there were races at all. Whether one is noticed is chance, so
 * there are more of them until that is so.
 */
export function expectRaces(): void {
  Deno.test({
    name: "the racer did race, and was noticed",
    ...root,
    fn: async () => {
      await waitUntil("a race that is noticed", async () => {
        if (swaps > 1000 && outcomes.has("E_PATH_ESCAPE")) return true;
        await race([]);
        return false;
      }, { seen: () => `${swaps} swaps: ${[...outcomes].join()}` });
    },
  });
}
