import { formatBytes } from "../../../bytes/mod.ts";
import type { DiffId } from "../../../digest/mod.ts";
import { VarveError } from "../../../errors.ts";
import { tryParseReference } from "../../../oci/mod.ts";
import {
  type PushedImage,
  pushImage,
  type PushProgress,
  type UploadOutcome,
} from "../../../registry/mod.ts";
import { type DiskStore, findImage } from "../../../store/mod.ts";
import { addCompressionOptions, compressionOf, sentUncompressed } from "../../compression.ts";
import type { Context } from "../../context.ts";
import type { ProgressItem } from "../../display/progress.ts";
import { shortDigest } from "../../display/short.ts";
import { platformOption } from "../../images.ts";
import { parseConcurrency, registryClient, remoteReference } from "../../registry.ts";
import { type Report, stringOption, type Verb } from "../../verb.ts";
import { isPlainHttp, PLAIN_HTTP_OPTION } from "../../sources/plain_http.ts";

/** `varve push`. */
export const push: Verb = {
  usage: "push <ref> [destination]",
  withoutStore: "refuses",
  summary: "push an image to a registry, byte for byte",
  help:
    `Without DESTINATION the image goes to the registry and repository in its name. Blobs that the repository has
are not sent. Blobs that another repository of the registry has are mounted. After a broken connection, an
upload continues where it stopped, if the registry allows that. Manifests are pushed byte for byte, so
their digests stay the same.

--compression first compresses the layers that are not compressed yet, such as those of a commit. The result
is the same on every machine, and the same as with save. It stays in the store. The manifest then has a new
digest, which is printed. Without --compression, or with none, layers are pushed as they are. A warning counts
those that were sent uncompressed; --compression none silences it.

An index is pushed unchanged, with all of its platforms. If one of them is not in the store, push fails;
--platform pushes a single one. If the registry has a hosts.toml (see varve pull --help), the image goes to
the first host in it that allows pushes.

JSON: {"name","digest","counts":{"present","mounted","uploaded"},"blobs":[{"digest","size","outcome"}]}

Examples:
  varve push localhost:5000/app:1
  varve push app:1 ghcr.io/owner/app:1 --compression zstd`,
  configure(command) {
    command
      .option(...PLAIN_HTTP_OPTION)
      .option("--concurrency <n>", "number of blobs to send at once (default 4)")
      .option("--platform <platform>", "push only this platform of an index, such as linux/arm64");
    addCompressionOptions(command);
  },
  async run(context, [reference = "", destination], options) {
    const concurrency = parseConcurrency(stringOption(options, "concurrency"));
    const platform = platformOption(stringOption(options, "platform"));
    const compression = await compressionOf(context, options);
    const store = await context.store();
    const found = await findImage(store, reference);
    const name = destination ?? found.name;
    if (name.startsWith("<none>")) {
      throw new VarveError("E_USAGE", `Cannot push ${reference}: it has no name, give DESTINATION`);
    }
    // Check the name as the user typed it. The full name from the store no longer shows what was typed.
    if (destination === undefined) remoteReference(reference, "push");
    const sent = destination === undefined ? undefined : tryParseReference(found.name);
    const to = remoteReference(name, "push to", sent);
    using client = await registryClient(context, to, {
      plainHttp: isPlainHttp(options),
    });
    const pushed = await pushImage(store, found, to, {
      client,
      platform,
      pool: compression?.pool,
      compression: compression?.format,
      level: compression?.level,
      onCompress: compression?.onProgress,
      signal: context.signal,
      onProgress: pushProgressOf(context),
      onWarning: (message) => context.warn(message),
      concurrency,
    });
    if (options["compression"] === undefined) warnOfUncompressed(context, store, pushed);
    return pushReport(pushed);
  },
};

/** Warns about layers that were sent uncompressed, as those of a commit are. */
function warnOfUncompressed(context: Context, store: DiskStore, { blobs }: PushedImage): void {
  // The blob of an uncompressed layer is the tar, so its digest is the diffID.
  const plain = blobs.filter(({ digest, outcome }) =>
    outcome === "uploaded" && store.layers.get(digest as DiffId) !== undefined
  );
  if (plain.length === 0) return;
  context.warn(sentUncompressed(plain));
}

/** The report of an image that was pushed or copied to a registry. */
export function pushReport(pushed: PushedImage): Report {
  const { name, digest, blobs } = pushed;
  const of = (outcome: UploadOutcome) => blobs.filter((blob) => blob.outcome === outcome);
  const sent = of("uploaded");
  const counts = {
    present: of("present").length,
    mounted: of("mounted").length,
    uploaded: sent.length,
  };
  const size = formatBytes(sent.reduce((sum, blob) => sum + blob.size, 0));
  const others = `${counts.mounted} mounted, ${counts.present} already there`;
  return {
    json: { name, digest, counts, blobs },
    text: `${name}\n  digest    ${digest}\n` +
      `  blobs     ${blobs.length} (${sent.length} sent, ${size}; ${others})\n`,
  };
}

/** Shows one bar or line for each blob. `uploaded` says what was done with a blob that was not there. */
export function pushProgressOf(
  context: Context,
  uploaded = "uploaded",
): (progress: PushProgress) => void {
  const items = new Map<string, ProgressItem>();
  return ({ blob, total, sent, state }) => {
    let item = items.get(blob);
    if (item === undefined) {
      item = context.progress.start(shortDigest(blob), total);
      items.set(blob, item);
    }
    if (state === "begin" || state === "waiting") return;
    if (state === "running") item.update(sent);
    else item.done(state === "present" ? "already there" : state === "uploaded" ? uploaded : state);
  };
}
