import { defaultPlatform, type Platform } from "../oci/mod.ts";

/**
 * The platform of this machine, such as `linux/amd64`.
 *
 * @example
 * ```ts
 * import { hostPlatform } from "@varve/varve";
 *
 * if (hostPlatform().os !== "linux") throw new Error("varve runs on Linux");
 * ```
 */
export function hostPlatform(): Platform {
  const architecture = Deno.build.arch === "x86_64" ? "amd64" : "arm64";
  return defaultPlatform(Deno.build.os, architecture);
}
