import { mediaTypeInfo } from "../../oci/mod.ts";

/**
 * Whether two media types of one blob contradict each other: they name different roles, such as a layer and a manifest.
 * Two images may call the same bytes a layer of OCI and one of Docker. An empty text is no media type.
 */
export function contradicts(a: string, b: string): boolean {
  return a !== "" && b !== "" && a !== b && mediaTypeInfo(a)?.role !== mediaTypeInfo(b)?.role;
}
