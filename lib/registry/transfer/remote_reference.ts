import { VarveError } from "../../errors.ts";
import { familiarName, parseReference, type Reference } from "../../oci/mod.ts";

/** A registry without a repository, such as `localhost:5000`. Docker's rules read it as an image of Docker Hub. */
const BARE_REGISTRY = /^(?:localhost|[^/@:]*\.[^/@:]*|\[[^\]]*\])(?::[^/@]*)?$/;
/** A name and a port, such as `myhost:5000`. An image with this name would have a tag of four or five digits. */
const WITH_PORT = /^[^/@:]+:[0-9]{4,5}$/;

/**
 * Reads the name of an image in a registry. A text that names only a registry is refused, because it would mean an image
 * of Docker Hub.
 *
 * @param verb what the user wants to do, for messages: `push to`
 * @param sent the image that is sent there; `undefined` when nothing is sent. If an image is sent, `text` counts as a
 *   registry also when it is a name and a port
 * @throws {VarveError} `E_USAGE`
 */
export function remoteReference(text: string, verb: string, sent?: Reference): Reference {
  const reference = parseReference(text);
  if (!BARE_REGISTRY.test(text) && (sent === undefined || !WITH_PORT.test(text))) return reference;
  const name = sent === undefined ? "NAME" : familiarName({ ...sent, registry: "docker.io" });
  throw new VarveError("E_USAGE", `Cannot ${verb} ${text}: a registry without a repository`, {
    subject: text,
    hint: `write ${text}/${name}; for Docker Hub, docker.io/library/${text}`,
  });
}
