import { assertEquals, assertThrows } from "@std/assert";
import { globalOptions, inflaterOf, workersOf } from "../../../lib/cli/options.ts";
import { loadSettings, settingOf, SETTINGS } from "../../../lib/cli/settings.ts";
import { VarveError } from "../../../lib/errors.ts";
import { openMemoryStore } from "../../../lib/store/mod.ts";

const options = (
  given: Record<string, unknown>,
  env: Record<string, string> = {},
  isRoot = false,
) => globalOptions(given, (name) => ({ HOME: "/home/a", ...env })[name], () => isRoot);

function refused(act: () => unknown): string {
  const error = assertThrows(act, VarveError);
  assertEquals(error.code, "E_USAGE");
  return error.message;
}

Deno.test("the root comes from the option, else the variable, else the user", () => {
  assertEquals(options({ root: "/o" }, { VARVE_ROOT: "/e" }, true).root, "/o");
  assertEquals(options({}, { VARVE_ROOT: "/e" }, true).root, "/e");
  assertEquals(options({}, { VARVE_ROOT: "" }, true).root, "/var/lib/varve");
  assertEquals(options({}, { XDG_DATA_HOME: "/x" }).root, "/x/varve");
  assertEquals(options({}, { XDG_DATA_HOME: "relative" }).root, "/home/a/.local/share/varve");
  refused(() => options({ root: "" }));
  refused(() => options({}, { HOME: "" }));
});

Deno.test("an option overrides its variable, and the variable overrides the setting", async () => {
  await using store = openMemoryStore();
  const env = { VARVE_DURABILITY: "none", VARVE_WORKERS: "3", VARVE_DRIVER: "native" };
  const given = options({ durability: "full", workers: "2", driver: "overlay" }, env);
  assertEquals([given.durability, given.workers, given.driver], ["full", 2, "overlay"]);
  const fromEnv = options({}, env);
  assertEquals([fromEnv.durability, fromEnv.workers, fromEnv.driver], ["none", 3, "native"]);
  store.settings.set("workers", "5");
  assertEquals([given, fromEnv, options({})].map((one) => workersOf(one, store)), [2, 3, 5]);
});

Deno.test("the inflater comes from the variable, else the setting, else auto", async () => {
  await using store = openMemoryStore();
  const given = options({}, { VARVE_INFLATE: "zlib" });
  assertEquals([inflaterOf(given, store), inflaterOf(options({}), store)], ["zlib", "auto"]);
  store.settings.set("inflate", "isal");
  assertEquals([inflaterOf(given, store), inflaterOf(options({}), store)], ["zlib", "isal"]);
  assertEquals(inflaterOf(options({}), undefined), "auto");
  assertEquals(
    refused(() => options({}, { VARVE_INFLATE: "gzip" })),
    'Cannot use "gzip" for VARVE_INFLATE: give auto or isal or zlib',
  );
});

Deno.test("bad values are refused, with the name of the option", () => {
  for (const workers of ["0", "257", "-1", "two", "1e2", ""]) {
    refused(() => options({ workers }));
  }
  assertEquals(options({ workers: "256" }).workers, 256);
  assertEquals(
    refused(() => options({ format: "xml" })),
    'Cannot use "xml" for --format: give text or json',
  );
  refused(() => options({ progress: "loud" }));
  refused(() => options({}, { VARVE_DURABILITY: "half" }));
});

Deno.test("settings: each accepts its own default, and names are unique", () => {
  assertEquals(new Set(SETTINGS.map(({ key }) => key)).size, SETTINGS.length);
  for (const { key, default: fallback, accepts } of SETTINGS) {
    assertEquals(accepts(fallback), key !== "workers", key);
    for (const bad of ["", "-1", "0", "1.5", "x", "9".repeat(20)]) {
      assertEquals(accepts(bad), false);
    }
  }
  assertEquals(settingOf("limits.zstdWindowBytes").accepts(String(2 ** 31 + 1)), false);
  assertEquals(settingOf("limits.layer.component").accepts("256"), false);
});

Deno.test("settings: an unknown name gets a hint", () => {
  const hint = (key: string) => {
    const error = assertThrows(() => settingOf(key), VarveError);
    return error.details.hint;
  };
  assertEquals(hint("durabilty"), "'varve config ls' lists them");
  assertEquals(hint("layer.entries"), "did you mean limits.layer.entries?");
  assertEquals(hint("Devices"), "did you mean devices?");
});

Deno.test("settings: every limit and policy is passed to the load", async () => {
  await using store = openMemoryStore();
  const limits = SETTINGS.filter(({ key }) => key.startsWith("limits."));
  for (const { key } of limits) store.settings.set(key, "7");
  store.settings.set("devices", "skip");
  store.settings.set("xattr.ima", "keep");
  const { policy, limits: layer, streamLimits, ociLimits } = loadSettings(store);
  assertEquals(policy, { devices: "skip", ima: "keep" });
  const values = [layer, streamLimits, ociLimits].flatMap((one) => Object.values(one ?? {}));
  assertEquals(values, limits.map(() => 7));
});
