/** Maximum length of a header in bytes. A longer header counts as absent. */
const MAX_HEADER = 16 * 1024;

const LINK = /[ \t,]*<([^<>]*)>((?:[ \t]*;[ \t]*[a-z*]+=(?:"[^"]*"|[^\s",;]*))*)/iy;
/** `rel=next`, also as one of several relations in quotes (RFC 8288, section 3.3). */
const NEXT = /;[ \t]*rel=(?:next(?=[ \t]*(?:;|$))|"(?:[^"]* )?next(?: [^"]*)?")/i;

/**
 * The address of the next page that a `Link` header names (RFC 8288), or `undefined`. `Headers.get`
 * joins several headers with commas. The caller must check whether the address may be followed.
 */
export function parseNextLink(header: string, base: URL): URL | undefined {
  if (header.length > MAX_HEADER) return undefined;
  LINK.lastIndex = 0;
  for (let match = LINK.exec(header); match !== null; match = LINK.exec(header)) {
    const [, address = "", parameters = ""] = match;
    if (!NEXT.test(parameters)) continue;
    const url = URL.parse(address, base);
    return url === null || url.username !== "" || url.password !== "" ? undefined : url;
  }
  return undefined;
}
