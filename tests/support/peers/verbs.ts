/**
 * The verbs of docker, podman, skopeo, umoci, crane and regctl, and the keys of dive, with varve's way: a test runs each command,
 * and compares the verbs with the help of the peers that are installed. PEERS.md shows the table.
 *
 * Commands run on a store that has the images `app:1`, `app:2` and `app:arm` for arm64, the index `app:multi` of the
 * first and the last, the snapshot `work`, a registry at `localhost:5000` with `app:1`, and `./app.tar`, `./layer.tar`, `./layout` and `./root` beside them.
 */

/** How varve does what a verb of a peer does. */
export type Way =
  /** The command line, without `varve`, and a text that it prints. */
  | { readonly run: string; readonly prints?: RegExp }
  /** Why it is not here. */
  | { readonly not: string };

/** A peer and its verbs. */
export interface Peer {
  /** What the rows are: `docker image`. */
  readonly name: string;
  /** Where its list is: its own help, else a document. */
  readonly source: string;
  /** What stands above the rows. */
  readonly note?: string | undefined;
  readonly verbs: Readonly<Record<string, Way>>;
}

const run = (command: string, prints?: RegExp): Way =>
  prints === undefined ? { run: command } : { run: command, prints };
const not = (reason: string): Way => ({ not: reason });

const NO_BUILD = not("varve runs no Dockerfile; other tools build, and varve reads their images");
const NO_SIGNATURES = not("varve makes and checks no signatures; their artifacts are copied whole");
const NO_CONFIG = not("settings of registries are in hosts.toml files, as containerd has them");
const INDEX_CREATE = run("index create app:made-index app:1 app:arm", /linux\/arm64/);
const INDEX_ADD = run("index add app:multi app:2 --annotation a=b", /manifests +3/);
const INDEX_ANNOTATE = run(
  "index add app:multi app:1 --desc-platform linux/amd64/v2 --desc-annotation a=b",
  /linux\/amd64\/v2/,
);
const INDEX_REMOVE = run("index rm app:multi linux/arm64", /app:multi/);
const INDEX_PUSH = run("push app:multi localhost:5000/library/multi:1", /digest/);
const INDEX_RMI = run("rmi app:made-index", /app:made-index/);
const INDEX_LS = run("index ls app:multi", /linux\/amd64/);
const LOGIN = run("login localhost:5000 --username me --password-stdin", /localhost:5000/);
const LOGOUT = run("logout localhost:5000");
const VERSION = run("version", /\d+\.\d+/);
const COMPLETIONS = run("completions bash", /complete/);
const HELP = run("help names", /varve/);
const BLOB = run("blob --help", /verified/);
const TAGS = run("tags localhost:5000/library/app", /^1$/m);
const CATALOG = run("catalog localhost:5000", /app/);
const DELETE = run("delete localhost:5000/library/old:1", /old/);
const DIGEST = run("digest localhost:5000/library/app:1", /sha256:/);
const MANIFEST = run("manifest localhost:5000/library/app:1", /"config"/);
const INSPECT = run("inspect docker://localhost:5000/library/app:1", /"manifest"/);
const COPY = run("copy localhost:5000/library/app:1 localhost:5000/library/app:copy", /sha256:/);
const COPY_TAGS = run("copy --all-tags localhost:5000/library/app oci:./all-tags", /sha256:/);
const RETAG = run("tag app:1 app:other");
const PULL = run("pull localhost:5000/library/app:1", /image ID/);
const PUSH = run("push app:1 localhost:5000/library/app:pushed", /digest/);
const SAVE = run("save app:1 -o ./saved.tar");
const LOAD = run("load ./app.tar", /app:1/);
const MUTATE = run("mutate app:1 app:made --env A=b --label version=2", /app:made/);
const CAT = run("cat docker://localhost:5000/library/app:1:/etc/name", /^one$/m);

