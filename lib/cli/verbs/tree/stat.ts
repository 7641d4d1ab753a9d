import type { ByteString } from "../../../bytes/mod.ts";
import { PLATFORM_OPTION } from "../../images.ts";
import { nodeToJson } from "../../nodes.ts";
import { openPath } from "../../files/open_files.ts";
import type { Verb } from "../../verb.ts";
import { PLAIN_HTTP_OPTION } from "../../sources/plain_http.ts";

/** `varve stat`. */
export const stat: Verb = {
  usage: "stat <ref:/path>",
  withoutStore: "refuses",
  summary: "show everything that is known about one path",
  onlyReads: true,
  help: `For a symbolic link, the link itself is shown, not its target.

JSON: {"path","type","mode","uid","gid","mtime","size","digest","layer","extents","target","major",
"minor","linkGroup","xattrs"}. Properties that do not apply are left out. xattr values are hexadecimal.

Example:
  varve stat debian:/etc/passwd`,
  configure(command) {
    command.option(...PLATFORM_OPTION).option(...PLAIN_HTTP_OPTION);
  },
  async run(context, [argument = ""], options) {
    await using target = await openPath(context, argument, false, options, "tree");
    const { path, node } = target;
    const json = nodeToJson(`/${path.replace(/^\/+/, "")}` as ByteString, node);
    const text = Object.entries(json).map(([key, value]) =>
      `${key.padEnd(10)} ${typeof value === "object" ? JSON.stringify(value) : value}\n`
    ).join("");
    return { json, text };
  },
};
