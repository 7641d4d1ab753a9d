import { VarveError } from "../../errors.ts";
import { defined, Fields } from "../json/fields.ts";
import type { Encodable } from "../json/encode_json.ts";
import type { JsonValue } from "../json/strict_json.ts";

/** What an image runs on, in Go's names (image-spec, image-index.md, "platform"). */
export interface Platform {
  /** Operating system: `linux`, `windows`. */
  readonly os: string;
  /** Processor: `amd64`, `arm64`, `arm`. */
  readonly architecture: string;
  /** Variant of the processor: `v7`, `v8`, `v3`. */
  readonly variant?: string | undefined;
  /** Version of the operating system; Windows has it. */
  readonly osVersion?: string | undefined;
  /** What the image needs of the operating system. */
  readonly osFeatures?: readonly string[] | undefined;
}

const NAMES = ["architecture", "os", "variant", "os.version", "os.features", "features"];
const KNOWN_OS: ReadonlySet<string> = new Set(
  ("aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 " +
    "solaris windows zos").split(" "),
);
const KNOWN_ARCHITECTURES: ReadonlySet<string> = new Set(
  ("386 amd64 amd64p32 arm armbe arm64 arm64be ppc64 ppc64le loong64 mips mipsle mips64 mips64le " +
    "mips64p32 mips64p32le ppc riscv riscv64 s390 s390x sparc sparc64 wasm").split(" "),
);

/** Reads the platform of a descriptor or of a config. @throws {VarveError} `E_JSON` on a wrong type */
export function platformFromJson(value: JsonValue, what: string): Platform {
  const fields = new Fields(value, `platform of ${what}`, NAMES);
  return makePlatform(
    fields.string("os") ?? "",
    fields.string("architecture") ?? "",
    fields.string("variant"),
    fields.string("os.version"),
    fields.strings("os.features"),
  );
}

/** A platform as JSON, in the order of the specification. */
export function platformToJson(platform: Platform): Encodable {
  return {
    architecture: platform.architecture,
    os: platform.os,
    "os.version": platform.osVersion,
    "os.features": platform.osFeatures,
    variant: platform.variant,
  };
}

/**
 * Reads what a user writes for a platform: `os/architecture[/variant]`, or one of the first two alone,
 * `windows(10.0.17763)/amd64` with a version.
 *
 * What is not said is taken from `host`.
 *
 * @example
 * ```ts
 * import { defaultPlatform, formatPlatform, parsePlatform } from "@varve/varve/oci";
 *
 * const host = defaultPlatform("linux", "x86_64");
 * if (formatPlatform(parsePlatform("aarch64", host)) !== "linux/arm64") throw new Error("never");
 * ```
 *
 * @throws {VarveError} `E_USAGE` when it is malformed or unknown
 */
export function parsePlatform(text: string, host: Platform): Platform {
  const parts = text.split("/", 4);
  const first = /^([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.-]*)((?:\+[A-Za-z0-9_.-]+)*)\))?$/.exec(
    parts[0] as string,
  );
  const wellFormed = first !== null && parts.length <= 3 &&
    parts.slice(1).every((part) => /^[A-Za-z0-9_.-]+$/.test(part));
  if (!wellFormed) throw unknown(text, "it is not os/architecture[/variant]");
  const [, name, version, features] = first as unknown as [string, string, string?, string?];
  const osVersion = version || undefined;
  const osFeatures = features ? features.slice(1).split("+") : undefined;
  if (parts.length > 1) {
    return normalizePlatform(
      makePlatform(name, parts[1] as string, parts[2], osVersion, osFeatures),
    );
  }
  const os = normalOs(name);
  if (KNOWN_OS.has(os)) {
    return normalizePlatform(
      makePlatform(os, host.architecture, host.variant, osVersion, osFeatures),
    );
  }
  const alone = normalizePlatform(makePlatform(host.os, name));
  if (osVersion === undefined && KNOWN_ARCHITECTURES.has(alone.architecture)) return alone;
  throw unknown(text, "it is neither a known operating system nor a known architecture");
}

/** A platform as users write it: `linux/arm/v7`; `windows(10.0.17763)/amd64` where it has a version. */
export function formatPlatform(platform: Platform): string {
  if (platform.os === "") return "unknown";
  const features = [...(platform.osFeatures ?? [])].sort().map((feature) => `+${feature}`).join("");
  const inner = (platform.osVersion ?? "") + features;
  const os = inner === "" ? platform.os : `${platform.os}(${inner})`;
  return [os, platform.architecture, platform.variant].filter((part) => part).join("/");
}

/**
 * A platform in its canonical form: lower case, `x86_64` is `amd64`, `aarch64` is `arm64`, `armhf` is
 * `arm/v7`, `armel` is `arm/v6`; `amd64/v1` and `arm64/v8` need no variant, `arm` without one is `v7`.
 */
export function normalizePlatform(platform: Platform): Platform {
  let architecture = platform.architecture.toLowerCase();
  let variant = platform.variant?.toLowerCase() ?? "";
  switch (architecture) {
    case "i386":
      [architecture, variant] = ["386", ""];
      break;
    case "x86_64":
    case "x86-64":
    case "amd64":
      architecture = "amd64";
      if (variant === "v1") variant = "";
      break;
    case "aarch64":
    case "arm64":
      architecture = "arm64";
      if (variant === "8" || variant === "v8") variant = "";
      break;
    case "armhf":
      [architecture, variant] = ["arm", "v7"];
      break;
    case "armel":
      [architecture, variant] = ["arm", "v6"];
      break;
    case "arm":
      if (variant === "") variant = "v7";
      else if (/^[5-8]$/.test(variant)) variant = `v${variant}`;
      break;
  }
  const features = platform.osFeatures && [...new Set(platform.osFeatures)].sort();
  return makePlatform(normalOs(platform.os), architecture, variant, platform.osVersion, features);
}

/**
 * The platform of a machine, from what its runtime calls it: `("linux", "x86_64")`, `("darwin", "aarch64")`.
 *
 * Containers of other systems run in a Linux machine there, so everything but Windows is `linux`.
 */
export function defaultPlatform(os: string, architecture: string, variant?: string): Platform {
  const system = normalOs(os);
  return normalizePlatform(
    makePlatform(system === "windows" ? "windows" : "linux", architecture, variant),
  );
}

function normalOs(os: string): string {
  const lower = os.toLowerCase();
  return lower === "" ? "linux" : lower === "macos" ? "darwin" : lower;
}

function makePlatform(
  os: string,
  architecture: string,
  variant?: string,
  osVersion?: string,
  osFeatures?: readonly string[],
): Platform {
  return defined({
    os,
    architecture,
    variant: variant || undefined,
    osVersion: osVersion || undefined,
    osFeatures: osFeatures?.length ? osFeatures : undefined,
  });
}

function unknown(text: string, why: string): VarveError {
  return new VarveError(
    "E_USAGE",
    `Cannot read platform ${JSON.stringify(text.slice(0, 80))}: ${why}`,
  );
}
