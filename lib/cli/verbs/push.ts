import { parseReference } from "../../oci/mod.ts";
import { type PushedImage, pushImage, type PushProgress } from "../../registry/mod.ts";
import { findImage } from "../../store/mod.ts";
import { VarveError } from "../../errors.ts";
import type { Context } from "../context.ts";
import { formatBytes, type ProgressItem } from "../progress.ts";
import { parseConcurrency, registryClient } from "../registry.ts";
import { shortDigest } from "../short.ts";
import { type Report, text, type Verb } from "../verb.ts";

/** `varve push`. */
export const push: Verb = {
  usage: "push <ref> [destination]",
  summary: "push an image to a registry, byte for byte",
  help:
    `Without DESTINATION the image goes where its name says. Manifests are pushed as they are, blobs that the
registry has are not sent; layers without a compressed blob are pushed uncompressed.

JSON: {"name","digest","blobs":[{"digest","size","outcome"}]}, outcome being present, mounted or uploaded

Examples:
  varve push localhost:5000/app:1
  varve push app:1 ghcr.io/owner/app:1`,
  configure(command) {
    command
      .option("--plain-http", "speak to the registry without TLS")
      .option("--concurrency <n>", "blobs that are sent at once (4)");
  },
  async run(context, [reference = "", destination], options) {
    const concurrency = parseConcurrency(text(options, "concurrency"));
    const store = await context.store();
    const image = await findImage(store, reference);
    const name = destination ?? image.name;
    if (name.startsWith("<none>")) {
      throw new VarveError("E_USAGE", `Cannot push ${reference}: it has no name, give DESTINATION`);
    }
    const target = parseReference(name);
    if (target.digest !== undefined && target.digest !== image.target.digest) {
      throw new VarveError(
        "E_USAGE",
        `Cannot push ${reference} as ${name}: its digest is another`,
        {
          expected: target.digest,
          actual: image.target.digest,
        },
      );
    }
    using client = await registryClient(context, target, {
      plainHttp: options["plainHttp"] === true,
    });
    const pushed = await pushImage(store, client, image, target, {
      signal: context.signal,
      onProgress: pushProgressOf(context),
      onWarning: (message) => context.warn(message),
      ...(concurrency === undefined ? {} : { concurrency }),
    });
    return pushReport(pushed);
  },
};

/** What is said of an image that went to a registry. */
export function pushReport(pushed: PushedImage): Report {
  const sent = pushed.blobs.filter(({ outcome }) => outcome === "uploaded");
  const size = formatBytes(sent.reduce((sum, blob) => sum + blob.size, 0));
  return {
    json: pushed,
    text: `${pushed.name}\n  digest    ${pushed.digest}\n` +
      `  blobs     ${pushed.blobs.length} (${sent.length} sent, ${size})\n`,
  };
}

/** Shows one bar or line for each blob. */
export function pushProgressOf(context: Context): (progress: PushProgress) => void {
  const items = new Map<string, ProgressItem>();
  return ({ blob, total, sent, state }) => {
    let item = items.get(blob);
    if (item === undefined) {
      item = context.progress.start(shortDigest(blob), total);
      items.set(blob, item);
    }
    if (state === "running") item.update(sent);
    else if (state !== "begin") item.done(state === "present" ? "already there" : state);
  };
}
