import type { Option } from "commander";
import { RUNTIMES } from "../../container/mod.ts";
import { DRIVER_CHOICES } from "../driver_choices.ts";
import { TOPICS } from "../help/topics.ts";
import { UNSET_NAMES } from "../image_config/unset_names.ts";
import { SETTINGS } from "../settings.ts";
import { PLACES } from "./places.ts";

/** A source of words that are not part of the definition of the command line. */
export type Source =
  | "verbs"
  | "paths"
  | "places"
  | "mounts"
  | "setting"
  | "files"
  | "directories"
  | "images"
  | "snapshots"
  | "containers";

/** The values that an argument or option can have: fixed words, and words from sources. */
export interface Values {
  readonly sources?: readonly Source[] | undefined;
  readonly words?: readonly string[] | undefined;
}

/** Shells for which there is a completion script. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** A shell for which there is a completion script. */
export type Shell = typeof SHELLS[number];

const IMAGES: Values = { sources: ["images"] };
const SNAPSHOTS: Values = { sources: ["snapshots"] };
const FILES: Values = { sources: ["files"] };
const DIRECTORIES: Values = { sources: ["directories"] };
const BOTH: Values = { sources: ["snapshots", "images"] };

const PLACE: Values = { sources: ["images", "places"], words: PLACES };
const PATHS: Values = { sources: ["snapshots", "images", "paths"] };
const PATHS_OR_FILES: Values = { sources: ["snapshots", "images", "paths", "files"] };

/** Values by `VERB ARGUMENT`; `*` stands for every verb. */
const ARGUMENTS: Readonly<Record<string, Values>> = {
  "* ref": IMAGES,
  "* ref[:/path]": PATHS,
  "* ref:/path": PATHS,
  "umount dir": { sources: ["mounts"] },
  "config set value": { sources: ["setting"] },
  "* destination": IMAGES,
  "* index": IMAGES,
  "* oldbase": IMAGES,
  "* newbase": IMAGES,
  "* key": SNAPSHOTS,
  "start key": { sources: ["containers"] },
  "* parent": SNAPSHOTS,
  "* ref|key": BOTH,
  "* thing": BOTH,
  "* dir": DIRECTORIES,
  "* tar": FILES,
  "* source": FILES,
  "* command": FILES,
  "tag source": IMAGES,
  "copy source": PLACE,
  "copy destination": PLACE,
  "images pattern": IMAGES,
  "cp source": PATHS_OR_FILES,
  "cp destination": PATHS_OR_FILES,
  "diff a": PATHS,
  "diff b": PATHS,
  "config get key": { words: SETTINGS.map(({ key }) => key) },
  "config set key": { words: SETTINGS.map(({ key }) => key) },
  "completions shell": { words: SHELLS },
  "help topic": { words: Object.keys(TOPICS), sources: ["verbs"] },
};

/** Values by `OPTION VALUE-NAME`; `*` stands for every option, or for every name of a value. */
const OPTIONS: Readonly<Record<string, Values>> = {
  "--format *": { words: ["text", "json"] },
  "--progress *": { words: ["auto", "plain", "none"] },
  "--durability *": { words: ["full", "none"] },
  "--driver *": { words: DRIVER_CHOICES },
  "--runtime *": { words: ["auto", ...RUNTIMES] },
  "--compression *": { words: ["gzip", "zstd", "none"] },
  "--network *": { words: ["host", "none"] },
  "--unset *": { words: UNSET_NAMES },
  "--sort *": { words: ["name", "created", "size"] },
  "--workdir *": {},
  "--tmpfs *": {},
  "--volume *": DIRECTORIES,
  "* file": FILES,
  "* dir": DIRECTORIES,
  "* ref": IMAGES,
  "* key": SNAPSHOTS,
};

/** The values of an argument of a verb. `path` is the verb with its group: `config get`. */
export function argumentValues(path: string, argument: string): Values {
  return ARGUMENTS[`${path} ${argument}`] ?? ARGUMENTS[`* ${argument}`] ?? {};
}

/** The values of an option. */
export function optionValues({ long, flags }: Option): Values {
  const value = /[<[]([^>.[\]]*)/.exec(flags)?.[1] ?? "";
  return OPTIONS[`${long} *`] ?? OPTIONS[`* ${value}`] ?? {};
}
