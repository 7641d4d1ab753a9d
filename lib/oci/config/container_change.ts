import type { Encodable } from "../json/encode_json.ts";
import type { ContainerConfig } from "./config.ts";

/**
 * Fields of a {@linkcode ContainerConfig} to write, in the form that {@linkcode parseImageConfig}
 * returns, and two more fields, which it does not return. `null` removes a field; a field that is
 * absent stays as it is.
 */
export type ContainerChange =
  & { readonly [Name in keyof ContainerConfig]?: ContainerConfig[Name] | null }
  & {
    /** Dockerfile instructions for images that are built on this one. */
    readonly onBuild?: readonly string[] | null | undefined;
    /** Program, with its options, that runs a command line given as one string. */
    readonly shell?: readonly string[] | null | undefined;
  };

/** The name of each field in the document. */
const NAMES = {
  user: "User",
  exposedPorts: "ExposedPorts",
  env: "Env",
  entrypoint: "Entrypoint",
  cmd: "Cmd",
  volumes: "Volumes",
  workingDir: "WorkingDir",
  labels: "Labels",
  stopSignal: "StopSignal",
  onBuild: "OnBuild",
  shell: "Shell",
} as const satisfies Readonly<Record<keyof ContainerChange, string>>;

/** Fields that are a list here and, in the document, an object whose keys are the items. */
const KEYED: readonly string[] = ["exposedPorts", "volumes"];

/** The fields of a change by their names in the document, without those that are absent. */
export function documentFields(change: ContainerChange): Record<string, Encodable> {
  const out = Object.create(null) as Record<string, Encodable>;
  for (const name of Object.keys(NAMES) as (keyof ContainerChange)[]) {
    const value = change[name];
    if (value === undefined) continue;
    const isKeyed = KEYED.includes(name) && Array.isArray(value);
    out[NAMES[name]] = isKeyed
      ? Object.fromEntries(value.toSorted().map((key) => [key, {}]))
      : value;
  }
  return out;
}
