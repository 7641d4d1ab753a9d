/** The table of verbs. The module of a verb is loaded only when the verb is used, which keeps the start fast. */
import type { Verb } from "./verb.ts";

/** Verbs by name, in the order of `--help`. */
export const VERBS: Readonly<Record<string, () => Promise<Verb>>> = {
  load: async () => (await import("./verbs/archive/load.ts")).load,
  save: async () => (await import("./verbs/archive/save.ts")).save,
  pull: async () => (await import("./verbs/registry/pull.ts")).pull,
  push: async () => (await import("./verbs/registry/push.ts")).push,
  copy: async () => (await import("./verbs/registry/copy.ts")).copy,
  tags: async () => (await import("./verbs/registry/look_up.ts")).tags,
  digest: async () => (await import("./verbs/registry/look_up.ts")).digest,
  manifest: async () => (await import("./verbs/registry/look_up.ts")).manifest,
  catalog: async () => (await import("./verbs/registry/remote.ts")).catalog,
  blob: async () => (await import("./verbs/registry/blob.ts")).blob,
  delete: async () => (await import("./verbs/registry/remote.ts")).deleteVerb,
  login: async () => (await import("./verbs/registry/login.ts")).login,
  logout: async () => (await import("./verbs/registry/login.ts")).logout,
  images: async () => (await import("./verbs/image/images.ts")).images,
  tag: async () => (await import("./verbs/image/names.ts")).tag,
  rmi: async () => (await import("./verbs/image/names.ts")).rmi,
  inspect: async () => (await import("./verbs/image/inspect.ts")).inspect,
  history: async () => (await import("./verbs/image/inspect.ts")).history,
  layers: async () => (await import("./verbs/image/inspect.ts")).layers,
  ls: async () => (await import("./verbs/tree/ls.ts")).ls,
  cat: async () => (await import("./verbs/tree/cat.ts")).cat,
  stat: async () => (await import("./verbs/tree/stat.ts")).stat,
  find: async () => (await import("./verbs/tree/find.ts")).find,
  cp: async () => (await import("./verbs/tree/cp.ts")).cp,
  grep: async () => (await import("./verbs/tree/grep.ts")).grep,
  du: async () => (await import("./verbs/tree/du.ts")).du,
  diff: async () => (await import("./verbs/tree/diff.ts")).diff,
  explore: async () => (await import("./verbs/explore/explore.ts")).explore,
  tree: async () => (await import("./verbs/tree/tree.ts")).tree,
  mount: async () => (await import("./verbs/snapshot/mount.ts")).mount,
  umount: async () => (await import("./verbs/snapshot/mount.ts")).umount,
  unpack: async () => (await import("./verbs/snapshot/mount.ts")).unpack,
  run: async () => (await import("./verbs/container/run.ts")).run,
  start: async () => (await import("./verbs/container/start.ts")).start,
  ps: async () => (await import("./verbs/container/ps.ts")).ps,
  commit: async () => (await import("./verbs/image/commit.ts")).commit,
  import: async () => (await import("./verbs/archive/import.ts")).importVerb,
  export: async () => (await import("./verbs/archive/export.ts")).exportVerb,
  squash: async () => (await import("./verbs/image/squash.ts")).squash,
  rebase: async () => (await import("./verbs/image/rebase.ts")).rebase,
  mutate: async () => (await import("./verbs/image/mutate.ts")).mutate,
  append: async () => (await import("./verbs/image/append.ts")).append,
  gc: async () => (await import("./verbs/store/gc.ts")).gc,
  backup: async () => (await import("./verbs/store/backup.ts")).backup,
  df: async () => (await import("./verbs/store/df.ts")).df,
  why: async () => (await import("./verbs/store/why.ts")).why,
  verify: async () => (await import("./verbs/store/verify.ts")).verify,
  fsck: async () => (await import("./verbs/store/fsck.ts")).fsck,
  serve: async () => (await import("./verbs/containerd/serve.ts")).serve,
  version: async () => (await import("./verbs/program/version.ts")).version,
  doctor: async () => (await import("./verbs/program/doctor.ts")).doctor,
  completions: async () => (await import("./verbs/program/completions.ts")).completions,
  help: async () => (await import("./verbs/program/help.ts")).help,
};

/** Verbs that only varve itself calls. `--help` and shell completion do not show them. */
export const INTERNAL_VERBS: Readonly<Record<string, () => Promise<Verb>>> = {
  reap: async () => (await import("./verbs/container/reap.ts")).reap,
};

/** Groups of verbs by name, in the order of `--help`: `varve snapshot ls`. */
export const GROUPS: Readonly<Record<string, Group>> = {
  registry: {
    summary: "serve the store as a registry",
    verbs: async () => [(await import("./verbs/registry/serve.ts")).registryServe],
  },
  index: {
    summary: "make and change indexes: one image for several platforms",
    verbs: async () => (await import("./verbs/image/index_verbs.ts")).indexVerbs,
  },
  snapshot: {
    summary: "work with snapshots directly",
    verbs: async () => (await import("./verbs/snapshot/snapshot.ts")).snapshotVerbs,
  },
  lease: {
    summary: "keep things from gc for some time",
    verbs: async () => (await import("./verbs/store/lease.ts")).leaseVerbs,
  },
  prune: {
    summary: "remove images, containers and caches that nobody uses",
    verbs: async () => (await import("./verbs/store/prune.ts")).pruneVerbs,
  },
  config: {
    summary: "show and change the settings of the store",
    verbs: async () => (await import("./verbs/program/config.ts")).configVerbs,
  },
};

/** A group of verbs under a common name. */
export interface Group {
  /** One line for the list of verbs. */
  readonly summary: string;
  /** Loads the verbs, in the order of `--help`. */
  readonly verbs: () => Promise<readonly Verb[]>;
}

/** Headings of `--help`, with the names of verbs and groups below each. */
export const SECTIONS: Readonly<Record<string, readonly string[]>> = {
  "Get images and give them away": ["load", "save", "pull", "push", "copy", "import", "export"],
  "Registries": [
    "tags",
    "catalog",
    "digest",
    "manifest",
    "blob",
    "delete",
    "login",
    "logout",
    "registry",
  ],
  "Images of the store": ["images", "tag", "rmi", "inspect", "history", "layers"],
  "Look inside": ["ls", "cat", "stat", "find", "cp", "grep", "du", "diff", "explore", "tree"],
  "Use files": ["mount", "umount", "unpack", "run", "start", "ps", "snapshot"],
  "Make images": ["commit", "squash", "rebase", "append", "mutate", "index"],
  "Care for the store": ["gc", "prune", "backup", "df", "why", "lease", "verify", "fsck", "config"],
  "This program": ["serve", "version", "doctor", "completions", "help"],
};
