import { parseReference } from "../../../oci/mod.ts";
import type { ProgramPullOptions } from "../../../registry/internal.ts";
import { pullImage } from "../../../registry/mod.ts";
import { warmUpWhereComposed } from "../../compose_eager.ts";
import { hostPlatform, platformOption } from "../../images.ts";
import { expectImage, MOUNT_OPTION } from "../../mount_option.ts";
import { inflaterOf } from "../../options.ts";
import { parseConcurrency, registryClient } from "../../registry.ts";
import { loadSettings } from "../../settings.ts";
import { stringOption, type Verb } from "../../verb.ts";
import { layerProgress, reportImages } from "../../report_images.ts";

/** `varve pull`. */
export const pull: Verb = {
  usage: "pull <ref>",
  summary: "pull an image from a registry, verified while it comes",
  help:
    `REF is a name as Docker reads it: debian is docker.io/library/debian:latest. Layers that are here
are not fetched; a connection that is cut is taken up again at the byte where it broke. The image
becomes visible when all of it is verified.

Registries on this machine (localhost) are spoken to in plain http. Mirrors, certificates and plain
http of others stand in DIR/HOST/hosts.toml as containerd has it, DIR being $VARVE_HOSTS_DIR, else
~/.config/varve/certs.d, else /etc/containerd/certs.d. Credentials are those of docker, podman and
their helpers. Proxies: HTTP_PROXY, HTTPS_PROXY, NO_PROXY.

--mount is what 'varve mount' does then, but sooner than that could begin: it gets ready for it while
the layers come.

JSON: as in load.

Examples:
  varve pull debian:12
  varve pull ghcr.io/owner/app@sha256:… --platform linux/arm64`,
  configure(command) {
    command
      .option("--platform <platform>", "which image of an index, such as linux/arm64")
      .option("--plain-http", "speak to the registry without TLS")
      .option("--concurrency <n>", "layers that are fetched at once (4, at most one a worker)")
      .option(...MOUNT_OPTION);
  },
  async run(context, [reference = ""], options) {
    const name = parseReference(reference);
    const platform = platformOption(stringOption(options, "platform"));
    const concurrency = parseConcurrency(stringOption(options, "concurrency"));
    const plainHttp = options["plainHttp"] === true;
    const store = await context.store();
    const mount = stringOption(options, "mount");
    const arrival = await expectImage(context, mount);
    using client = await registryClient(context, name, { plainHttp });
    const pullOptions: ProgramPullOptions = {
      pool: await context.pool(),
      ...loadSettings(store),
      inflater: inflaterOf(context.options, store),
      host: hostPlatform(),
      signal: context.signal,
      onProgress: layerProgress(context),
      onIdle: await warmUpWhereComposed(context, mount !== undefined),
      platform,
      concurrency,
    };
    const image = await pullImage(store, client, reference, pullOptions);
    return reportImages(context, [image], await arrival.arrive([image], platform));
  },
};