/** All peers, in the order of the document. */
export const PEERS: readonly Peer[] = [{
  name: "docker image",
  source: "docker image --help",
  verbs: {
    build: NO_BUILD,
    history: run("history app:1", /CREATED/),
    import: run("import ./layer.tar made:1", /made:1/),
    inspect: run("inspect app:1", /"config"/),
    load: LOAD,
    ls: run("images", /app:1/),
    prune: run("prune images --all --dry-run"),
    pull: PULL,
    push: PUSH,
    rm: run("rmi gone:1", /gone:1/),
    save: SAVE,
    tag: RETAG,
  },
}, {
  name: "docker system",
  source: "docker system --help",
  verbs: {
    df: run("df -v", /app:1/),
    events: not("varve has no daemon; `varve serve` and `varve registry serve` log what they do"),
    info: run("doctor", /MACHINE/),
    prune: run("prune all --force"),
  },
}, {
  name: "docker manifest",
  source: "docker manifest --help",
  verbs: {
    annotate: INDEX_ANNOTATE,
    create: INDEX_CREATE,
    inspect: MANIFEST,
    push: INDEX_PUSH,
    rm: INDEX_RMI,
  },
}, {
  name: "podman manifest",
  source: "podman manifest --help",
  verbs: {
    add: INDEX_ADD,
    annotate: INDEX_ANNOTATE,
    create: INDEX_CREATE,
    exists: INDEX_LS,
    inspect: INDEX_LS,
    push: INDEX_PUSH,
    remove: INDEX_REMOVE,
    rm: INDEX_RMI,
  },
}, {
  name: "skopeo",
  source: "skopeo --help",
  verbs: {
    copy: run("copy docker://localhost:5000/library/app:1 oci:./copied:1", /sha256:/),
    delete: DELETE,
    "generate-sigstore-key": NO_SIGNATURES,
    help: HELP,
    inspect: INSPECT,
    "list-tags": TAGS,
    login: LOGIN,
    logout: LOGOUT,
    "manifest-digest": not("sha256sum of what `varve manifest REF` prints is the digest"),
    "standalone-sign": NO_SIGNATURES,
    "standalone-verify": NO_SIGNATURES,
    sync: COPY_TAGS,
  },
}, {
  name: "umoci",
  source: "umoci --help",
  verbs: {
    raw: not("its parts need a layout; `varve unpack` and `varve layers` do the same to an image"),
    help: HELP,
    config: MUTATE,
    unpack: run("unpack app:1 ./unpacked"),
    repack: run("commit work app:changed", /app:changed/),
    new: run("import ./root made:3", /made:3/),
    tag: RETAG,
    remove: run("rmi gone:1", /gone:1/),
    stat: run("layers app:1", /DIFF ID/),
    insert: run("append app:1 ./layer.tar app:inserted", /app:inserted/),
    gc: run("gc"),
    init: run("save app:1 --oci-dir ./new-layout"),
    list: run("images", /app:1/),
  },
}, {
  name: "crane",
  source: "https://github.com/google/go-containerregistry/blob/main/cmd/crane/doc/crane.md",
  note:
    "Debian has only its source, 0.20.1. The list is that of its `root.go`, without hidden commands.",
  verbs: {
    append: run("append app:1 ./layer.tar app:inserted", /app:inserted/),
    auth: LOGIN,
    blob: BLOB,
    catalog: CATALOG,
    completion: COMPLETIONS,
    config: run("inspect --format '{{.config}}' docker://localhost:5000/library/app:1", /rootfs/),
    copy: COPY,
    delete: DELETE,
    digest: DIGEST,
    export: run("export app:1 -o ./flat.tar"),
    flatten: run("squash app:1 app:flat", /app:flat/),
    index: run("index create app:some app:multi --platform linux/amd64", /app:some/),
    ls: TAGS,
    manifest: MANIFEST,
    mutate: MUTATE,
    pull: run("copy localhost:5000/library/app:1 docker-archive:./pulled.tar", /sha256:/),
    push: run("copy oci-archive:./app.tar localhost:5000/library/app:pushed", /sha256:/),
    rebase: run("rebase app:2 app:1 app:other app:rebased", /app:rebased/),
    registry: not("`varve registry serve` does it, and runs until it is ended"),
    tag: run("copy localhost:5000/library/app:1 localhost:5000/library/app:copy", /sha256:/),
    validate: run("verify app:1"),
    version: VERSION,
  },
}, {
  name: "regctl",
  source: "https://github.com/regclient/regclient/tree/main/cmd/regctl",
  note: "Debian has no regctl. The list is made from the names of the files there.",
  verbs: {
    "artifact get": not("varve reads images; artifacts are copied and served whole"),
    "artifact list": run("inspect --referrers localhost:5000/library/app:1", /referrers/),
    "artifact put": not("varve makes images; artifacts are copied and served whole"),
    "artifact tree": run("inspect --referrers localhost:5000/library/app:1", /referrers/),
    "blob copy": COPY,
    "blob delete": not("registries free blobs themselves"),
    "blob diff-config": run("diff app:1 app:2", /etc\/name/),
    "blob diff-layer": run("diff app:1 app:2", /etc\/name/),
    "blob get": BLOB,
    "blob get-file": CAT,
    "blob head": run("layers docker://localhost:5000/library/app:1", /DIFF ID/),
    "blob put": not("`varve push` sends blobs with the image that names them"),
    completion: COMPLETIONS,
    "config get": run("config ls", /durability/),
    "config set": run("config set driver auto"),
    digest: not("sha256sum computes it"),
    "image check-base": run("history app:1", /CREATED/),
    "image copy": COPY,
    "image create": run("import ./root made:3", /made:3/),
    "image delete": DELETE,
    "image digest": DIGEST,
    "image export": run(
      "copy localhost:5000/library/app:1 oci-archive:./exported.tar",
      /sha256:/,
    ),
    "image get-file": CAT,
    "image import": run(
      "copy oci-archive:./app.tar localhost:5000/library/app:imported",
      /sha256:/,
    ),
    "image inspect": INSPECT,
    "image manifest": MANIFEST,
    "image mod": MUTATE,
    "image ratelimit": not("varve waits and tries again where a registry asks for that"),
    "index add": INDEX_ADD,
    "index create": INDEX_CREATE,
    "index delete": INDEX_REMOVE,
    "manifest delete": DELETE,
    "manifest diff": run("diff --stat app:1 app:2", /etc\/name/),
    "manifest get": MANIFEST,
    "manifest head": DIGEST,
    "manifest put": PUSH,
    ref: run("help names", /docker\.io/),
    "registry config": NO_CONFIG,
    "registry login": LOGIN,
    "registry logout": LOGOUT,
    "registry set": NO_CONFIG,
    "registry whoami": not("names and passwords are in Docker's config.json"),
    "repo copy": run(
      "copy --all-tags localhost:5000/library/app localhost:5000/library/app-copy",
      /sha256:/,
    ),
    "repo ls": CATALOG,
    "tag delete": DELETE,
    "tag ls": TAGS,
    version: VERSION,
  },
}, {
  name: "dive, by key",
  source: "https://github.com/wagoodman/dive#keybindings",
  note: "`varve explore REF` has these keys, and Ctrl + E to extract. Commands show it in a pipe.",
  verbs: {
    "Ctrl + C": run("explore app:1", /efficiency/i),
    "Tab": run("explore app:1 -o ./app.html"),
    "Ctrl + F": run("find app:1 -name 'n*'", /etc\/name/),
    "PageUp": run("tree app:1", /name/),
    "PageDown": run("tree app:1", /name/),
    "Ctrl + A (layers)": run("diff app:1 app:2", /etc\/name/),
    "Ctrl + L": run("explore app:1", /efficiency/i),
    "Space": run("ls app:1:/etc", /name/),
    "Ctrl + Space": run("tree app:1", /name/),
    "Ctrl + A (files)": run("diff --stat app:1 app:2", /etc\/name/),
    "Ctrl + R": run("diff --name-only app:1 app:2", /etc\/name/),
    "Ctrl + M": run("diff --stat app:1 app:2", /etc\/name/),
    "Ctrl + U": run("tree app:1", /name/),
    "Ctrl + B": run("ls -l app:1:/etc", /rw-r--r--/),
  },
}];
