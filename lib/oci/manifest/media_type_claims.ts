import { VarveError } from "../../errors.ts";
import { bareMediaType, isSchema1, MEDIA_TYPES, mediaTypeInfo } from "./media_type.ts";

/**
 * The media type of a document. Up to three sources claim to know it: the document's own field, the
 * descriptor that names the document, and the `Content-Type` header of the response.
 *
 * The document's own claim must be a type that varve knows. An unknown outer claim, such as
 * `text/html`, is ignored. All known claims must agree with each other and with the fields of the
 * document.
 *
 * @param shape the kind of document that the fields of this document show; `undefined` when they
 * show neither kind
 * @throws {VarveError} `E_MEDIA_TYPE` when claims disagree, `E_SCHEMA1`, `E_FORMAT` when `shape` is
 * `undefined`
 */
export function agreedMediaType(
  shape: "index" | "manifest" | undefined,
  own: string | undefined,
  outer: { readonly mediaType?: string | undefined; readonly contentType?: string | undefined },
): string {
  const inner = own === undefined || own === "" ? undefined : own;
  if (inner !== undefined && !isSchema1(inner) && mediaTypeInfo(inner) === undefined) {
    throw new VarveError(
      "E_MEDIA_TYPE",
      `Cannot read manifest: its media type ${JSON.stringify(inner.slice(0, 120))} is not known`,
      { actual: inner.slice(0, 120) },
    );
  }
  let agreed: string | undefined;
  for (const claim of [inner, outer.mediaType, outer.contentType]) {
    if (claim === undefined) continue;
    const type = bareMediaType(claim);
    if (isSchema1(type)) {
      throw new VarveError(
        "E_SCHEMA1",
        "Cannot read manifest: it is Docker's schema 1; push the image again with a current tool",
      );
    }
    if (mediaTypeInfo(type) === undefined) continue;
    if (agreed !== undefined && agreed !== type) {
      throw new VarveError(
        "E_MEDIA_TYPE",
        `Cannot read manifest: it is called both ${agreed} and ${type}`,
        { expected: agreed, actual: type },
      );
    }
    agreed = type;
  }
  if (shape === undefined) {
    throw new VarveError(
      "E_FORMAT",
      'Cannot read manifest: it has neither "layers" nor "manifests"',
    );
  }
  agreed ??= shape === "index" ? MEDIA_TYPES.index : MEDIA_TYPES.manifest;
  if (mediaTypeInfo(agreed)?.role !== shape) {
    throw new VarveError(
      "E_MEDIA_TYPE",
      `Cannot read manifest: it is called ${agreed}, but has the fields of ${
        shape === "index" ? "an index" : "a manifest"
      }`,
      { actual: agreed },
    );
  }
  return agreed;
}
