// What policies can see of a connection and of a request on it, taken apart at most once for all of them. Pure.
// Built by the waypoint: one ConnectionFacts per connection, one RequestFacts per request; read by request-match.ts.
import { type Ip, type IpWords, parseIp, type SocketAddress, wordsOf } from '../address.ts';
import { principalOf, type SpiffeId } from '../spiffe.ts';
import { type Claims, textsOf } from './claims.ts';

/** In order; names in lower case. */
export type Headers = readonly (readonly [name: string, value: string])[];

export class ConnectionFacts {
  readonly source: Ip;
  readonly destination: SocketAddress;
  readonly identity: SpiffeId | undefined;
  /** Undefined in clear text: no rule about principals ever hits. */
  readonly principal: string | undefined;
  readonly sni: string;
  #sourceWords: IpWords | undefined;
  #destinationWords: IpWords | undefined;

  /** `source`: the client's own address, as its tunnel tells; `destination`: where it was going, a service's address included. */
  constructor(source: Ip, destination: SocketAddress, identity: SpiffeId | undefined, sni = '') {
    this.source = source;
    this.destination = destination;
    this.identity = identity;
    this.principal = identity && principalOf(identity);
    this.sni = sni;
  }

  get sourceWords(): IpWords {
    this.#sourceWords ??= wordsOf(this.source);
    return this.#sourceWords;
  }

  get destinationWords(): IpWords {
    this.#destinationWords ??= wordsOf(this.destination.ip);
    return this.#destinationWords;
  }
}

export interface RequestLine {
  /** `:authority`, port included if the client wrote one. */
  readonly host: string;
  readonly method: string;
  /** Normalised (path-normalization.ts), with its query. */
  readonly path: string;
  readonly headers: Headers;
}

const noRequest: RequestLine = { host: '', method: '', path: '', headers: [] };

export class RequestFacts {
  readonly connection: ConnectionFacts;
  readonly line: RequestLine;
  /** Of the token that was accepted. */
  readonly claims: Claims | undefined;
  #host: string | undefined;
  #path: string | undefined;
  #remote: Ip | undefined;
  #remoteWords: IpWords | undefined;

  /** Without `line`: a connection that is not HTTP. */
  constructor(connection: ConnectionFacts, line: RequestLine = noRequest, claims?: Claims) {
    this.connection = connection;
    this.line = line;
    this.claims = claims;
  }

  /** Lower case. */
  get host(): string {
    this.#host ??= this.line.host.toLowerCase();
    return this.#host;
  }

  /** Without query; as `comparablePath` says. */
  get path(): string {
    this.#path ??= comparablePath(this.line.path.replace(/[?#].*$/s, ''));
    return this.#path;
  }

  /** Where the request began: the last address of `x-forwarded-for`, which the hop before us vouches for; without a readable one, the client's own. */
  get remote(): Ip {
    this.#remote ??= lastForwarded(this.line.headers) ?? this.connection.source;
    return this.#remote;
  }

  get remoteWords(): IpWords {
    this.#remoteWords ??= wordsOf(this.remote);
    return this.#remoteWords;
  }

  /** All values, in order. `host` and pseudo-headers can be asked for, too. */
  header(name: string): readonly string[] {
    const { host, method, path, headers } = this.line;
    if (name === ':authority' || name === 'host') return [host];
    if (name === ':method') return [method];
    if (name === ':path') return [path];
    return headers.filter(([each]) => each === name).map(([, value]) => value);
  }

  claimTexts(name: string): readonly string[] {
    return this.claims !== undefined && Object.hasOwn(this.claims, name) ? textsOf(this.claims[name]) : [];
  }
}

/** Two spellings of a percent-encoded octet are one (RFC 3986 §6.2.2.1); policies and paths are compared in this form, requests keep their own. */
export const comparablePath = (path: string): string =>
  path.includes('%') ? path.replace(/%[0-9a-f]{2}/gi, (triplet) => triplet.toUpperCase()) : path;

function lastForwarded(headers: Headers): Ip | undefined {
  const line = headers.findLast(([name]) => name === 'x-forwarded-for')?.[1];
  return line === undefined ? undefined : parseIp(line.slice(line.lastIndexOf(',') + 1).trim());
}
