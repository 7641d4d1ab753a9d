/** Where the verbs are. A module is read when its verb is asked for: a start costs what the verb needs. */
import type { Verb } from "./verb.ts";

/** Verbs by name, in the order of `--help`. */
export const VERBS: Readonly<Record<string, () => Promise<Verb>>> = {
  load: async () => (await import("./verbs/load.ts")).load,
  save: async () => (await import("./verbs/save.ts")).save,
  pull: async () => (await import("./verbs/pull.ts")).pull,
  push: async () => (await import("./verbs/push.ts")).push,
  copy: async () => (await import("./verbs/copy.ts")).copy,
  tags: async () => (await import("./verbs/look_up.ts")).tags,
  digest: async () => (await import("./verbs/look_up.ts")).digest,
  manifest: async () => (await import("./verbs/look_up.ts")).manifest,
  login: async () => (await import("./verbs/login.ts")).login,
  logout: async () => (await import("./verbs/login.ts")).logout,
  images: async () => (await import("./verbs/images.ts")).images,
  tag: async () => (await import("./verbs/names.ts")).tag,
  rmi: async () => (await import("./verbs/names.ts")).rmi,
  inspect: async () => (await import("./verbs/inspect.ts")).inspect,
  history: async () => (await import("./verbs/inspect.ts")).history,
  layers: async () => (await import("./verbs/inspect.ts")).layers,
  ls: async () => (await import("./verbs/tree.ts")).ls,
  cat: async () => (await import("./verbs/cat.ts")).cat,
  stat: async () => (await import("./verbs/tree.ts")).stat,
  diff: async () => (await import("./verbs/diff.ts")).diff,
  tree: async () => (await import("./verbs/tree.ts")).tree,
  mount: async () => (await import("./verbs/mount.ts")).mount,
  umount: async () => (await import("./verbs/mount.ts")).umount,
  unpack: async () => (await import("./verbs/mount.ts")).unpack,
  run: async () => (await import("./verbs/run.ts")).run,
  ps: async () => (await import("./verbs/ps.ts")).ps,
  commit: async () => (await import("./verbs/commit.ts")).commit,
  import: async () => (await import("./verbs/import.ts")).importVerb,
  export: async () => (await import("./verbs/export.ts")).exportVerb,
  squash: async () => (await import("./verbs/squash.ts")).squash,
  rebase: async () => (await import("./verbs/rebase.ts")).rebase,
  append: async () => (await import("./verbs/append.ts")).append,
  version: async () => (await import("./verbs/version.ts")).version,
  doctor: async () => (await import("./verbs/doctor.ts")).doctor,
  completions: async () => (await import("./verbs/completions.ts")).completions,
};

/** Verbs that varve itself calls: they are not in `--help`, and no shell completes them. */
export const INTERNAL_VERBS: Readonly<Record<string, () => Promise<Verb>>> = {
  reap: async () => (await import("./verbs/reap.ts")).reap,
};

/** Verbs that have verbs of their own. */
export const GROUPS: Readonly<Record<string, Group>> = {
  registry: {
    summary: "the store as a registry",
    verbs: async () => [(await import("./verbs/registry_serve.ts")).registryServe],
  },
  snapshot: {
    summary: "the snapshotter itself",
    verbs: async () => (await import("./verbs/snapshot.ts")).snapshotVerbs,
  },
  config: {
    summary: "settings kept in the store",
    verbs: async () => (await import("./verbs/config.ts")).configVerbs,
  },
};

/** A word before verbs. */
export interface Group {
  /** One line for the list of verbs. */
  readonly summary: string;
  /** Its verbs, in the order of `--help`. */
  readonly verbs: () => Promise<readonly Verb[]>;
}
