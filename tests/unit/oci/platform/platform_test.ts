import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { sha256 } from "../../../../lib/digest/mod.ts";
import { VarveError } from "../../../../lib/errors.ts";
import {
  defaultPlatform,
  type Descriptor,
  encodeIndex,
  formatPlatform,
  type Index,
  matchPlatform,
  MEDIA_TYPES,
  normalizePlatform,
  parseIndex,
  parsePlatform,
  rankManifests,
  selectManifest,
} from "../../../../lib/oci/mod.ts";

const HOST = defaultPlatform("linux", "x86_64");
const parse = (text: string) => parsePlatform(text, HOST);
/** The rank of `image` on `machine`, both written as users write platforms. */
const rank = (machine: string, image: string) => matchPlatform(parse(machine), parse(image));

Deno.test("platforms are read and written as containerd does", () => {
  const cases: [string, string][] = [
    ["linux", "linux/amd64"],
    ["arm64", "linux/arm64"],
    ["aarch64", "linux/arm64"],
    ["x86_64", "linux/amd64"],
    ["armhf", "linux/arm/v7"],
    ["armel", "linux/arm/v6"],
    ["linux/arm", "linux/arm/v7"],
    ["linux/arm/6", "linux/arm/v6"],
    ["linux/arm64/v8", "linux/arm64"],
    ["linux/arm64/v9.1", "linux/arm64/v9.1"],
    ["linux/amd64/v1", "linux/amd64"],
    ["Linux/AMD64/V3", "linux/amd64/v3"],
    ["macos", "darwin/amd64"],
    ["freebsd/riscv64", "freebsd/riscv64"],
    ["windows(10.0.17763)/amd64", "windows(10.0.17763)/amd64"],
    ["windows(10.0.17763+win32k)/amd64", "windows(10.0.17763+win32k)/amd64"],
  ];
  for (const [text, expected] of cases) assertEquals(formatPlatform(parse(text)), expected, text);
  assertEquals(formatPlatform({ os: "", architecture: "" }), "unknown");
});

Deno.test("malformed and unknown platforms are refused", () => {
  for (
    const text of [
      "",
      "*",
      "nonsense",
      "linux/",
      "/amd64",
      "a/b/c/d",
      "linux/a b",
      "lin(ux",
      "amd64(1)",
    ]
  ) {
    assertEquals(assertThrows(() => parse(text), VarveError).code, "E_USAGE", text);
  }
});

Deno.test("the default platform is Linux on every system but Windows", () => {
  assertEquals(formatPlatform(defaultPlatform("darwin", "aarch64")), "linux/arm64");
  assertEquals(formatPlatform(defaultPlatform("windows", "x86_64")), "windows/amd64");
  assertEquals(formatPlatform(defaultPlatform("linux", "arm", "v6")), "linux/arm/v6");
});

Deno.test("normalising is idempotent", () => {
  for (const architecture of ["x86_64", "aarch64", "arm", "armhf", "i386", "riscv64"]) {
    for (const variant of ["", "v1", "v7", "8", "V8"]) {
      const once = normalizePlatform({ os: "Linux", architecture, variant });
      assertEquals(normalizePlatform(once), once);
    }
  }
});

Deno.test("a machine prefers its own architecture, then compatible ones", () => {
  assertEquals(["amd64", "386", "arm64"].map((image) => rank("amd64", image)), [0, 1, -1]);
  assertEquals(
    ["linux/amd64/v3", "linux/amd64/v2", "linux/amd64", "386", "linux/amd64/v4"].map((image) =>
      rank("linux/amd64/v3", image)
    ),
    [0, 1, 2, 3, -1],
  );
  assertEquals(
    ["linux/arm/v7", "linux/arm/v6", "linux/arm/v5", "linux/arm/v8"].map((image) =>
      rank("linux/arm/v7", image)
    ),
    [0, 1, 2, -1],
  );
  assertEquals(
    ["arm64", "linux/arm/v8", "linux/arm/v7", "linux/arm/v5", "amd64"].map((image) =>
      rank("arm64", image)
    ),
    [0, 1, 2, 4, -1],
  );
  assertEquals(
    ["linux/arm64/v9.1", "linux/arm64/v9", "linux/arm64/v8.6", "linux/arm64/v8.7"].map((image) =>
      rank("linux/arm64/v9.1", image)
    ),
    [0, 1, 2, -1],
  );
  assertEquals([rank("freebsd/amd64", "linux/amd64"), rank("s390x", "s390x")], [-1, 0]);
});

Deno.test("old Windows needs the same build, newer Windows any stable build up to its own", () => {
  const windows = (version: string) => `windows(${version})/amd64`;
  const fits = (host: string, image: string) => rank(windows(host), windows(image)) === 0;
  assertEquals(fits("10.0.17763.1", "10.0.17763.999"), true);
  assertEquals(fits("10.0.17763", "10.0.18362"), false);
  assertEquals(fits("10.0.22621", "10.0.20348"), true);
  assertEquals(fits("10.0.22621", "10.0.17763"), false);
  assertEquals(fits("10.0.20348", "10.0.22621"), false);
  assertEquals(rank("windows/amd64", windows("10.0.17763")), 0);
  assertEquals(rank(windows("10.0.17763"), "windows/amd64"), 0);
});

Deno.test("a machine must have the features that an image needs", () => {
  const machine = { os: "linux", architecture: "amd64", osFeatures: ["b", "a"] };
  const image = (...osFeatures: string[]) => ({ os: "linux", architecture: "amd64", osFeatures });
  assertEquals(matchPlatform(machine, image("a")), 0);
  assertEquals(matchPlatform(machine, image("b", "a", "a")), 0);
  assertEquals(matchPlatform(machine, image("c")), -1);
});

function indexOf(...platforms: (string | Partial<Descriptor> | null)[]): Index {
  const manifests = platforms.map((platform, i): Descriptor => ({
    mediaType: MEDIA_TYPES.manifest,
    digest: sha256(new Uint8Array([i])),
    size: 1 + i,
    ...(typeof platform === "string" ? { platform: parse(platform) } : platform),
  }));
  return parseIndex(encodeIndex({ manifests }));
}

Deno.test("the best manifest is chosen, and the first of several equally good ones", () => {
  const chosen = (platform: string, index: Index) => selectManifest(index, parse(platform)).size;
  assertEquals(chosen("amd64", indexOf("386", "arm64", "amd64", "amd64")), 3);
  assertEquals(chosen("linux/amd64/v3", indexOf("amd64", "linux/amd64/v2")), 2);
  assertEquals(chosen("linux/arm/v7", indexOf("linux/arm/v5", "linux/arm/v6")), 2);
  assertEquals(chosen("amd64", indexOf(null, "amd64")), 2);
});

Deno.test("manifests without a platform come last, artifacts not at all", () => {
  const attestation = { platform: { os: "unknown", architecture: "unknown" } };
  const index = indexOf(null, "amd64", { artifactType: "application/x" }, attestation, "386");
  assertEquals(rankManifests(index, HOST).map(({ size }) => size), [2, 5, 1]);
});

Deno.test("when nothing fits, the error lists the platforms of the index", () => {
  const attestation = { platform: { os: "unknown", architecture: "unknown" } };
  const index = indexOf("amd64", "linux/arm/v7", attestation);
  const error = assertThrows(() => selectManifest(index, parse("s390x")), VarveError);
  assertEquals(error.code, "E_PLATFORM");
  assertStringIncludes(
    error.message,
    "no manifest for linux/s390x; it has linux/amd64, linux/arm/v7",
  );
});
