import { VarveError } from "../../errors.ts";
import { defined, Fields } from "../json/fields.ts";
import type { Encodable } from "../json/encode_json.ts";
import type { JsonValue } from "../json/strict_json.ts";

/**
 * What an image runs on. Names are those of Go's GOOS and GOARCH
 * (image-spec, image-index.md, "platform").
 */
export interface Platform {
  /** Operating system, such as `linux` or `windows`. */
  readonly os: string;
  /** Processor architecture, such as `amd64`, `arm64` or `arm`. */
  readonly architecture: string;
  /** Variant of the architecture, such as `v7` of `arm` or `v3` of `amd64`. */
  readonly variant?: string | undefined;
  /** Version of the operating system. Used by Windows images, such as `10.0.17763`. */
  readonly osVersion?: string | undefined;
  /** Features of the operating system that the image needs, such as `win32k`. */
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

/**
 * Reads the platform of a descriptor or a config. An absent OS or architecture becomes an empty string.
 *
 * @param what the thing that has the platform, for messages
 * @throws {VarveError} `E_JSON` when a field has the wrong type
 */
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

/** The JSON value of a platform, with its fields in the order of the specification. */
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
 * Reads a platform as users write it: `os/architecture[/variant]`, the operating system alone, or
 * the architecture alone. The operating system may have a version in parentheses:
 * `windows(10.0.17763)/amd64`.
 *
 * Missing parts come from `host`.
 *
 * @example
 * ```ts
 * import { defaultPlatform, formatPlatform, parsePlatform } from "@varve/varve/oci";
 *
 * const host = defaultPlatform("linux", "x86_64");
 * if (formatPlatform(parsePlatform("aarch64", host)) !== "linux/arm64") throw new Error("never");
 * ```
 *
 * @throws {VarveError} `E_USAGE` when it is malformed, or a single word that varve does not know
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

/**
 * Writes a platform as users write it: `linux/arm/v7`, or
 * `windows(10.0.17763)/amd64` with a version.
 */
export function formatPlatform(platform: Platform): string {
  if (platform.os === "") return "unknown";
  const features = [...(platform.osFeatures ?? [])].sort().map((feature) => `+${feature}`).join("");
  const inner = (platform.osVersion ?? "") + features;
  const os = inner === "" ? platform.os : `${platform.os}(${inner})`;
  return [os, platform.architecture, platform.variant].filter((part) => part).join("/");
}

/**
 * The canonical form of a platform: lower case, `x86_64` becomes `amd64`, `aarch64` becomes `arm64`,
 * `armhf` becomes `arm/v7`, `armel` becomes `arm/v6`. `amd64/v1` and `arm64/v8` lose their variant;
 * `arm` without variant becomes `arm/v7`. Idempotent.
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
 * The platform of the containers that a machine runs. `os` and `architecture` are those of the
 * machine, as `Deno.build` names them: `("linux", "x86_64")`, `("darwin", "aarch64")`.
 *
 * Every system but Windows becomes `linux`: macOS, for example, runs containers in a Linux virtual
 * machine.
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
