import type { ProgramPullOptions } from "../../../registry/internal.ts";
import { pullImage } from "../../../registry/mod.ts";
import { composeWarmUp } from "../../compose_eager.ts";
import { platformOption } from "../../images.ts";
import { MOUNT_OPTION, prepareMount } from "../../mount_option.ts";
import { parseConcurrency, registryClient, remoteReference } from "../../registry.ts";
import { stringOption, type Verb } from "../../verb.ts";
import { reportImages } from "../../report_images.ts";
import { isPlainHttp, PLAIN_HTTP_OPTION } from "../../sources/plain_http.ts";
import { readingOptions } from "../../sources/reading_options.ts";

/** `varve pull`. */
export const pull: Verb = {
  usage: "pull <ref>",
  withoutStore: "makes",
  summary: "pull an image from a registry, verified while it downloads",
  help:
    `REF is read as Docker reads it: debian is docker.io/library/debian:latest. Layers that are in the store are
not downloaded again. After a broken connection, a download continues at the byte where it stopped. The
image becomes visible once all of it is verified.

For registries on this machine (localhost), plain http is used. For others, mirrors, certificates and plain
http are configured in DIR/HOST/hosts.toml, in containerd's format. DIR is $VARVE_HOSTS_DIR, else
~/.config/varve/certs.d, else /etc/containerd/certs.d. Credentials are those of docker, podman and their
credential helpers. Proxies: HTTP_PROXY, HTTPS_PROXY, NO_PROXY. A registry on the internet may not redirect
to an address of a private network, unless its hosts.toml has redirects = ["https://HOST"].

--mount does the same as a 'varve mount' afterwards, but faster: the mount is prepared during the download.

JSON: as in load

Examples:
  varve pull debian:12
  varve pull ghcr.io/owner/app@sha256:… --platform linux/arm64`,
  configure(command) {
    command
      .option("--platform <platform>", "platform to pull from an index, such as linux/arm64")
      .option(...PLAIN_HTTP_OPTION)
      .option(
        "--concurrency <n>",
        "number of layers to download at once (default 4, at most one per worker)",
      )
      .option(...MOUNT_OPTION);
  },
  async run(context, [reference = ""], options) {
    const name = remoteReference(reference, "pull");
    const platform = platformOption(stringOption(options, "platform"));
    const concurrency = parseConcurrency(stringOption(options, "concurrency"));
    const plainHttp = isPlainHttp(options);
    const store = await context.store();
    const directory = stringOption(options, "mount");
    const mount = await prepareMount(context, directory);
    using client = await registryClient(context, name, { plainHttp });
    const pullOptions: ProgramPullOptions = {
      ...await readingOptions(context, store),
      client,
      onIdle: await composeWarmUp(context, directory !== undefined),
      platform,
      concurrency,
    };
    const image = await pullImage(store, reference, pullOptions);
    return reportImages(context, [image], await mount.finish([image]));
  },
};
