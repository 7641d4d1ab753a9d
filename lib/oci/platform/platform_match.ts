import { VarveError } from "../../errors.ts";
import type { Descriptor } from "../manifest/descriptor.ts";
import type { Index } from "../manifest/manifest.ts";
import { formatPlatform, normalizePlatform, type Platform } from "./platform.ts";

/**
 * How well a machine of platform `wanted` runs an image for `candidate`:
 * 0 is best, higher is worse, −1 means not at all.
 *
 * The rules are containerd's. An `amd64/v3` machine also runs v2, v1 and 386. `arm/v7` also runs v6
 * and v5. `arm64` also runs 32-bit `arm`. A Windows machine runs images of its own build. From
 * Windows Server 2022 on, it also runs images of older builds, back to the build of that release. If
 * the machine or the image has no version, the builds are not compared.
 *
 * @example
 * ```ts
 * import { matchPlatform } from "@varve/varve/oci";
 *
 * const machine = { os: "linux", architecture: "arm", variant: "v7" };
 * if (matchPlatform(machine, { os: "linux", architecture: "arm", variant: "v6" }) !== 1) {
 *   throw new Error("never");
 * }
 * ```
 */
export function matchPlatform(wanted: Platform, candidate: Platform): number {
  const machine = normalizePlatform(wanted);
  const image = normalizePlatform(candidate);
  if (machine.os !== image.os) return -1;
  if (!versionFits(machine, image) || !featuresFit(machine, image)) return -1;
  const name = `${image.architecture}/${image.variant ?? ""}`;
  return processors(machine.architecture, machine.variant ?? "").indexOf(name);
}

/**
 * Whether two platforms that an index and a config give for the same image agree: operating system
 * and architecture are equal, and the variant is equal if both have a variant.
 */
export function platformsAgree(one: Platform, other: Platform): boolean {
  const [a, b] = [normalizePlatform(one), normalizePlatform(other)];
  if (a.os !== b.os || a.architecture !== b.architecture) return false;
  return one.variant === undefined || other.variant === undefined || a.variant === b.variant;
}

/**
 * The manifests of an index that fit a platform, best first.
 *
 * Manifests without a platform come last: only their config tells whether they fit. Artifacts are left
 * out.
 */
export function rankManifests(index: Index, platform: Platform): readonly Descriptor[] {
  const unnamed = index.manifests.length;
  const ranked: { readonly rank: number; readonly descriptor: Descriptor }[] = [];
  for (const descriptor of index.manifests) {
    if (descriptor.artifactType !== undefined) continue;
    const rank = descriptor.platform === undefined
      ? unnamed
      : matchPlatform(platform, descriptor.platform);
    if (rank >= 0) ranked.push({ rank, descriptor });
  }
  return ranked.sort((a, b) => a.rank - b.rank).map(({ descriptor }) => descriptor);
}

/**
 * The manifest or inner index that fits a platform best.
 *
 * @throws {VarveError} `E_PLATFORM` when none fits; the message lists the platforms of the index
 */
export function selectManifest(index: Index, platform: Platform): Descriptor {
  const best = rankManifests(index, platform)[0];
  if (best !== undefined) return best;
  const names = index.manifests.flatMap(({ platform }) =>
    platform === undefined ? [] : [formatPlatform(platform)]
  ).filter((name) => !name.startsWith("unknown"));
  const known = [...new Set(names)].slice(0, 20).join(", ");
  throw new VarveError(
    "E_PLATFORM",
    `Cannot choose image: the index has no manifest for ${
      formatPlatform(normalizePlatform(platform))
    }` +
      (known === "" ? "" : `; it has ${known}`),
    { expected: formatPlatform(platform) },
  );
}

/** The architectures that a processor runs, as normalised `architecture/variant`, best first. */
function processors(architecture: string, variant: string): string[] {
  const out = [`${architecture}/${variant}`];
  const level = /^v(\d{1,2})$/.exec(variant);
  if (architecture === "amd64") {
    for (let v = Number(level?.[1] ?? 1) - 1; v >= 1; v--) out.push(amd64(v));
    out.push("386/");
  } else if (architecture === "arm") {
    for (let v = Number(level?.[1] ?? 5) - 1; v >= 5; v--) out.push(`arm/v${v}`);
  } else if (architecture === "arm64") {
    out.push(...olderArm64(variant === "" ? "v8" : variant));
    out.push(
      ...processors("arm", /^v[89](?:\.|$)/.test(variant) || variant === "" ? "v8" : variant),
    );
  }
  return out;
}

function amd64(level: number): string {
  return level === 1 ? "amd64/" : `amd64/v${level}`;
}

/**
 * Armv9.x also runs v9.0 to v9.(x−1), and v8.0 to v8.(x+5), because it is based on these. Armv8.x
 * runs v8.0 to v8.(x−1).
 */
function olderArm64(variant: string): string[] {
  const match = /^v([89])(?:\.(\d))?$/.exec(variant);
  if (match === null) return [];
  const out: string[] = [];
  const name = (major: number, minor: number) =>
    out.push(minor > 0 ? `arm64/v${major}.${minor}` : major === 8 ? "arm64/" : `arm64/v${major}`);
  let minor = Number(match[2] ?? 0);
  if (match[1] === "9") {
    for (let m = minor - 1; m >= 0; m--) name(9, m);
    minor += 6;
  }
  for (let m = minor - 1; m >= 0; m--) name(8, m);
  return out;
}

function featuresFit(machine: Platform, image: Platform): boolean {
  const has = machine.osFeatures ?? [];
  return (image.osFeatures ?? []).every((feature) => has.includes(feature));
}

/** Build of Windows Server 2022. Later builds also run images of older builds, down to this one. */
const STABLE_BUILD = 20348;

function versionFits(machine: Platform, image: Platform): boolean {
  if (machine.os !== "windows") return true;
  const host = windowsVersion(machine.osVersion);
  if (host === undefined || image.osVersion === undefined) return true;
  const container = windowsVersion(image.osVersion);
  if (container === undefined || host.release !== container.release) return false;
  return host.build < STABLE_BUILD
    ? host.build === container.build
    : container.build >= STABLE_BUILD && container.build <= host.build;
}

function windowsVersion(
  version: string | undefined,
): { readonly release: string; readonly build: number } | undefined {
  const match = /^(\d{1,3}\.\d{1,3})\.(\d{1,5})(?:\.|$)/.exec(version ?? "");
  return match === null ? undefined : { release: match[1] as string, build: Number(match[2]) };
}
