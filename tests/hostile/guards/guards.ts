/** Guards against hostile input, how to take each out, and the test that then fails. */

/** One guard. */
export interface Guard {
  /** File of the guard. */
  readonly file: string;
  /** Its text, which stands once in the file. */
  readonly text: string;
  /** What stands there without the guard. */
  readonly without: string;
  /** Test file that fails without it. */
  readonly test: string;
}

const LAYER = "lib/layer/build";
const HTTP = "lib/registry/http";
const PATHS = "tests/hostile/layer/paths_test.ts";
const INODES = "tests/hostile/layer/inodes_test.ts";
const WHITEOUTS = "tests/hostile/layer/whiteouts_test.ts";
const ADDRESSES = "tests/hostile/registry/addresses_test.ts";
const CLIENT = "tests/hostile/registry/client_test.ts";
const REDIRECTS = "tests/hostile/registry/redirects_test.ts";

/** A guard that is a condition, which is never true without it. */
function condition(file: string, text: string, test: string): Guard {
  return { file, text: `if (${text}`, without: `if (false && ${text}`, test };
}

export const GUARDS: readonly Guard[] = [
  condition(`${LAYER}/path.ts`, 'path.includes("\\0")', PATHS),
  {
    file: `${LAYER}/path.ts`,
    text: 'throw entryError("E_PATH_ESCAPE", path, "it leads above the root");',
    without: "continue;",
    test: PATHS,
  },
  condition(`${LAYER}/entry_nodes.ts`, 'linkname === "")', PATHS),
  condition(`${LAYER}/entry_nodes.ts`, 'linkname.includes("\\0")', PATHS),
  condition(`${LAYER}/entry_nodes.ts`, "!isUpTo(uid, MAX_ID)", INODES),
  condition(`${LAYER}/entry_nodes.ts`, "!isUpTo(gid, MAX_ID)", INODES),
  {
    file: `${LAYER}/entry_nodes.ts`,
    text: "if (isUpTo(devmajor, MAX_MAJOR) && isUpTo(devminor, MAX_MINOR)) return;",
    without: "return;",
    test: INODES,
  },
  condition(`${LAYER}/walker.ts`, "++links > this.#budget.limits.links", PATHS),
  condition(`${LAYER}/parents.ts`, "walker.blocked", PATHS),
  condition(`${LAYER}/layer_builder.ts`, 'type === "whiteout"', WHITEOUTS),
  condition(
    `${LAYER}/layer_builder.ts`,
    'entry.type !== "file" && entry.type !== "hardlink"',
    WHITEOUTS,
  ),
  {
    file: `${LAYER}/xattrs.ts`,
    text: 'if (isOverlays(name, "user.overlay")) return "W_XATTR_OVERLAY";',
    without: "",
    test: WHITEOUTS,
  },
  condition(
    "lib/codec/compress/meter.ts",
    "++this.members > members",
    "tests/hostile/compress_test.ts",
  ),
  condition("lib/oci/json/strict_json.ts", "key in object", "tests/hostile/oci_test.ts"),
  condition(
    "lib/oci/json/strict_json.ts",
    "++this.#depth > this.#maxDepth",
    "tests/hostile/oci_test.ts",
  ),
  {
    file: "lib/oci/json/fields.ts",
    text: "&& fraction === undefined",
    without: "",
    test: "tests/hostile/oci_test.ts",
  },
  condition(
    "lib/oci/manifest/descriptor.ts",
    "value === 0 && !EMPTY_DIGESTS",
    "tests/hostile/oci_test.ts",
  ),
  {
    file: `${HTTP}/location.ts`,
    text: 'if (base.protocol === "https:" && url.protocol === "http:") {',
    without: "if (false) {",
    test: "tests/hostile/registry/origins_test.ts",
  },
  condition(`${HTTP}/location.ts`, 'url.username !== ""', ADDRESSES),
  condition(`${HTTP}/location.ts`, "text === null", REDIRECTS),
  {
    file: `${HTTP}/send_request.ts`,
    text: "if (hops >= most) throw",
    without: "if (hops >= most + 1) throw",
    test: REDIRECTS,
  },
  condition(`${HTTP}/address_rule.ts`, "internal !== undefined", ADDRESSES),
  {
    file: `${HTTP}/address_rule.ts`,
    text: "return isProxied ? null : list;",
    without: "return null;",
    test: ADDRESSES,
  },
  {
    file: `${HTTP}/send_request.ts`,
    text: "if (isOwn || PORTABLE_HEADERS.includes(name)) headers",
    without: "headers",
    test: CLIENT,
  },
  {
    file: "lib/registry/auth/token_server.ts",
    text: "asker: endpoint,",
    without: "",
    test: ADDRESSES,
  },
  {
    file: "lib/registry/client/fetch_manifest.ts",
    text: "refuseOtherDigest(response, bytes, action, repository);",
    without: "",
    test: "tests/hostile/registry/manifest_test.ts",
  },
  {
    file: "lib/archive/save_target.ts",
    text: "if (!isSystems && await isLink(path)) throw linkError(path);",
    without: "",
    test: "tests/hostile/save_target_test.ts",
  },
  {
    file: "lib/errors.ts",
    text: "super(escapeText(message), options);",
    without: "super(message, options);",
    test: "tests/hostile/terminal_test.ts",
  },
];
