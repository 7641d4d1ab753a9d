import { VarveError } from "../../errors.ts";
import { bareMediaType, isSchema1, MEDIA_TYPES, mediaTypeInfo } from "./media_type.ts";

/**
 * The media type of a document, from all that claim to know it: its own field, the descriptor that
 * named it and the header that came with it.
 *
 * The document's own must be known. Of the outer ones, an unknown one (`text/html`) says nothing. All
 * known ones must agree, and with the shape of the document.
 *
 * @throws {VarveError} `E_MEDIA_TYPE`, `E_SCHEMA1`
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
