// The tables that HPACK indices point into: the static one (RFC 7541 appendix A) and the bounded dynamic one (§2.3.2, §4).
// Used by the decoder, and by the encoder for the names that have a static index.

export type Entry = readonly [name: string, value: string];

// biome-ignore format: a table
const staticText = [
  ':authority', ':method GET', ':method POST', ':path /', ':path /index.html', ':scheme http', ':scheme https', ':status 200', ':status 204',
  ':status 206', ':status 304', ':status 400', ':status 404', ':status 500', 'accept-charset', 'accept-encoding gzip, deflate',
  'accept-language', 'accept-ranges', 'accept', 'access-control-allow-origin', 'age', 'allow', 'authorization', 'cache-control',
  'content-disposition', 'content-encoding', 'content-language', 'content-length', 'content-location', 'content-range', 'content-type',
  'cookie', 'date', 'etag', 'expect', 'expires', 'from', 'host', 'if-match', 'if-modified-since', 'if-none-match', 'if-range',
  'if-unmodified-since', 'last-modified', 'link', 'location', 'max-forwards', 'proxy-authenticate', 'proxy-authorization', 'range',
  'referer', 'refresh', 'retry-after', 'server', 'set-cookie', 'strict-transport-security', 'transfer-encoding', 'user-agent', 'vary',
  'via', 'www-authenticate',
] as const;

const staticEntries: readonly Entry[] = staticText.map((text) => {
  const space = text.indexOf(' ');
  return space < 0 ? [text, ''] : [text.slice(0, space), text.slice(space + 1)];
});

/** The first index of each name that the static table has. */
export const staticNames: ReadonlyMap<string, number> = new Map(staticEntries.map(([name], i) => [name, i + 1] as const).reverse());

/** What an entry counts for, in tables and in header lists (RFC 7541 §4.1). */
export const entryBytes = (name: string, value: string): number => name.length + value.length + 32;

/** As many as a table of the usual size holds: sweeping costs next to nothing then. */
const mostGone = 128;

/** The decoder's view of both tables. Oldest entries leave first. */
export class HeaderTable {
  /** Newest last, so that insertion is cheap. */
  readonly #dynamic: Entry[] = [];
  /** Where the oldest is; those before it have left and are swept out now and then. */
  #oldest = 0;
  #bytes = 0;
  #capacity: number;

  constructor(capacityBytes: number) {
    this.#capacity = capacityBytes;
  }

  /** Index 0 and those beyond the tables name nothing. */
  at(index: number): Entry | undefined {
    const beyond = index - staticEntries.length;
    if (beyond <= 0) return staticEntries[index - 1];
    const at = this.#dynamic.length - beyond;
    return at < this.#oldest ? undefined : this.#dynamic[at];
  }

  resize(capacityBytes: number): void {
    this.#capacity = capacityBytes;
    this.#evict(0);
  }

  add(entry: Entry): void {
    const bytes = entryBytes(entry[0], entry[1]);
    this.#evict(bytes);
    if (bytes > this.#capacity) return;
    this.#dynamic.push(entry);
    this.#bytes += bytes;
  }

  #evict(forBytes: number): void {
    for (; this.#bytes + forBytes > this.#capacity; this.#oldest++) {
      const entry = this.#dynamic[this.#oldest];
      if (entry === undefined) break;
      this.#bytes -= entryBytes(entry[0], entry[1]);
    }
    if (this.#oldest < mostGone) return;
    this.#dynamic.splice(0, this.#oldest);
    this.#oldest = 0;
  }
}
