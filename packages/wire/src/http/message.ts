// What an HTTP message says before and after its body, the same for HTTP/1.1 and HTTP/2. Plain data.
// Codecs (http1/, h2/) read and write it; whoever proxies looks at nothing else.

/** In order; names in lower case, a name may occur more than once. */
export type HeaderList = readonly (readonly [name: string, value: string])[];

/**
 * Without pseudo-headers, `host`, and what concerns one connection only (`connection`, `keep-alive`, `transfer-encoding`, `te` unless
 * `trailers`, `upgrade`, and what `connection` names). `content-length` stays, checked: the codec keeps to it.
 */
export interface RequestHead {
  readonly method: string;
  readonly scheme: 'http' | 'https';
  /** Host and perhaps port, as the client wrote it; empty only in HTTP/1.0. */
  readonly authority: string;
  /** Path with query as the client wrote it, beginning with `/`, or `*` for OPTIONS. Of the absolute form, what follows the authority. */
  readonly path: string;
  readonly headers: HeaderList;
  /** The one protocol that the client would like to change to (`websocket`), lower case. HTTP/1.1 only. */
  readonly upgrade?: string;
}

export interface ResponseHead {
  /** 101 and 200 to 599; 1xx otherwise are told apart (`inform`). */
  readonly status: number;
  /** As in requests: nothing that concerns one connection only. */
  readonly headers: HeaderList;
}
