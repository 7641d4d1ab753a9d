import type { FileRun, JobContent, StreamContent, WantedLayer } from "./contract.ts";

/** Content from which a job makes a layer. */
export type MadeContent = FileRun | StreamContent | JobContent;

/**
 * What the job checks. A layer without a media type was not named by a descriptor. If its digest equals its diffID,
 * the digest was only derived from the diffID, so the job checks the diffID alone.
 */
export function expectedOf(
  { digest, size, diffId, mediaType }: WantedLayer,
): Pick<WantedLayer, "digest" | "size" | "diffId" | "mediaType"> {
  const isPromised = mediaType !== undefined || digest !== diffId;
  return { digest: isPromised ? digest : undefined, size, diffId, mediaType };
}

/** Size of a content in bytes; 0 when unknown. */
export function sizeOf(content: MadeContent): number {
  return content.kind === "file" ? content.length : content.size;
}

/** Name of a layer for progress: its diffID, else the digest of its blob, else its name in the archive. */
export function shownName({ digest, diffId, label }: WantedLayer): string {
  return diffId ?? digest ?? label;
}
