import { VarveError } from "../../errors.ts";
import { formatPlatform, type Index, isSamePlatform, type Platform } from "../../oci/mod.ts";

/**
 * The digests of what a user names of an index: by its digest or a unique prefix, or by its platform.
 *
 * @param name name of the index, for messages
 * @throws {VarveError} `E_NOT_FOUND` · `E_USAGE` several begin with a prefix, or it is none
 */
export function entriesNamed(
  index: Index,
  name: string,
  named: readonly (string | Platform)[],
): ReadonlySet<string> {
  const digests = named.flatMap((one) => {
    const found = typeof one === "string"
      ? byDigest(index, name, one)
      : index.manifests.filter(({ platform }) =>
        platform !== undefined && isSamePlatform(one, platform)
      ).map(({ digest }) => digest);
    if (found.length > 0) return found;
    const text = typeof one === "string" ? one : formatPlatform(one);
    throw new VarveError(
      "E_NOT_FOUND",
      `Cannot find ${text} in ${name}: the index has no such manifest`,
      { subject: text, hint: `list the manifests of ${name}` },
    );
  });
  return new Set(digests);
}

function byDigest({ manifests }: Index, name: string, text: string): string[] {
  if (!/^(?:sha(?:256|512):)?[0-9a-f]{4,128}$/.test(text)) {
    throw new VarveError("E_USAGE", `Cannot find ${JSON.stringify(text)}: it is no digest`, {
      hint: "give at least 4 digits",
    });
  }
  const found = new Set(
    manifests.map(({ digest }) => digest).filter((digest) =>
      digest.startsWith(text) || digest.slice(digest.indexOf(":") + 1).startsWith(text)
    ),
  );
  if (found.size <= 1) return [...found];
  throw new VarveError(
    "E_USAGE",
    `Cannot choose ${text} in ${name}: ${found.size} manifests begin with it`,
    { subject: text, hint: "give more digits" },
  );
}
